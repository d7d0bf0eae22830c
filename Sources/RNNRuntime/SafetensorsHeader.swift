import Foundation
import RNNSupport

/// The checked table of contents of a safetensors file.
struct SafetensorsHeader {
  /// One tensor of the table.
  struct Entry {
    let name: String
    let elementType: ElementType
    let shape: [Int]
    /// Where the bytes begin, from the start of the file.
    let fileOffset: Int
  }

  let metadata: [String: String]
  let entries: [Entry]

  /// The format's limit on the header, which keeps a damaged length from claiming all memory.
  private static let longestHeader = 100_000_000

  /// Reads and checks the header of a file of `byteCount` bytes: after it every entry's bytes lie in the file,
  /// together cover all of it, and are as many as type and shape say.
  init(
    byteCount: Int, origin: String, read: (UnsafeMutableRawBufferPointer, Int) throws -> Void
  ) throws {
    func damaged(_ what: String) -> InputError {
      InputError("\(origin) is damaged: \(what)", note: "it is no safetensors file, or was cut or changed")
    }
    guard byteCount >= 8 else {
      throw byteCount == 0
        ? InputError("\(origin) is empty") : damaged("it has only \(counted(byteCount, "byte"))")
    }
    var length: UInt64 = 0
    try withUnsafeMutableBytes(of: &length) { try read($0, 0) }
    length = UInt64(littleEndian: length)
    guard length >= 2, length <= UInt64(min(byteCount - 8, Self.longestHeader)) else {
      throw damaged("a header of \(counted(length, "byte")) does not fit a file of \(byteCount)")
    }
    var header = [UInt8](repeating: 0, count: Int(length))
    try header.withUnsafeMutableBytes { try read($0, 8) }
    // The JSON decoder also takes other encodings, which the format does not.
    guard header[0] == UInt8(ascii: "{"), String(validating: header, as: UTF8.self) != nil else {
      throw damaged("its header is not JSON in UTF-8")
    }
    let table: RawTable
    do {
      table = try JSONDecoder().decode(RawTable.self, from: Data(header))
    } catch let entry as MalformedEntry {
      throw damaged("the entry '\(entry.name)' of its header is malformed")
    } catch {
      throw damaged("its header is not JSON")
    }
    metadata = table.metadata

    let dataOffset = 8 + Int(length)
    var end = 0
    var entries: [Entry] = []
    // A tensor without elements ends where it begins, and where another one may begin, too.
    func place(_ entry: (key: String, value: RawEntry)) -> (Int, Int, String) {
      (entry.value.begin, entry.value.end, entry.key)
    }
    for (name, raw) in table.entries.sorted(by: { place($0) < place($1) }) {
      guard let elementType = ElementType(safetensorsName: raw.dtype) else {
        throw InputError(
          "tensor '\(name)' of \(origin) has the element type '\(raw.dtype)', which is not supported",
          note: "supported are "
            + ElementType.allCases.map(\.safetensorsName).sorted().joined(separator: ", "))
      }
      guard let size = Tensor.byteCount(of: elementType, shape: raw.shape) else {
        throw damaged("tensor '\(name)' has the impossible shape \(raw.shape)")
      }
      guard raw.begin >= 0, raw.begin <= raw.end, raw.end <= byteCount - dataOffset else {
        throw damaged(
          "tensor '\(name)' lies at bytes \(raw.begin) to \(raw.end) of \(byteCount - dataOffset)")
      }
      guard raw.end - raw.begin == size else {
        throw damaged(
          "tensor '\(name)' has \(counted(raw.end - raw.begin, "byte")), but \(Tensor.describe(elementType, raw.shape)) "
            + "takes \(size)")
      }
      guard raw.begin == end else {
        throw damaged(
          raw.begin < end
            ? "tensor '\(name)' overlaps another one"
            : "no tensor has the \(counted(raw.begin - end, "byte")) before tensor '\(name)'")
      }
      end = raw.end
      entries.append(
        Entry(name: name, elementType: elementType, shape: raw.shape, fileOffset: dataOffset + raw.begin))
    }
    guard end == byteCount - dataOffset else {
      throw damaged("no tensor has the \(counted(byteCount - dataOffset - end, "byte")) at its end")
    }
    self.entries = entries
  }

  /// The header's JSON, as compact as the Python package writes it.
  static func encode(_ tensors: [(key: String, value: Tensor)], metadata: [String: String]) -> String {
    var fields: [String] = []
    if !metadata.isEmpty {
      let texts = metadata.sorted { $0.key < $1.key }.map { "\(jsonString($0)):\(jsonString($1))" }
      fields.append("\"\(metadataKey)\":{\(texts.joined(separator: ","))}")
    }
    var offset = 0
    for (name, tensor) in tensors {
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let type = tensor.elementType.safetensorsName
      let end = offset + tensor.byteCount
      fields.append(
        #"\#(jsonString(name)):{"dtype":"\#(type)","shape":[\#(shape)],"data_offsets":[\#(offset),\#(end)]}"#)
      offset = end
    }
    return "{\(fields.joined(separator: ","))}"
  }

  private static let metadataKey = "__metadata__"

  /// A JSON string with only the escapes that JSON demands.
  private static func jsonString(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{8}": result += "\\b"
      case "\u{c}": result += "\\f"
      case ..<" ":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  /// The header as it stands in the file, unchecked.
  private struct RawTable: Decodable {
    var metadata: [String: String] = [:]
    var entries: [String: RawEntry] = [:]

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      for key in container.allKeys {
        let name = key.stringValue
        do {
          if name == SafetensorsHeader.metadataKey {
            metadata = try container.decode([String: String].self, forKey: key)
          } else {
            entries[name] = try container.decode(RawEntry.self, forKey: key)
          }
        } catch {
          throw MalformedEntry(name: name)
        }
      }
    }
  }

  private struct MalformedEntry: Error {
    let name: String
  }

  private struct RawEntry: Decodable {
    let dtype: String
    let shape: [Int]
    let begin: Int
    let end: Int

    private enum CodingKeys: String, CodingKey {
      case dtype, shape
      case dataOffsets = "data_offsets"
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      dtype = try container.decode(String.self, forKey: .dtype)
      shape = try container.decode([Int].self, forKey: .shape)
      let offsets = try container.decode([Int].self, forKey: .dataOffsets)
      guard offsets.count == 2 else {
        throw DecodingError.dataCorruptedError(
          forKey: .dataOffsets, in: container, debugDescription: "not two offsets")
      }
      (begin, end) = (offsets[0], offsets[1])
    }
  }

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}

extension ElementType {
  /// The format's name of the type.
  fileprivate var safetensorsName: String {
    switch self {
    case .f32: "F32"
    case .f64: "F64"
    case .i32: "I32"
    case .i64: "I64"
    case .u8: "U8"
    case .bool: "BOOL"
    }
  }

  fileprivate init?(safetensorsName name: String) {
    guard let type = Self.allCases.first(where: { $0.safetensorsName == name }) else { return nil }
    self = type
  }

  /// The place of the type in the format's order; tensors of a higher place come first in a file.
  var safetensorsRank: Int {
    switch self {
    case .bool: 0
    case .u8: 1
    case .i32: 2
    case .f32: 3
    case .f64: 4
    case .i64: 5
    }
  }
}
