import RNNSupport

/// Text as a sequence of token ids.
public struct TextCorpus: Sendable {
  /// How the text was cut into tokens.
  public let tokenization: Tokenization

  /// The table of tokens.
  public let vocabulary: Vocabulary

  /// The ids of the text's tokens.
  public let ids: [Int32]

  /// Reads text files in order, with a vocabulary made from all of their tokens.
  /// - Parameters:
  ///   - maxTokens: how many tokens to keep; the vocabulary is made from all.
  ///   - minimumFrequency: rarer tokens become `<unk>`.
  ///   - reserved: tokens that get ids although the text need not hold them.
  /// - Throws: `InputError` if a file is missing, empty, not UTF-8 or without a single letter.
  public init(
    contentsOfFiles paths: [String], tokenization: Tokenization = .char, maxTokens: Int? = nil,
    minimumFrequency: Int = 1, reserved: [String] = []
  ) throws {
    self.init(
      try TokenCounter(files: paths, tokenization: tokenization), maxTokens: maxTokens
    ) { counts in
      Vocabulary(counts: counts, minimumFrequency: minimumFrequency, reserved: reserved)
    }
  }

  /// Reads text files in order, with a vocabulary that is given, as that of a checkpoint.
  /// - Throws: `InputError` as for the other initialiser, and if the vocabulary has no token of the text.
  public init(
    contentsOfFiles paths: [String], tokenization: Tokenization, maxTokens: Int? = nil,
    vocabulary: Vocabulary
  ) throws {
    self.init(try TokenCounter(files: paths, tokenization: tokenization), maxTokens: maxTokens) { _ in
      vocabulary
    }
    guard ids.contains(where: { $0 != 0 }) else {
      throw InputError(
        "no token of \(paths.map { "'\($0)'" }.joined(separator: ", ")) is in the vocabulary",
        note: "it belongs to another text, or to other tokens (--tokens)")
    }
  }

  /// Takes text from memory, with a vocabulary made from all of its tokens unless one is given.
  /// - Throws: `InputError` if it has not a single letter.
  public init(
    text: String, tokenization: Tokenization = .char, maxTokens: Int? = nil, minimumFrequency: Int = 1,
    reserved: [String] = [], vocabulary: Vocabulary? = nil
  ) throws {
    var counter = TokenCounter(tokenization: tokenization)
    counter.add(Array(text.utf8))
    guard !counter.occurrences.isEmpty else { throw InputError("the text has no letters from a to z") }
    self.init(counter, maxTokens: maxTokens) { counts in
      vocabulary ?? Vocabulary(counts: counts, minimumFrequency: minimumFrequency, reserved: reserved)
    }
  }

  private init(
    _ counter: TokenCounter, maxTokens: Int?, vocabulary make: ([(token: String, count: Int)]) -> Vocabulary
  ) {
    let vocabulary = make(Array(zip(counter.distinct, counter.counts)))
    let idOfDistinct = vocabulary.ids(of: counter.distinct)
    self.vocabulary = vocabulary
    tokenization = counter.tokenization
    ids = counter.occurrences.prefix(maxTokens ?? .max).map { idOfDistinct[Int($0)] }
  }

  /// A hash of the ids and the vocabulary, by which a resumed run knows its text again.
  public var fingerprint: String {
    var hash = FNV1a()
    for token in vocabulary.tokens {
      for byte in token.utf8 { hash.add(byte) }
      hash.add(0)
    }
    for id in ids { withUnsafeBytes(of: id.littleEndian) { $0.forEach { hash.add($0) } } }
    return "\(ids.count):\(hash.digits)"
  }
}

/// Tokens numbered and counted in the order of their first appearance.
private struct TokenCounter {
  let tokenization: Tokenization
  /// Each token once.
  private(set) var distinct: [String] = []
  /// The frequencies of `distinct`.
  private(set) var counts: [Int] = []
  /// The text, as indices into `distinct`.
  private(set) var occurrences: [Int32] = []

  private var numbers: [String: Int32] = [:]
  /// The numbers of tokens that are one byte long, which need no hashing; -1 for none.
  private var byteNumbers = [Int32](repeating: -1, count: 256)

  init(tokenization: Tokenization) { self.tokenization = tokenization }

  init(files paths: [String], tokenization: Tokenization) throws {
    self.init(tokenization: tokenization)
    for path in paths {
      let before = occurrences.count
      add(try TextFile.read(path))
      guard occurrences.count > before else {
        throw InputError(
          "text file '\(path)' has no letters from a to z", note: "all other characters are dropped")
      }
    }
  }

  mutating func add(_ text: [UInt8]) {
    text.withUnsafeBufferPointer { text in
      for line in text.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
        tokenization.forEachToken(in: .init(rebasing: line)) { add($0) }
      }
    }
  }

  private mutating func add(_ token: UnsafeBufferPointer<UInt8>) {
    let number: Int32
    if token.count == 1, byteNumbers[Int(token[0])] >= 0 {
      number = byteNumbers[Int(token[0])]
    } else {
      let text = String(decoding: token, as: UTF8.self)
      number = numbers[text] ?? Int32(distinct.count)
      if Int(number) == distinct.count {
        numbers[text] = number
        distinct.append(text)
        counts.append(0)
        if token.count == 1 { byteNumbers[Int(token[0])] = number }
      }
    }
    counts[Int(number)] += 1
    occurrences.append(number)
  }
}
