import RNNCompiler
import Testing

@testable import RNNCompiler

@Suite("Generation")
struct GenerationTests {
  /// One model that is read step by step, one whose state starts from a parameter, and one that also reads backwards.
  static let models = [
    smallModel,
    """
    cell Own(I, H) {
        param start: [H] = normal(0.5)
        param W: [H, I], U: [H, H] = normal(0.5)
        input x: [I]
        state h: [H] = start
        h' = tanh(W @ x + U @ h)
        output h'
    }
    """ + smallModel.replacing("GRU", with: "Own"),
    smallModel.replacing(
      "rnn(onehot(text))", with: "rnn(onehot(text)) + reverse(rnn(reverse(onehot(text))))"),
  ]

  @Test(arguments: models)
  func itIsWhatReadingTheWholeTextEachTimeGives(_ source: String) throws {
    let corpus = try smallCorpus()
    let program = try Compiler(CompileOptions(threads: 2)).compile(
      source: source, batch: 1, vocabulary: corpus.vocabulary)
    let parameters = try program.initialParameters(seed: 9).mapValues { tensor in
      Tensor(try numbers(tensor).map { Float($0 * 4) }, shape: tensor.shape)
    }
    let generator = try TextGenerator(
      program, parameters: parameters, vocabulary: corpus.vocabulary, tokenization: .char)
    let text = try generator.generate(prefix: "The quick", count: 12, temperature: 0)

    var ids = corpus.vocabulary.ids(of: "the quick".map(String.init))
    for _ in 0..<12 {
      var tensors = parameters
      tensors["text"] = Tensor(ids, shape: [ids.count, 1])
      let output = try numbers(#require(try program.run(tensors)["output"]))
      let last = output.suffix(corpus.vocabulary.count).dropFirst()
      ids.append(
        Int32(try #require(last.indices.max { last[$0] < last[$1] }) - output.count + corpus.vocabulary.count)
      )
    }
    #expect(text == ids.map(corpus.vocabulary.token).joined())
    #expect(text.hasPrefix("the quick") && text.count == 21)
    #expect(try generator.generate(prefix: "The quick", count: 12, temperature: 0) == text)
  }

  /// A text comes in parts, the prefix and then each token, which make the whole.
  @Test(arguments: Tokenization.allCases) func partsComeOneByOne(_ tokenization: Tokenization) throws {
    let corpus = try Corpus(text: "the quick brown fox", tokenization: tokenization)
    let program = try Compiler().compile(source: smallModel, batch: 1, vocabulary: corpus.vocabulary)
    let generator = try TextGenerator(
      program, parameters: program.initialParameters(seed: 1), vocabulary: corpus.vocabulary,
      tokenization: tokenization)
    var parts: [String] = []
    try generator.write(prefix: "The fox", count: 5) { parts.append($0) }
    #expect(parts.count == 6 && parts[0] == "the fox")
    #expect(try generator.generate(prefix: "The fox", count: 5) == parts.joined())
    #expect(parts.dropFirst().allSatisfy { tokenization == .char ? $0.count == 1 : $0.hasPrefix(" ") })
    // What does not want any more ends it.
    struct Enough: Error {}
    #expect(throws: Enough.self) {
      try generator.write(prefix: "The fox", count: 1 << 24) { if $0 != "the fox" { throw Enough() } }
    }
  }

  @Test func choicesFollowTheSeed() throws {
    let corpus = try smallCorpus()
    let program = try Compiler().compile(source: smallModel, batch: 4, vocabulary: corpus.vocabulary)
    let trainer = try Trainer(program)
    func text(_ seed: UInt64) throws -> String {
      try trainer.generate(prefix: "fox", count: 40, temperature: 1, seed: seed)
    }
    #expect(try text(1) == text(1))
    #expect(try text(1) != text(2))
    #expect(try !text(1).contains("<"))
  }

  @Test func wrongPrefixesAndModelsAreRefused() throws {
    let corpus = try Corpus(text: "abc abc")
    let program = try Compiler().compile(source: smallModel, batch: 1, vocabulary: corpus.vocabulary)
    let trainer = try Trainer(program)
    #expect(throws: InputError.self) { try trainer.generate(prefix: "", count: 1) }
    #expect(throws: InputError.self) { try trainer.generate(prefix: "123", count: 1) }
    #expect(throws: InputError.self) { try trainer.generate(prefix: "a", count: 1, temperature: -1) }
    let error = #expect(throws: InputError.self) { try trainer.generate(prefix: "abz", count: 1) }
    #expect(error?.message == "the prefix holds 'z', which is outside the vocabulary")

    let logits = try Compiler().compile(
      source: smallModel.replacing("output softmax(y)", with: "output y"), vocabulary: corpus.vocabulary)
    let notSoftmax = #expect(throws: InputError.self) {
      try Trainer(logits).generate(prefix: "a", count: 1)
    }
    #expect(notSoftmax?.message.contains("not a list of probabilities") == true)
  }
}
