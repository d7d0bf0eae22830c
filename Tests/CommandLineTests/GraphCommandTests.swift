import Foundation
import Testing

@Suite("Commands take printed graphs")
struct GraphCommandTests {
  let command: Command

  init() throws {
    command = try Command()
    try command.writeTextModel(cell: "GRU", hidden: 3)
  }

  /// Runs a line of the shell in which `rnnc` is the program.
  private func shell(_ line: String, status: Int32 = 0) throws -> Outcome {
    let outcome = try command.shell("PATH=\"$(dirname \"$RNNC\"):$PATH\"; \(line)")
    #expect(outcome.status == status, "\(line): \(outcome.output)\(outcome.errors)")
    return outcome
  }

  private func print(_ kind: String = "graph", to name: String = "model.graph") throws {
    _ = try shell("rnnc compile model.rnn --emit \(kind) -o \(name)")
  }

  @Test func aGraphTakesThePlaceOfAModel() throws {
    try print()
    for kinds in ["graph", "gradient", "optimized", "plan", "llvm-ir", "dot"] {
      let outcomes = try ["model.rnn", "model.graph"].map {
        try shell("rnnc compile \($0) --batch 4 --threads 1 --emit \(kinds)").output
      }
      #expect(outcomes[0] == outcomes[1] && !outcomes[0].isEmpty, "\(kinds)")
    }
    _ = try shell(
      "rnnc compile model.graph --inference --emit obj,header,asm,syntax -o net && ls net.o net.h")
    #expect(try shell("rnnc check model.graph").output.isEmpty)
    let agree = try shell("rnnc gradcheck model.graph --threads 1").output
    #expect(agree.contains("the gradients agree"))
    let times = try shell(
      "rnnc bench model.graph --batch 2 --steps 2 --seconds 0.001 --threads 1 --json"
    ).output
    #expect(times.contains("\"case\":\"M\",\"kind\":\"training\""))
  }

  @Test func aGraphIsTrainedAndWrites() throws {
    try print()
    let train = "--text text.txt --batch 2 --steps 3 --epochs 2 --threads 1 --no-cache --checkpoint"
    _ = try shell("rnnc train model.rnn --set V=7 \(train) a.st")
    _ = try shell("rnnc compile model.rnn --set V=7 --emit graph -o model.graph")
    _ = try shell("rnnc train model.graph \(train) b.st")
    let texts = try ["a.st", "b.st"].map {
      try shell("rnnc generate \($0) --prefix abc --count 9 --temperature 0 --no-cache").output
    }
    #expect(texts[0] == texts[1])
    _ = try shell("rnnc train --resume b.st --epochs 3 --threads 1 --no-cache")
    let refused = try shell("rnnc convert b.st --to pytorch -o c.st", status: 1)
    #expect(refused.errors.contains("does not say what PyTorch calls its parameters"))
    let small = try shell(
      "rnnc compile model.rnn --set V=3 --emit graph -o s.graph; rnnc train s.graph \(train) d.st", status: 1)
    #expect(small.errors.contains("rnnc compile MODEL --set V=7 --emit graph"), "\(small.errors)")
  }

  /// A printed plan goes through the passes that lay it out, to what the schedule of the model ends with.
  @Test func aPlanIsLaidOut() throws {
    try print("plan", to: "model.plan")
    let done = try shell(
      "rnnc opt model.plan --threads 2 --verify-each --time-passes --print-after arena -o laid.plan")
    #expect(done.errors.contains("arrange") && done.errors.contains("// after arena"))
    let schedule = try shell("rnnc compile model.rnn --threads 2 --emit schedule").output
    #expect(try schedule.hasSuffix(shell("cat laid.plan").output))
    _ = try shell("rnnc opt laid.plan | cmp - laid.plan")
    let parts = try shell("rnnc opt model.plan --passes arrange,prepare --threads 1").output
    #expect(parts.contains("tile") && !parts.contains("phases"))
    for (line, message) in [
      ("opt model.plan --passes cse", "there is no pass of plans 'cse'"),
      ("opt laid.plan --passes arrange", "the plan is laid out already"),
    ] {
      #expect(try shell("rnnc \(line)", status: 1).errors.contains(message))
    }
    #expect(try shell("rnnc opt model.plan --compare", status: 64).errors.contains("--compare is for graphs"))
    let wrong = try shell("sed 's/b0\\[/b99[/' model.plan > wrong.plan; rnnc opt wrong.plan", status: 1)
    #expect(wrong.errors.contains("'b99' is not a buffer"))
  }

