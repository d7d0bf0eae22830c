import Foundation
import Testing

@testable import RNNRuntime

@Suite struct TextTests {
  @Test func linesArePreparedAsTrainingTextIs() {
    #expect(
      Tokenization.word.tokens(of: "  The Time-Machine, by H. G. Wells [1898]\r") == [
        "the", "time", "machine", "by", "h", "g", "wells",
      ])
    #expect(Tokenization.char.tokens(of: "--Añb  C!") == ["a", " ", "b", " ", "c"])
    #expect(Tokenization.char.tokens(of: "@[`{ 42") == [])
    #expect(Tokenization.char.text(of: ["a", " ", "b"]) == "a b")
    #expect(Tokenization.word.text(of: ["a", "b"]) == "a b")
  }

  @Test func theVocabularyGoesByFrequencyThenFirstAppearance() throws {
    let corpus = try TextCorpus(text: "b a\n\nc a!\r\nb d", tokenization: .word)
    #expect(corpus.vocabulary.tokens == ["<unk>", "b", "a", "c", "d"])
    #expect(corpus.ids == [1, 2, 3, 2, 1, 4])
    #expect(corpus.vocabulary.ids(of: ["d", "zebra", "<unk>"]) == [4, 0, 0])
    #expect(corpus.vocabulary.token(of: 3) == "c")

    let counts = [("x", 1), ("y", 3), ("z", 2)].map { (token: $0.0, count: $0.1) }
    let reserved = Vocabulary(counts: counts, minimumFrequency: 2, reserved: ["<pad>", "y"])
    #expect(reserved.tokens == ["<unk>", "<pad>", "y", "z"])
  }

  @Test func charactersOfAllLinesStandInOneList() throws {
    let corpus = try TextCorpus(text: "Ab\n ba \n")
    #expect(corpus.ids.map { corpus.vocabulary.token(of: $0) } == ["a", "b", "b", "a"])
    let cut = try TextCorpus(text: "abc", maxTokens: 2)
    #expect(cut.ids.count == 2 && cut.vocabulary.count == 4)
    #expect(cut.fingerprint != corpus.fingerprint)
    #expect(try cut.fingerprint == TextCorpus(text: "ABc", maxTokens: 2).fingerprint)
  }

  @Test func aVocabularySurvivesJSON() throws {
    let vocabulary = try TextCorpus(text: "hello world").vocabulary
    let json = try JSONEncoder().encode(vocabulary)
    #expect(String(decoding: json, as: UTF8.self).hasPrefix(#"["<unk>","l","o","#))
    #expect(try JSONDecoder().decode(Vocabulary.self, from: json) == vocabulary)
    for damaged in [#"["a"]"#, #"["<unk>","a","a"]"#, "[]", "{}"] {
      #expect(throws: DecodingError.self) {
        try JSONDecoder().decode(Vocabulary.self, from: Data(damaged.utf8))
      }
    }
  }

  @Test func aVocabularyIsKeptInAFile() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/v.json"
      let text = "the time, the \"traveller\""
      for tokenization in Tokenization.allCases {
        let corpus = try TextCorpus(text: text, tokenization: tokenization, reserved: ["<pad>", "\n"])
        try corpus.vocabulary.write(toFile: path)
        let read = try Vocabulary(contentsOfFile: path)
        #expect(read == corpus.vocabulary && read.tokens.prefix(3) == ["<unk>", "<pad>", "\n"])
        #expect(try TextCorpus(text: text, tokenization: tokenization, vocabulary: read).ids == corpus.ids)
        #expect(read.tokens(of: corpus.ids) == tokenization.tokens(of: text))
      }
      func error(_ contents: String) throws -> String {
        try write(contents.utf8, to: path)
        return inputError { _ = try Vocabulary(contentsOfFile: path) }.replacing(path, with: "v")
      }
      #expect(try error("") == "vocabulary 'v' is empty")
      #expect(
        try error("<unk>\ne\n").hasPrefix(
          "vocabulary 'v' is damaged: it is not a JSON array of tokens\nnote: "))
      #expect(try error(#"["<unk>", 3]"#).hasPrefix("vocabulary 'v' is damaged: it is not"))
      #expect(
        try error(#"["e", "t"]"#) == "vocabulary 'v' is damaged: the vocabulary does not begin with '<unk>'")
      #expect(
        try error(#"["<unk>", "e", "t", "e"]"#)
          == "vocabulary 'v' is damaged: the vocabulary holds the token 'e' twice")
      #expect(
        inputError { _ = try Vocabulary(contentsOfFile: folder + "/none") }.contains(
          "no such file or directory"))
      try write("one two".utf8, to: folder + "/t")
      let other = inputError {
        _ = try TextCorpus(
          contentsOfFiles: [folder + "/t"], tokenization: .word,
          vocabulary: Vocabulary(tokens: ["<unk>", "x"]))
      }
      #expect(other.hasPrefix("no token of '\(folder)/t' is in the vocabulary\n"))
    }
  }

  @Test func badFilesAreExplained() throws {
    try withTemporaryFolder { folder in
      func error(_ name: String) -> String {
        inputError { _ = try TextCorpus(contentsOfFiles: [folder + name]) }
      }
      try write([], to: folder + "/empty")
      try write("12 34\n".utf8, to: folder + "/digits")
      try write(Array("abcé".utf8) + [0xE9, 0x20], to: folder + "/latin1")
      #expect(error("/none") == "cannot open text file '\(folder)/none': no such file or directory")
      #expect(error("") == "cannot read text file '\(folder)': is a directory")
      #expect(error("/empty") == "text file '\(folder)/empty' is empty")
      #expect(error("/digits").hasPrefix("text file '\(folder)/digits' has no letters from a to z"))
      #expect(
        error("/latin1").hasPrefix("text file '\(folder)/latin1' is not UTF-8: invalid byte at offset 5\n"))
    }
  }

  /// A byte-order mark, and lines that end in CR or in CR and LF, change nothing.
  @Test func marksAndEndsOfLinesOfOtherSystemsAreRead() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/file"
      let mark: [UInt8] = [0xef, 0xbb, 0xbf]
      for tokenization in Tokenization.allCases {
        let expected = try TextCorpus(text: "one two\nthree\n", tokenization: tokenization)
        for end in ["\n", "\r\n", "\r"] {
          try write(mark + Array("one two\(end)three\(end)".utf8), to: path)
          let found = try TextCorpus(contentsOfFiles: [path], tokenization: tokenization)
          #expect(found.fingerprint == expected.fingerprint)
        }
      }
      for end in ["\n", "\r\n", "\r"] {
        try write(mark + Array("[\"<unk>\",\(end) \"a\"]\(end)".utf8), to: path)
        #expect(try Vocabulary(contentsOfFile: path).tokens == ["<unk>", "a"])
      }
      try write(mark, to: path)
      #expect(inputError { _ = try Vocabulary(contentsOfFile: path) } == "vocabulary '\(path)' is empty")
      #expect(inputError { _ = try TextCorpus(contentsOfFiles: [path]) }.contains("has no letters"))
      try write([0xff, 0xfe, 0x61, 0], to: path)
      #expect(
        inputError { _ = try TextCorpus(contentsOfFiles: [path]) }
          .hasPrefix("text file '\(path)' is UTF-16, not UTF-8\nnote: "))
    }
  }

  @Test func severalFilesAreOneTextUnderAGivenVocabulary() throws {
    try withTemporaryFolder { folder in
      try write("one two".utf8, to: folder + "/1")
      try write("two three".utf8, to: folder + "/2")
      let vocabulary = try Vocabulary(tokens: ["<unk>", "three", "two"])
      let corpus = try TextCorpus(
        contentsOfFiles: [folder + "/1", folder + "/2"], tokenization: .word, vocabulary: vocabulary)
      #expect(corpus.ids == [0, 2, 2, 1])
      let own = try TextCorpus(
        contentsOfFiles: [folder + "/1", folder + "/2"], tokenization: .word, minimumFrequency: 2)
      #expect(own.vocabulary.tokens == ["<unk>", "two"])
    }
  }

  /// The text that the project is measured on; it is not part of the repository.
  static let timeMachine = URL(fileURLWithPath: #filePath)
    .appending(path: "../../../../shared/data/timemachine.txt").standardized.path

  @Test(.enabled(if: access(timeMachine, R_OK) == 0, "needs ../shared/data/timemachine.txt"))
  func theTimeMachine() throws {
    let characters = try TextCorpus(contentsOfFiles: [Self.timeMachine])
    #expect(characters.ids.count == 170_580)
    #expect(characters.vocabulary.tokens.prefix(6) == ["<unk>", " ", "e", "t", "a", "i"])
    #expect(characters.vocabulary.count == 28)
    let words = try TextCorpus(contentsOfFiles: [Self.timeMachine], tokenization: .word, maxTokens: 10)
    #expect(words.ids == [1, 19, 50, 40, 2183, 2184, 400, 2, 1, 19])
    #expect(words.vocabulary.tokens.prefix(5) == ["<unk>", "the", "i", "and", "of"])
  }
}
