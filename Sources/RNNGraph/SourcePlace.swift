import RNNSupport

/// A line of a source file that a value comes from, and what is defined there.
public struct SourcePlace: Hashable, Sendable {
  /// What a value is to the equation.
  public enum Role: UInt8, Sendable, Comparable, CaseIterable {
    /// Part of what the equation computes.
    case value
    /// Part of the derivative of the loss by what the equation computes.
    case adjoint
    /// Part of the change that training makes to what is declared there.
    case update

    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  }

  /// The file as diagnostics call it; for a file on disk, its path as the user gave it.
  public let file: String
  /// The line, from 1.
  public let line: Int
  /// The column of the expression, from 1; 0 if it is not known.
  public let column: Int
  /// What the equation defines, such as `z` or `h'`; empty if that is not known.
  public let name: String
  /// What a value that comes from there is to the equation.
  public var role: Role

  /// Names a line.
  public init(file: String, line: Int, column: Int = 0, name: String = "", role: Role = .value) {
    self.file = file
    self.line = line
    self.column = column
    self.name = name
    self.role = role
  }

  /// The place of a range of a source, or of what made it where a program wrote the source.
  public init(_ range: SourceRange, name: String) {
    let line = range.file.line(at: range.start)
    if let origin = range.file.origin(ofLine: line), let colon = origin.lastIndex(of: ":"),
      let number = Int(origin[origin.index(after: colon)...])
    {
      self.init(file: String(origin[..<colon]), line: number, name: name)
    } else {
      self.init(
        file: range.file.name, line: line, column: range.file.column(at: range.start), name: name)
    }
  }

  /// `file:line:column`, as diagnostics name places.
  public var site: String { column == 0 ? "\(file):\(line)" : "\(file):\(line):\(column)" }

  /// The last component of the file's path.
  public var fileName: String { file.split(separator: "/").last.map(String.init) ?? file }

  /// Whether both are about the same line, in whatever column.
  public func isSameEquation(_ other: SourcePlace) -> Bool {
    line == other.line && role == other.role && name == other.name && file == other.file
  }

  /// The places without those that are about the same line as an earlier one.
  public static func distinct(_ places: some Sequence<SourcePlace>) -> [SourcePlace] {
    var seen: Set<SourcePlace> = []
    return places.filter {
      seen.insert(SourcePlace(file: $0.file, line: $0.line, name: $0.name, role: $0.role)).inserted
    }
  }

  /// The order in which listings name places.
  fileprivate static func isBefore(_ a: SourcePlace, _ b: SourcePlace) -> Bool {
    (a.role, a.fileName, a.line, a.name) < (b.role, b.fileName, b.line, b.name)
  }
}

/// The equations that a value comes from: a few, the closest first.
///
/// They say where code came from, and are no part of what it computes: graphs that differ in places alone are equal. A
/// copy costs a reference. Of more than `limit` places the first ones are kept, and it is known that there are more.
public struct SourcePlaces: Sendable {
  /// The most places that are kept.
  public static let limit = 8
  /// No place: a pass, or a program that wrote a graph, made the value.
  public static let none = SourcePlaces(storage: nil)

  private final class Storage: Sendable {
    let places: [SourcePlace]
    let hasMore: Bool

    init(_ places: [SourcePlace], hasMore: Bool) {
      self.places = places
      self.hasMore = hasMore
    }
  }

  private var storage: Storage?

  private init(storage: Storage?) { self.storage = storage }

  /// Some places, the closest first.
  public init(_ places: [SourcePlace], hasMore: Bool = false) {
    let kept = SourcePlace.distinct(places)
    storage =
      kept.isEmpty
      ? nil : Storage(Array(kept.prefix(Self.limit)), hasMore: hasMore || kept.count > Self.limit)
  }

  /// The places, the closest first.
  public var all: [SourcePlace] { storage?.places ?? [] }
  /// Whether some were left out.
  public var hasMore: Bool { storage?.hasMore ?? false }
  /// Whether there are none.
  public var isEmpty: Bool { storage == nil }
  /// The closest one.
  public var first: SourcePlace? { storage?.places.first }

  /// Adds the places of something that a value now stands for, too.
  public mutating func formUnion(_ other: SourcePlaces) {
    guard let more = other.storage, more !== storage else { return }
    guard let known = storage else { return storage = more }
    let new = more.places.filter { place in !known.places.contains(where: place.isSameEquation) }
    if new.isEmpty, known.hasMore || !more.hasMore { return }
    self = SourcePlaces(known.places + new, hasMore: known.hasMore || more.hasMore)
  }

