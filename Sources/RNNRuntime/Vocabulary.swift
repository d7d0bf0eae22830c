/// A two-way table between tokens and their ids.
///
/// Id 0 is `<unk>`, which stands for every token that is not in the table; reserved tokens follow, then the tokens
/// of the text from the most to the least frequent, equally frequent ones in the order of their first appearance.
public struct Vocabulary: Sendable, Equatable {
  /// The token that stands for all unknown ones.
  public static let unknown = "<unk>"

  /// The tokens in the order of their ids.
  public let tokens: [String]

  private let ids: [String: Int32]

  /// Makes a vocabulary from counted tokens.
  /// - Parameters:
  ///   - counts: each token once, in the order of first appearance, with its frequency.
  ///   - minimumFrequency: tokens that are less frequent are left out.
  ///   - reserved: tokens that get ids although the text need not hold them.
  public init(counts: [(token: String, count: Int)], minimumFrequency: Int = 1, reserved: [String] = []) {
    var tokens: [String] = []
    var ids: [String: Int32] = [:]
    let frequent = counts.enumerated()
      .filter { $0.element.count >= minimumFrequency }
      .sorted { ($1.element.count, $0.offset) < ($0.element.count, $1.offset) }
    for token in [Self.unknown] + reserved + frequent.map(\.element.token) where ids[token] == nil {
      ids[token] = Int32(tokens.count)
      tokens.append(token)
    }
    self.tokens = tokens
    self.ids = ids
  }

  /// Makes a vocabulary from the tokens in the order of their ids.
  /// - Throws: `InputError` if the first is not `<unk>` or one appears twice.
  public init(tokens: [String]) throws {
    guard tokens.first == Self.unknown else {
      throw InputError("the vocabulary does not begin with '\(Self.unknown)'")
    }
    self.init(counts: tokens.map { ($0, 1) })
    if self.tokens.count != tokens.count {
      var seen: Set<String> = []
      let twice = tokens.first { !seen.insert($0).inserted } ?? ""
      throw InputError("the vocabulary holds the token '\(twice)' twice")
    }
  }

  /// The number of tokens, with `<unk>`.
  public var count: Int { tokens.count }

  /// The id of a token; 0 if it is unknown.
  public func id(of token: String) -> Int32 { ids[token] ?? 0 }

  /// The ids of tokens; 0 for each unknown one.
  public func ids(of tokens: some Sequence<String>) -> [Int32] { tokens.map(id(of:)) }

  /// The token of an id.
  /// - Requires: the id is below `count`.
  public func token(of id: Int32) -> String { tokens[Int(id)] }

  /// The tokens of ids.
  /// - Requires: each id is below `count`.
  public func tokens(of ids: some Sequence<Int32>) -> [String] { ids.map(token(of:)) }
}

extension Vocabulary: Codable {
  /// Reads the array of tokens in the order of their ids.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    do {
      try self.init(tokens: container.decode([String].self))
    } catch let error as InputError {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: error.message)
    }
  }

  /// Writes the array of tokens in the order of their ids.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(tokens)
  }
}
