import Foundation
import RNNTestSupport
import Testing

@testable import RNNRuntime

@Suite struct SafetensorsTests {
  static let fixtures = [
    "gru_l1_t3b1i4h2.safetensors", "rnn_l1_bi_len_t8b4i5h7.safetensors", "train_sgd.safetensors",
  ]

  /// Files of the Python package come out bit for bit as they came in.
  @Test(arguments: fixtures) func rewritesPythonFilesExactly(name: String) throws {
    let path = try fixture(name)
    let original = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    let file = try Safetensors(contentsOfFile: path)
    #expect(!file.tensors.isEmpty && file.metadata["config"] != nil)
    #expect(file.encoded() == original)
    #expect(try Safetensors(original) == file)
  }

  /// Where a tensor without elements stands is where the next one begins.
  @Test func tensorsWithoutElementsMayStandAnywhere() throws {
    for order in [["a", "b", "c"], ["b", "a", "c"], ["c", "b", "a"]] {
      var offset = 0
      let entries = order.map { name in
        let (shape, size) = name == "b" ? ("[1]", 4) : ("[0,3]", 0)
        defer { offset += size }
        return #""\#(name)":{"dtype":"F32","shape":\#(shape),"data_offsets":[\#(offset),\#(offset + size)]}"#
      }
      let header = Array("{\(entries.joined(separator: ","))}".utf8)
      let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
      let file = try Safetensors(length + header + [0, 0, 128, 63])
      #expect(try file.tensors["b"]?.values(as: Float.self) == [1] && file.tensors["a"]?.shape == [0, 3])
    }
  }

  @Test func readsValuesOfAPythonFile() throws {
    let file = try Safetensors(contentsOfFile: fixture("train_sgd.safetensors"))
    #expect(file.tensors["inputs"]?.description == "i64[6, 7, 4]")
    #expect(file.tensors["after.fc.bias"]?.description == "f64[12]")
    let ids = try #require(file.tensors["inputs"]).values(as: Int64.self)
    #expect(ids.allSatisfy { (0..<12).contains($0) } && Set(ids).count > 6)
    // One step of SGD at learning rate 1 moves no weight of this small net far.
    let bias = try #require(file.tensors["after.fc.bias"]).values(as: Double.self)
    #expect(bias.allSatisfy { abs($0) < 2 && $0 != 0 })
  }

  @Test func everyTypeAndOddTextSurvives() throws {
    var file = Safetensors(metadata: ["quote\"\\\n\t\u{1}\u{c}": "ümlaut 👩‍👩‍👧 / \r\u{8}\u{7f}", "": ""])
    for (index, type) in ElementType.allCases.enumerated() {
      var tensor = Tensor(type, shape: [index, 3])
      tensor.withUnsafeMutableBytes { for byte in $0.indices { $0[byte] = UInt8(byte % 2) } }
      file.tensors["t\(index)"] = tensor
    }
    file.tensors["größe \"1\""] = Tensor([Float.nan], shape: [])
    let bytes = file.encoded()
    #expect(bytes[0] % 8 == 0)
    #expect(try Safetensors(bytes) == file)
    #expect(try Safetensors(Safetensors().encoded()) == Safetensors())
    try withTemporaryFolder { folder in
      try file.write(toFile: folder + "/a")
      #expect(try Safetensors(contentsOfFile: folder + "/a") == file)
    }
  }

