import Foundation
import RNNCompiler
import Testing

@Suite("Commands")
struct CommandTests {
  let command: Command
  let model = Command.example("char-gru")

  init() throws { command = try Command() }

  @Test func checkIsSilentAboutRightModels() throws {
    let folder = Command.packageRoot.appendingPathComponent("Examples").path
    let models = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".rnn") }
    #expect(models.count >= 3)
    for name in models {
      let outcome = try command.run("check", "\(folder)/\(name)")
      #expect(outcome.status == 0 && outcome.output.isEmpty && outcome.errors.isEmpty, "\(outcome.errors)")
    }
  }

  @Test func checkSaysWhatAFileWithoutAModelHolds() throws {
    for (text, contents) in [
      ("", "no model, no cell, no function"),
      (
        "fn f(x) = x\r\ncell A(H) {\r\n input x: [H]\r\n output f(x)\r\n}\r\n",
        "no model, 1 cell (A), 1 function (f)"
      ),
    ] {
      try command.write("\u{FEFF}" + text, to: "cells.rnn")
      let outcome = try command.run("check", "cells.rnn")
      #expect(outcome.status == 0 && outcome.errors.isEmpty && outcome.output == "cells.rnn: \(contents)\n")
    }
  }

  @Test func checkWarnsOfWhatIsNotTrained() throws {
    try command.write(
      "model M {\n input x: seq [2]\n param s: [] = 1\n loss mean(square(x)) * s\n}\n", to: "m.rnn")
    let outcome = try command.run("check", "m.rnn")
    #expect(outcome.status == 0 && outcome.output.isEmpty)
    #expect(
      outcome.errors.contains("m.rnn:3:8: warning: parameter 's' only scales the loss"), "\(outcome.errors)")
  }

  @Test(arguments: [
    ("tran", "Did you mean 'train'?"), ("grad-check", "'gradcheck'?"), ("xyz", "The commands are check, "),
  ])
  func anUnknownCommandIsNamed(_ word: String, _ hint: String) throws {
    let outcome = try command.run(word, "model.rnn", "--epochs", "3")
    #expect(
      outcome.status == 64 && outcome.errors.contains("There is no command '\(word)'. "), "\(outcome.errors)")
    #expect(outcome.errors.contains(hint), "\(outcome.errors)")
  }

  @Test(arguments: [
    ("syntax", "model CharLM"), ("graph", "graph \"CharLM\""), ("gradient", "grad.rnn.W"),
    ("optimized", "update \"rnn.W\""), ("plan", "plan \"CharLM\" batch 4"),
    ("llvm-ir", "define void @rnnc_CharLM"),
    ("asm", "rnnc_CharLM_abi1_"), ("header", "void rnnc_CharLM("), ("dot", "digraph"),
  ])
  func everyStageCanBeRead(_ kind: String, _ part: String) throws {
    let outcome = try command.run("compile", model, "--set", "H=8", "--batch", "4", "--emit", kind)
    #expect(outcome.status == 0 && outcome.output.contains(part), "\(outcome.errors)")
  }

  @Test func severalKindsBecomeFiles() throws {
    let outcome = try command.run(
      "compile", model, "--set", "H=8", "--inference", "--emit", "obj,header,asm", "-o", command.path("net"))
    #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome.errors)")
    #expect(try command.contents("net.o").starts(with: [0x7f, 0x45, 0x4c, 0x46]))
    #expect(try command.contents("net.h").count > 100 && command.contents("net.s").count > 100)
  }

  /// A folder is made if the path says that it is one.
  @Test func kindsAreWrittenIntoAFolder() throws {
    let compile = ["compile", model, "--set", "H=8", "--inference", "--emit"]
    for (kinds, files) in [("graph,plan", ["char-gru.graph", "char-gru.plan"]), ("header", ["char-gru.h"])] {
      for folder in ["new/\(kinds)/", "new/\(kinds)"] {
        let outcome = try command.run(compile + [kinds, "-o", folder])
        #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome.errors)")
        let found = try FileManager.default.contentsOfDirectory(atPath: command.path(folder))
        #expect(found.sorted() == files)
      }
    }
    try command.write("", to: "file")
    let blocked = try command.run(compile + ["plan", "-o", "file/folder/"])
    #expect(
      blocked.status == 1 && blocked.errors.contains("cannot make folder 'file/folder/': not a directory"))
  }

  /// LLVM knows many more targets; code is made for those that tests compile for.
  @Test func otherTargetsAreRefused() throws {
    for target in [
      "nvptx64-nvidia-cuda", "amdgcn-amd-amdhsa", "wasm32-unknown-unknown", "i686-unknown-linux-gnu",
      "armv7-unknown-linux-gnueabihf", "riscv64-unknown-linux-gnu", "x86_64-unknown-linux-gnux32",
      "x86_64-pc-windows-msvc", "aarch64_be-unknown-linux-gnu", "nonsense-unknown-linux-gnu",
    ] {
      let outcome = try command.run(
        "compile", model, "--set", "H=8", "--emit", "obj", "--target", target, "-o", "o")
      #expect(outcome.status == 1, "\(target)")
      let lines = outcome.errors.split(separator: "\n")
      #expect(
        lines.count == 2 && lines[0].hasPrefix("error: ") && lines[0].contains("'\(target)'"), "\(lines)")
      #expect(lines[1].contains("x86_64 or aarch64 with Linux or macOS"))
    }
  }

  @Test func whatIsMissingIsSaid() throws {
    try command.write("model M { input x: []; target t: []; loss t + x }", to: "loss.rnn")
    #expect(try command.run("compile", "loss.rnn").status == 0)
    for more in [[], ["--emit", "obj"], ["--emit", "plan"]] {
      let outcome = try command.run(["compile", "loss.rnn", "--inference"] + more)
      #expect(outcome.status == 1 && outcome.errors.contains("model 'M' has no output and no state"))
    }
  }

  @Test func anotherProcessorsCodeHasItsRegisters() throws {
    func assembly(_ target: String) throws -> String {
      let outcome = try command.run(
        "compile", model, "--set", "H=64", "--emit", "asm", "--target", target, "--inference")
      #expect(outcome.status == 0, "\(outcome.errors)")
      return outcome.output
    }
    #expect(try assembly("x86-64").contains("%xmm") && !assembly("x86-64").contains("%ymm"))
    #expect(try assembly("x86-64-v3").contains("%ymm"))
    #expect(try assembly("aarch64-unknown-linux-gnu").contains("fmla"))
  }

  @Test func passesAreTimedAndPrinted() throws {
    let outcome = try command.run(
      "compile", model, "--set", "H=8", "--time-passes", "--verify-each", "--print-after", "one-hot")
    #expect(outcome.status == 0)
    for part in ["optimize", "plan", "code", "link", "dce", "// after one-hot", "gather"] {
      #expect(outcome.errors.contains(part), "\(part)")
    }
  }

  @Test func theLibraryIsShown() throws {
    let names = try command.run("show").output.split(separator: "\n").map(String.init)
    #expect(names.contains("GRU") && names.contains("LSTM") && names.contains("huber"))
    for name in names {
      let outcome = try command.run("show", name)
      let word = name.first?.isUppercase == true ? "cell" : "fn"
      #expect(outcome.status == 0 && outcome.output.contains("\n\(word) \(name)("))
    }
  }

  @Test func gradientsAreChecked() throws {
    for more in [[], ["--interpret"], ["-O", "none"]] {
      let outcome = try command.run(["gradcheck", model] + more)
      #expect(outcome.status == 0, "\(outcome.errors)")
      for name in ["rnn.W", "rnn.U", "out.b", "rnn.h"] { #expect(outcome.output.contains(name)) }
      #expect(outcome.output.contains(/\nthe gradients agree with differences: .*\n$/))
    }
    try command.write("model M { input x: [1]; loss sum(sin(1000000000 * x)) }", to: "steep.rnn")
    let wrong = try command.run("gradcheck", "steep.rnn")
    #expect(wrong.status == 1 && wrong.output.contains("the gradients do not agree with differences: "))
    #expect(wrong.errors.contains("error: the gradients do not agree"))
  }

  @Test func trainingReportsInJSON() throws {
    try command.write(sampleText, to: "text.txt")
    let outcome = try command.run(
      "train", model, "--text", "text.txt", "--set", "H=8", "--batch", "2", "--steps", "5", "--epochs", "3",
      "--json")
    #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
    let objects = try outcome.output.split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
    #expect(objects.count == 4)
    #expect(objects.prefix(3).compactMap { $0["epoch"] as? Int } == [1, 2, 3])
    for key in ["perplexity", "tokens_per_second", "seconds", "compile_seconds"] {
      #expect((objects[3][key] as? Double ?? 0) > 0, "\(key)")
    }
    #expect(objects[3]["perplexity"] as? Double == objects[2]["perplexity"] as? Double)
  }

  @Test func theProgramIsAsLargeForManySteps() throws {
    try command.write(String(repeating: sampleText, count: 20), to: "text.txt")
    let sizes = try ["8", "512"].map { steps in
      let outcome = try command.run(
        "train", model, "--text", "text.txt", "--set", "H=8", "--batch", "2", "--steps", steps, "--epochs",
        "1",
        "--json")
      #expect(outcome.status == 0, "\(outcome.errors)")
      let last = try #require(outcome.output.split(separator: "\n").last)
      let summary = try #require(try JSONSerialization.jsonObject(with: Data(last.utf8)) as? [String: Any])
      return try ["operations", "kernels", "instructions"].map { try #require(summary[$0] as? Int) }
    }
    #expect(sizes[0] == sizes[1] && sizes[0].allSatisfy { $0 > 0 }, "\(sizes)")
  }

  @Test func tensorsAreRun() throws {
    let program = try Compiler(CompileOptions(threads: 1)).compile(
      contentsOfFile: model, sizes: ["H": 8], batch: 3)
    var tensors = try program.initialParameters(seed: 4)
    // In files [N, T], in memory [T, N].
    tensors["text"] = Tensor((0..<15).map(Int32.init), shape: [3, 5])
    tensors["next"] = Tensor((1..<16).map(Int32.init), shape: [3, 5])
    try Safetensors(tensors: tensors).write(toFile: command.path("in.st"))
    for name in ["text", "next"] { tensors[name] = tensors[name]?.swappingFirstAxes() }
    try Safetensors(tensors: tensors).write(toFile: command.path("steps.st"))
    let expected = try program.run(tensors, gradients: true)
    for (file, more) in [
      ("in.st", []), ("in.st", ["--interpret"]), ("steps.st", ["--layout", "time-major"]),
    ] {
      let outcome = try command.run(
        ["run", model, "--set", "H=8", "--tensors", file, "--gradients", "-o", "out.st"] + more)
      #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
      let found = try Safetensors(contentsOfFile: command.path("out.st")).tensors
      #expect(found.keys.sorted() == expected.keys.sorted())
      for name in ["grad.rnn.U", "output", "rnn.h"] {
        let tensor = try #require(expected[name])
        let isSwapped = name == "output" && file == "in.st"
        let pairs = zip(
          try #require(found[name]).values(as: Float.self),
          try (isSwapped ? tensor.swappingFirstAxes() : tensor).values(as: Float.self))
        for (a, b) in pairs { #expect(abs(a - b) < 1e-5) }
      }
    }
  }

  @Test func weightsGoToPyTorchAndBack() throws {
    try command.write(sampleText, to: "text.txt")
    let train = ["train", model, "--text", "text.txt", "--set", "H=8", "--batch", "2", "--epochs", "1"]
    #expect(try command.run(train + ["--checkpoint", "net.st"]).status == 0)
    let convert = ["convert", "net.st", "--to", "pytorch", "-o", "torch.st"]
    let converted = try command.run(convert + ["--module", "=rnn", "--module", "fc=out"])
    #expect(converted.status == 0 && converted.output.isEmpty, "\(converted.errors)")
    let weights = try Safetensors(contentsOfFile: command.path("torch.st")).tensors
    #expect(
      weights.keys.sorted() == [
        "bias_hh_l0", "bias_ih_l0", "fc.bias", "fc.weight", "weight_hh_l0", "weight_ih_l0",
      ])
    let checkpoint = try Checkpoint(contentsOfFile: command.path("net.st"))
    let vocabulary = try #require(checkpoint.metadata.vocabulary).count
    func output(_ parameters: [String: Tensor], _ more: String...) throws -> Tensor {
      var tensors = parameters
      tensors["text"] = Tensor((0..<15 as Range<Int32>).map { $0 % 7 }, shape: [3, 5])
      try Safetensors(tensors: tensors).write(toFile: command.path("in.st"))
      let sizes = ["--set", "H=8", "--set", "V=\(vocabulary)"]
      let outcome = try command.run(["run", model, "--tensors", "in.st", "-o", "out.st"] + sizes + more)
      #expect(outcome.status == 0, "\(outcome.errors)")
      return try #require(try Safetensors(contentsOfFile: command.path("out.st")).tensors["output"])
    }
    #expect(try output(weights) == output(checkpoint.parameters))
    #expect(try output(weights).shape == [3, 5, vocabulary])
    #expect(try output(weights, "--layout", "time-major") != output(weights))
    let wrong = try command.run(convert + ["--module", "rnn=lstm"])
    #expect(wrong.status == 1 && wrong.errors.contains("no instance 'lstm'"), "\(wrong.errors)")
  }

  /// The library and the command line train alike.
  @Test func theSwiftExampleTrains() throws {
    try command.write(sampleText + "The time traveller.\n", to: "text.txt")
    let swift = try command.finish(command.start(["text.txt", "2"], program: Command.timeMachine))
    #expect(swift.status == 0, "\(swift.errors)")
    #expect(swift.output.contains("epoch 2: perplexity ") && swift.output.contains("time traveller"))
    let line = try command.run(
      "train", Command.example("time-machine-gru"), "--text", "text.txt", "--set", "H=256", "--epochs", "2")
    let perplexity = try #require(line.output.firstMatch(of: /epoch 2\/2  (perplexity [0-9.]+)/)).1
    #expect(swift.output.contains("epoch 2: \(perplexity)\n"), "\(swift.output) \(line.output)")
    let missing = try command.finish(command.start(["none.txt"], program: Command.timeMachine))
    #expect(missing.status == 1 && missing.errors.contains("'none.txt'"))
  }
}