  @Test func optionsOfModelsAreRefusedWithAWayOut() throws {
    try print()
    let size = try shell("rnnc compile model.graph --set H=4", status: 1)
    #expect(size.errors.contains("'rnnc compile MODEL --set H=4 --emit graph'"))
    #expect(
      try shell("rnnc check model.graph --model N", status: 1).errors.contains("holds the graph 'M' alone"))
    let damaged = try shell("sed 's/= tanh/= tahn/' model.graph > d.graph; rnnc check d.graph", status: 1)
    #expect(
      damaged.errors.contains(/d\.graph:\d+:\d+: error: 'tahn' is not an operation/), "\(damaged.errors)")
    let mixed = try shell("rnnc opt model.rnn", status: 1)
    #expect(mixed.errors.contains("'rnnc compile model.rnn --emit graph'"))
    try print("gradient")
    let trained = try shell("rnnc train model.graph --text text.txt", status: 1)
    #expect(trained.errors.contains("so it is differentiated already"), "\(trained.errors)")
  }

  @Test func passesAreListedAndApplied() throws {
    let list = try shell("rnnc passes").output.split(separator: "\n")
    #expect(list.count > 20 && list.contains { $0.contains(/^dce +drop operations/) })
    try print("gradient")
    let all = try shell("rnnc opt model.graph --verify-each --time-passes --print-after all -o out.graph")
    #expect(all.output.isEmpty)
    #expect(
      all.errors.contains("// after order-sums\ngraph \"M\"") && all.errors.contains(/\ndce +\d+\.\d+ ms/))
    let one = try shell("rnnc opt model.graph --passes dce,simplify --print-after dce").output
    #expect(one.hasPrefix("graph \"M\" {"))
    #expect(try one != shell("cat model.graph").output)
    #expect(try shell("rnnc opt model.graph --compare --batch 2").output.hasPrefix("the outputs agree"))
    for line in [
      "opt model.graph --passes dcee", "opt model.graph --print-after dcee",
      "compile model.rnn --print-after dcee",
    ] {
      let wrong = try shell("rnnc \(line)", status: 1).errors
      #expect(wrong.contains("there is no pass 'dcee'\nnote: did you mean 'dce'?"), "\(wrong)")
    }
  }

  @Test func aFileIsReduced() throws {
    try print()
    let outcome = try shell("rnnc reduce model.graph --keep 'grep -q tanh {}'")
    #expect(
      outcome.output.contains(/^model\.reduced\.graph: \d+ lines of \d+ after \d+ candidates\n$/),
      "\(outcome.output)")
    let small = String(decoding: try command.contents("model.reduced.graph"), as: UTF8.self)
    #expect(small.contains("tanh") && small.split(separator: "\n").count <= 5, "\(small)")
    // What is imported is written into the file.
    try command.write("cell Squash(H) { input x: [H]\n output tanh(x) }", to: "cells.rnn")
    try command.write(
      "import \"cells.rnn\"\nmodel N(H = 9) { input x: seq [H]\n s = Squash(H)\n y = 2 * s(x)\n output y }",
      to: "n.rnn")
    let keep = "rnnc compile {} --emit graph | grep -q tanh"
    let source = try shell("rnnc reduce n.rnn --keep '\(keep)' -o -")
    #expect(source.output.hasPrefix("model ") && source.output.contains("tanh"), "\(source.output)")
    #expect(!source.output.contains("import") && source.output.split(separator: "\n").count <= 4)
  }

  @Test func whatShowsNothingIsNotReduced() throws {
    let never = try shell("rnnc reduce model.rnn --keep 'grep -q nothing {}'", status: 1)
    #expect(never.errors.contains("does not succeed for 'model.rnn' itself"))
    #expect(try shell("rnnc reduce model.rnn --keep true", status: 1).errors.contains("write {} for it"))
    let slow = try shell("rnnc reduce model.rnn --keep 'sleep 60; test -e {}' --timeout 0.1", status: 1)
    #expect(slow.errors.contains("0.1 seconds"))
  }

  /// The smallest file so far is written, and nothing that was started goes on.
  @Test func aReductionIsInterrupted() throws {
    try print("gradient")
    let process = try command.start([
      "reduce", "model.graph", "--keep",
      "echo >> tries; [ $(wc -l < tries) -lt 12 ] || exec sleep 100; grep -q tanh {}",
    ])
    while ((try? command.contents("tries").count) ?? 0) < 12, process.isRunning { usleep(5000) }
    process.interrupt()
    let outcome = try command.finish(process)
    #expect(outcome.status == 130, "\(outcome.errors)")
    let small = String(decoding: try command.contents("model.reduced.graph"), as: UTF8.self)
    let whole = String(decoding: try command.contents("model.graph"), as: UTF8.self)
    #expect(small.contains("tanh") && small.utf8.count < whole.utf8.count, "\(outcome.output)")
    #expect(outcome.output.contains("after "), "\(outcome.output)")
    _ = try shell("rnnc check model.reduced.graph && rnnc opt model.reduced.graph")
  }
}
