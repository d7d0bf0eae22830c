import Foundation
import RNNBuilder
import Testing

/// Files that earlier versions of rnnc wrote: `Tests/Fixtures/formats`, a folder for each version, which is named after its
/// commit and made by the script `make` beside it.
@Suite("Old files keep working")
struct FormatTests {
  static let formats = Command.packageRoot.appendingPathComponent("Tests/Fixtures/formats")

  static let versions: [String] = {
    let found = try? FileManager.default.contentsOfDirectory(atPath: formats.path)
    return (found ?? []).filter { $0 != "make" }.sorted()
  }()

  static let checkpoints = versions.flatMap { version in ["text", "data"].map { (version, $0) } }

  /// A command in a folder of its own with the files of a version.
  private func command(_ version: String) throws -> Command {
    let command = try Command()
    let folder = Self.formats.appendingPathComponent(version)
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      try FileManager.default.copyItem(
        at: folder.appendingPathComponent(name), to: command.folder.appendingPathComponent(name))
    }
    return command
  }

  @Test func thereAreFiles() { #expect(Self.versions.contains("a6cdcb5")) }

  private struct Epoch: Decodable {
    var epoch: Int?
    var loss: Double
    var validation_loss: Double
  }

  private func epochs(_ lines: String) throws -> [Epoch] {
    try lines.split(separator: "\n").map { try JSONDecoder().decode(Epoch.self, from: Data($0.utf8)) }
      .filter { $0.epoch != nil }
  }

  /// A run goes on as it would have with the version that wrote it, but for rounding.
  @Test(arguments: checkpoints)
  func aCheckpointIsResumed(_ version: String, _ name: String) throws {
    let command = try command(version)
    let expected = try epochs(String(decoding: command.contents("\(name)-resumed.json"), as: UTF8.self))
    let last = try #require(expected.last?.epoch)
    let outcome = try command.run(
      "train", "--resume", "\(name)-checkpoint.safetensors", "--epochs", "\(last)", "--threads", "1", "--json"
    )
    #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
    let found = try epochs(outcome.output)
    #expect(found.map(\.epoch) == expected.map(\.epoch) && found.count == 3)
    for (a, b) in zip(found, expected) {
      #expect(abs(a.loss - b.loss) < 1e-3 * b.loss, "\(name), \(a) and \(b)")
      #expect(abs(a.validation_loss - b.validation_loss) < 1e-3 * b.validation_loss, "\(name), \(a) and \(b)")
    }
  }

  /// Format 2 kept plain sums of gradients. Nothing else can be added to these, so a run that has some cannot go on.
  @Test func plainSumsOfGradientsAreRefused() throws {
    let command = try command("a6cdcb5")
    let path = command.path("data-checkpoint.safetensors")
    var file = try Safetensors(contentsOfFile: path)
    #expect(try file.tensors["optimizer.gradient_count"]?.values(as: Double.self) == [0])
    file.tensors["optimizer.gradient_count"] = Tensor([1.0], shape: [])
    try file.write(toFile: path)
    let resumed = try command.run("train", "--resume", "data-checkpoint.safetensors", "--epochs", "20")
    #expect(
      resumed.status == 1
        && resumed.errors.contains("was written by an older rnnc in the middle of --accumulate 2"))
    let converted = try command.run(
      "convert", "data-checkpoint.safetensors", "--to", "pytorch", "-o", "weights.safetensors")
    #expect(converted.status == 0, "\(converted.errors)")
  }

  @Test(arguments: versions)
  func aCheckpointGeneratesAndIsConverted(_ version: String) throws {
    let command = try command(version)
    let outcome = try command.run(
      "generate", "text-checkpoint.safetensors", "--prefix", "it was", "--count", "40", "--temperature", "0")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(Data(outcome.output.utf8) == (try command.contents("generated.txt")))
    let converted = try command.run(
      "convert", "data-checkpoint.safetensors", "--to", "pytorch", "-o", "weights.safetensors")
    #expect(converted.status == 0, "\(converted.errors)")
    let weights = try Safetensors(contentsOfFile: command.path("weights.safetensors")).tensors
    #expect(weights["rnn.weight_ih_l0"] != nil)
  }

  @Test(arguments: versions)
  func aVocabularyIsRead(_ version: String) throws {
    let command = try command(version)
    let known = try command.contents("vocabulary.json")
    let outcome = try command.run(
      "train", "text.rnn", "--text", "text.txt", "--vocabulary", "vocabulary.json", "--batch", "2",
      "--epochs", "1")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try command.contents("vocabulary.json") == known)
  }

  /// The number of a checkpoint's format decides; what is known of another one is said.
  @Test(arguments: [
    ("4", "was written by a newer rnnc: its format is 4, and this rnnc reads formats up to 3", "update rnnc"),
    ("1", "was written by an older rnnc: its format is 1", "'rnnc run MODEL --tensors'"),
    ("x", "is damaged: 'x' is no version of the format", ""),
  ])
  func aCheckpointOfAnotherFormatIsRefused(_ number: String, _ message: String, _ note: String) throws {
    let command = try command("a6cdcb5")
    let key = "\"rnnc.checkpoint.version\":\""
    var changed = try command.contents("text-checkpoint.safetensors")
    let place = try #require(changed.firstRange(of: Data("\(key)2".utf8)))
    changed.replaceSubrange(place, with: Data("\(key)\(number)".utf8))
    try changed.write(to: command.folder.appendingPathComponent("other.st"))
    for arguments in [["generate", "other.st", "--prefix", "it"], ["train", "--resume", "other.st"]] {
      let outcome = try command.run(arguments)
      let said = outcome.errors
      #expect(outcome.status == 1 && said.contains("checkpoint 'other.st' \(message)"), "\(said)")
      #expect(note.isEmpty ? !said.contains("note: ") : said.contains("note: ") && said.contains(note))
    }
  }

  /// Models of every part of the language compute what they did.
  @Test(arguments: versions)
  func programsMeanTheSame(_ version: String) throws {
    let command = try command(version)
    let names = try FileManager.default.contentsOfDirectory(atPath: command.folder.path)
      .filter { $0.hasSuffix(".in.safetensors") }.map { String($0.dropLast(".in.safetensors".count)) }
    #expect(names.count >= 5)
    for model in names {
      let outcome = try command.run(
        "run", "language.rnn", "--model", model, "--tensors", "\(model).in.safetensors", "--layout",
        "time-major", "-o", "out.safetensors")
      #expect(outcome.status == 0, "\(model): \(outcome.errors)")
      let found = try Safetensors(contentsOfFile: command.path("out.safetensors")).tensors
      let expected = try Safetensors(contentsOfFile: command.path("\(model).out.safetensors")).tensors
      #expect(found.keys.sorted() == expected.keys.sorted(), "\(model)")
      for (name, tensor) in expected {
        let (a, b) = (try #require(found[name]), tensor)
        #expect(a.shape == b.shape && a.elementType == b.elementType, "\(model), \(name)")
        let differences = zip(try a.doubles, try b.doubles).map { abs($0 - $1) / max(1, abs($1)) }
        #expect(differences.allSatisfy { $0 < 1e-4 }, "\(model), \(name)")
      }
    }
  }

  #if os(Linux) && arch(x86_64)
    private func compile(_ command: Command, _ more: String...) throws {
      let outcome = try command.run(
        [
          "compile", "text.rnn", "--set", "V=9", "--batch", "2", "--threads", "1", "--inference", "--emit",
          "obj,header",
        ] + more)
      #expect(outcome.status == 0, "\(outcome.errors)")
    }

    /// Compiles and links `net.c` with a header and an object file, and runs it.
    private func run(_ command: Command, header: String, object: String) throws -> Outcome {
      try command.write("#include \"\(header)\"\n", to: "net.h")
      return try command.shell("clang -Wall -Werror net.c \(object) -lm -o net && ./net")
    }

    /// A program that was written for an old header compiles with a new one, and computes the same.
    @Test(arguments: versions)
    func aProgramInCGoesOn(_ version: String) throws {
      let command = try command(version)
      try compile(command, "-o", "new")
      let outcome = try run(command, header: "new.h", object: "new.o")
      #expect(outcome.status == 0, "\(outcome.errors)")
      func numbers(_ text: String) -> [Double] { text.split { $0.isWhitespace }.compactMap { Double($0) } }
      let found = numbers(outcome.output)
      let expected = numbers(String(decoding: try command.contents("net.txt"), as: UTF8.self))
      #expect(found.count == expected.count && found.count > 100)
      #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 2e-4 })
    }

    /// A header and an object file that were not made together would disagree on where everything is: they do not link.
    @Test func headersAndObjectFilesBelongTogether() throws {
      let command = try command("a6cdcb5")
      for name in ["net.h", "net.o"] {
        try FileManager.default.moveItem(atPath: command.path(name), toPath: command.path("old-\(name)"))
      }
      try compile(command, "-o", "new")
      try compile(command, "--set", "H=7", "-o", "wide")
      func name(_ header: String) throws -> String {
        let text = String(decoding: try command.contents(header), as: UTF8.self)
        let match = text.firstMatch(of: /#define rnnc_CharLM (rnnc_CharLM_abi1_[0-9a-f]{8})\n/)
        return String(try #require(match).1)
      }
      #expect(try name("new.h") != name("wide.h"))
      for (header, object, missing) in [
        ("old-net.h", "new.o", "rnnc_CharLM"), ("new.h", "old-net.o", try name("new.h")),
        ("wide.h", "new.o", try name("wide.h")),
      ] {
        let outcome = try run(command, header: header, object: object)
        #expect(outcome.status != 0, "\(header) with \(object)")
        #expect(outcome.errors.contains("undefined") && outcome.errors.contains(missing), "\(outcome.errors)")
      }
      for (header, object) in [("old-net.h", "old-net.o"), ("new.h", "new.o")] {
        #expect(try run(command, header: header, object: object).status == 0, "\(header) with \(object)")
      }
    }
  #endif
}

extension Tensor {
  /// The elements, tokens included.
  fileprivate var doubles: [Double] {
    get throws {
      elementType == .i32
        ? try values(as: Int32.self).map { Double($0) } : try converted(to: .f64).values(as: Double.self)
    }
  }
}