  /// Each damage with a part of the message it must give.
  static let damages: [(header: String, data: Int, message: String)] = [
    ("", 0, "a header of 0 bytes does not fit"),
    ("[]", 0, "its header is not JSON in UTF-8"),
    ("{\"a\":", 0, "its header is not JSON"),
    ("{\"a\":1}", 0, "the entry 'a' of its header is malformed"),
    (#"{"__metadata__":{"a":1}}"#, 0, "the entry '__metadata__' of its header is malformed"),
    (#"{"a":{"dtype":"F32","shape":[1]}}"#, 4, "the entry 'a' of its header is malformed"),
    (#"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#, 4, "'a' of its header is malformed"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}"#, 4, "'a' of its header is malformed"),
    (#"{"a":{"dtype":"F32","shape":[1e30],"data_offsets":[0,4]}}"#, 4, "'a' of its header is malformed"),
    (#"{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}"#, 4, "element type 'BF16'"),
    (
      #"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4,
      "tensor 'a' has the impossible shape [-1]"
    ),
    (
      #"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#, 4,
      "tensor 'a' has the impossible shape"
    ),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 4, "tensor 'a' lies at bytes 0 to 8 of 4"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4, "tensor 'a' lies at bytes 4 to 0 of 4"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#, 4, "tensor 'a' lies at bytes -4 to 0"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4, "has 4 bytes, but f32[2] takes 8"),
    (
      #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#,
      4, "tensor 'b' overlaps another one"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}}"#,
      4, "no tensor has the 2 bytes before tensor 'b'"
    ),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 7, "no tensor has the 3 bytes at its end"),
  ]

  @Test(arguments: damages.indices) func damagedFilesAreExplained(index: Int) {
    let (header, data, message) = Self.damages[index]
    let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init)
    let bytes = length + Array(header.utf8) + [UInt8](repeating: 0, count: data)
    let error = inputError { _ = try Safetensors(bytes, origin: "file 'x'") }
    #expect(error.contains(message) && error.contains("file 'x'"), "\(error)")
  }

  @Test func shortAndHugeLengthsAreExplained() {
    #expect(inputError { _ = try Safetensors([], origin: "file 'x'") } == "file 'x' is empty")
    #expect(inputError { _ = try Safetensors([1, 2, 3]) }.contains("it has only 3 bytes"))
    #expect(
      inputError { _ = try Safetensors([UInt8](repeating: 255, count: 64)) }
        .contains("a header of 18446744073709551615 bytes does not fit a file of 64"))
  }

  @Test func deepNestingIsExplained() {
    let header = Array("{\"a\":".utf8) + [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init)
    #expect(inputError { _ = try Safetensors(length + header) }.contains("its header is not JSON"))
  }

  @Test func missingFilesAndFoldersAreExplained() throws {
    try withTemporaryFolder { folder in
      #expect(
        inputError { _ = try Safetensors(contentsOfFile: folder + "/none") }
          == "cannot open safetensors file '\(folder)/none': no such file or directory")
      #expect(
        inputError { _ = try Safetensors(contentsOfFile: folder) }
          == "cannot read safetensors file '\(folder)': is a directory")
    }
  }

  /// Whatever is changed in a file, reading it ends in values or in an `InputError`.
  @Test(arguments: TestGroup.texts.seeds(15, core: 2)) func randomDamageNeverTraps(seed: UInt64) throws {
    let original = try [UInt8](
      Data(contentsOf: URL(fileURLWithPath: fixture("gru_l1_t3b1i4h2.safetensors"))))
    var random = RandomStream(seed: seed, name: "damage")
    let marks = Array("{}[]\",:-0123456789eE.\\u\u{0}".utf8)
    var refused = 0
    for _ in 0..<100 {
      var bytes = original
      for _ in 0...random.integer(below: 3) {
        // Mostly in the header, where damage has meaning.
        let place = random.integer(below: random.integer(below: 8) == 0 ? bytes.count : 1392)
        switch random.integer(below: 6) {
        case 0: bytes[place] = UInt8(random.integer(below: 256))
        case 1: bytes[place] ^= 1 << random.integer(below: 8)
        case 2, 3: bytes[place] = marks[random.integer(below: marks.count)]
        case 4: bytes.remove(at: place)
        default: bytes.insert(marks[random.integer(below: marks.count)], at: place)
        }
        if random.integer(below: 10) == 0 { bytes.removeLast(random.integer(below: bytes.count - 1392)) }
      }
      do {
        _ = try Safetensors(bytes)
      } catch is InputError {
        refused += 1
      }
    }
    #expect(refused > 30)
  }
}