  /// The places of both.
  public func union(_ other: SourcePlaces) -> SourcePlaces {
    var result = self
    result.formUnion(other)
    return result
  }

  /// The same equations in another role; what is an adjoint, or belongs to an update, stays that.
  public func with(role: SourcePlace.Role) -> SourcePlaces {
    guard let storage, storage.places.contains(where: { $0.role < role }) else { return self }
    let places = storage.places.map { place in
      var place = place
      place.role = max(place.role, role)
      return place
    }
    return SourcePlaces(places, hasMore: storage.hasMore)
  }
}

// MARK: Text

extension SourcePlace.Role {
  /// What stands in front of the places of the role; nothing for plain ones.
  fileprivate var prefix: String {
    switch self {
    case .value: ""
    case .adjoint: "adjoint of "
    case .update: "update of "
    }
  }
}

extension SourcePlace: CustomStringConvertible {
  /// `gru.rnn:12 z`, without the folder of the file and without the role.
  ///
  /// What would end the name of the file in a list is written as in an address: `my%20model.rnn`.
  public var description: String {
    var bytes: [UInt8] = []
    for byte in fileName.utf8 {
      if byte <= 0x20 || byte == 0x7F || Self.marks.contains(byte) {
        bytes += Array("%\(String(UInt(byte) + 0x100, radix: 16, uppercase: true).suffix(2))".utf8)
      } else {
        bytes.append(byte)
      }
    }
    return "\(String(decoding: bytes, as: UTF8.self)):\(line)" + (name.isEmpty ? "" : " \(name)")
  }

  private static let marks = Set(",;:%".utf8)

  /// Reads what `description` writes; nil if the text is something else.
  fileprivate init?(_ text: Substring, _ role: Role) {
    let parts = text.split(separator: " ")
    guard let head = parts.first, parts.count <= 2, let colon = head.lastIndex(of: ":"),
      let line = Int(head[head.index(after: colon)...]), line > 0
    else { return nil }
    var bytes: [UInt8] = []
    var rest = head[..<colon].utf8
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let code = UInt8(String(rest.prefix(2)) ?? "", radix: 16) else { return nil }
      bytes.append(code)
      rest = rest.dropFirst(2)
    }
    if bytes.isEmpty { return nil }
    self.init(
      file: String(decoding: bytes, as: UTF8.self), line: line, name: parts.count > 1 ? String(parts[1]) : "",
      role: role)
  }
}

extension SourcePlaces: CustomStringConvertible {
  /// The text of a comment: `gru.rnn:12 z; adjoint of gru.rnn:12 z, gru.rnn:13 n`, and `…` if there are more.
  public var description: String { Self.list(all) + (hasMore ? ", …" : "") }

  /// The text of any number of places.
  public static func list(_ places: some Sequence<SourcePlace>) -> String {
    let sorted = places.sorted(by: SourcePlace.isBefore)
    let groups = SourcePlace.Role.allCases.map { role in sorted.filter { $0.role == role } }
    return groups.filter { !$0.isEmpty }
      .map { $0[0].role.prefix + $0.map(\.description).joined(separator: ", ") }.joined(separator: "; ")
  }

  /// Reads a comment that `description` has written; nil if it is another one.
  package init?(comment: String) {
    guard let (places, hasMore) = Self.read(comment) else { return nil }
    self.init(places, hasMore: hasMore)
  }

  /// Reads a list of any number of places; nil if the text is something else.
  package static func read(_ comment: String) -> (places: [SourcePlace], hasMore: Bool)? {
    var places: [SourcePlace] = []
    var hasMore = false
    for group in comment.split(separator: ";") {
      var group = group.drop { $0 == " " }
      let role = SourcePlace.Role.allCases.last { group.hasPrefix($0.prefix) } ?? .value
      group = group.dropFirst(role.prefix.count)
      for item in group.split(separator: ",").map({ $0.drop { $0 == " " } }) {
        if item == "…" {
          hasMore = true
        } else if let place = SourcePlace(item, role) {
          places.append(place)
        } else {
          return nil
        }
      }
    }
    return places.isEmpty ? nil : (places, hasMore)
  }
}

extension SourcePlaces {
  /// Behind a line of a listing: ` ; gru.rnn:12 z`, or nothing.
  public var comment: String { isEmpty ? "" : " ; \(self)" }
}
