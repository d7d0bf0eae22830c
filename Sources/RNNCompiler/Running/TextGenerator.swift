import RNNGraph
import RNNPasses
import RNNSupport

/// Continues texts with a trained model.
///
/// The state is warmed up on the prefix in one call; then each call reads one token, if the model can be run that
/// way, or the whole text so far. Random draws are counted by the step, so that a model that makes them reads the whole text.
public final class TextGenerator {
  private let program: Program
  private let parameters: [String: Tensor]
  /// Nil if a step of the model needs later ones, or draws are made.
  private let stream: Stream?
  private let vocabulary: Vocabulary
  private let tokenization: Tokenization
  private let input: String
  private let output: String
  /// Whether the model's random draws are made.
  private let isDrawing: Bool

  /// Prepares a model to write; `parameters` are shared, not copied.
  ///
  /// - Parameters:
  ///   - isDrawing: whether the model's random draws are made; else each is its middle.
  ///   - origin: where the parameters come from, for messages.
  /// - Throws: `InputError` if the model does not read tokens and predict the next, makes no draws that are asked for, or a
  ///   parameter does not fit.
  public init(
    _ program: Program, parameters: [String: Tensor], vocabulary: Vocabulary, tokenization: Tokenization,
    isDrawing: Bool = false, origin: String = "the set of parameters"
  ) throws {
    // One row of a batch is too little for threads to share.
    let single = program.with(batch: 1, threads: 1)
    let compilation = try single.compilation(for: .inference)
    let graph = compilation.graph
    let input = try TextInterface.onlyTokens(graph.inputs.filter { $0.role == .data }, graph, "input").name
    let sequence = graph.input(named: input).map { graph.type($0.value).shape } ?? []
    let output = graph.outputs.first { output in
      let type = graph.type(output.value)
      return output.role == .output && type.element.isFloat && type.rank == 3
        && Array(type.shape.prefix(2)) == sequence && (type.shape[2].fixed ?? 0) >= vocabulary.count
    }
    guard let output else {
      throw InputError(
        "model '\(graph.name)' has no output that predicts a token at each step",
        note:
          "it needs one of probabilities for \(counted(vocabulary.count, "token")), such as 'output softmax(y)'"
      )
    }
    let steps = sequence.first?.symbol ?? .steps
    if isDrawing { try single.requireDraws() }
    let canRunStepwise = !isDrawing && (try? graph.continued(over: steps)) != nil
    stream =
      canRunStepwise ? try Stream(single, parameters: parameters, steps: steps.name, origin: origin) : nil
    self.isDrawing = isDrawing
    self.program = single
    self.parameters = parameters
    self.input = input
    self.output = output.name
    self.vocabulary = vocabulary
    self.tokenization = tokenization
  }

  /// The temperature of a text unless the caller chooses another one.
  public static let defaultTemperature = 0.8

  /// Continues a text; gives the prefix, prepared as training text is, and `count` more tokens.
  ///
  /// - Parameters:
  ///   - temperature: 0 always takes the likeliest token, 1 follows the probabilities.
  ///   - seed: decides the choices, together with the probabilities, and the model's draws if they are made.
  /// - Throws: `InputError` if the prefix is empty or holds a token outside the vocabulary, or the model's predictions
  ///   are not probabilities.
  public func generate(
    prefix: String, count: Int, temperature: Double = TextGenerator.defaultTemperature, seed: UInt64 = 0
  ) throws -> String {
    var text = ""
    try write(prefix: prefix, count: count, temperature: temperature, seed: seed) { text += $0 }
    return text
  }

  /// Continues a text as `generate` does, and gives each part as soon as it is there: first the prefix, then each token.
  ///
  /// - Throws: as `generate` does, and whatever `body` throws.
  public func write(
    prefix: String, count: Int, temperature: Double = TextGenerator.defaultTemperature, seed: UInt64 = 0,
    to body: (String) throws -> Void
  ) throws {
    guard temperature >= 0, temperature.isFinite else {
      throw InputError(
        "a temperature of \(temperature) makes no sense", note: "choose 0 or a positive number")
    }
    guard (0...Limits.extent).contains(count) else {
      throw InputError(
        "\(counted(count, "token")) cannot be generated", note: "choose a number from 0 to \(Limits.extent)")
    }
    var tokens = tokenization.tokens(of: prefix)
    if let last = prefix.last, last.isWhitespace, tokenization == .char, !tokens.isEmpty {
      tokens.append(" ")
    }
    guard !tokens.isEmpty else {
      throw InputError("the prefix has no letters from a to z", note: "give the model something to continue")
    }
    if let unknown = tokens.first(where: { vocabulary.id(of: $0) == 0 }) {
      throw InputError(
        "the prefix holds '\(unknown)', which is outside the vocabulary",
        note: "the model was trained on a text without it")
    }
    try body(tokenization.text(of: tokens))
    var random = RandomStream(seed: seed, name: "generate")
    var state = stream?.start
    var unread = vocabulary.ids(of: tokens)
    for _ in 0..<count {
      let next = Int32(try choose(from: read(unread, &state, seed), temperature, &random))
      try body(tokenization.separator + vocabulary.token(of: next))
      unread = state != nil ? [next] : unread + [next]
    }
  }

  /// The predictions behind each token: of a stream's next tokens, or of a whole text.
  private func read(_ ids: [Int32], _ state: inout Stream.State?, _ seed: UInt64) throws -> Tensor {
    let tokens = Tensor(ids, shape: [ids.count, 1])
    let outputs: [String: Tensor]
    if let stream, var current = state {
      state = nil  // so that its memory has one owner
      outputs = try stream.run([input: tokens], &current)
      state = current
    } else {
      outputs = try program.run(
        parameters.merging([input: tokens]) { $1 }, seed: isDrawing ? Int32(truncatingIfNeeded: seed) : nil)
    }
    guard let predictions = outputs[output] else { preconditionFailure("no output '\(output)'") }
    return predictions
  }

  /// Picks from the last step's probabilities; never the unknown token, which is no text.
  private func choose(
    from tensor: Tensor, _ temperature: Double, _ random: inout RandomStream
  ) throws -> Int {
    let width = tensor.shape[2]
    let first = tensor.count - width
    let probabilities: [Float] =
      tensor.elementType == .f64
      ? try tensor.withUnsafeElements(as: Double.self) { $0[first...].map(Float.init) }
      : try tensor.withUnsafeElements(as: Float.self) { Array($0[first...]) }
    let sum = probabilities.reduce(0, +)
    if sum.isFinite, abs(sum - 1) > 1e-2 || probabilities.contains(where: { $0 < 0 }) {
      throw InputError(
        "output '\(output)' of the model is not a list of probabilities",
        note: "declare it as 'output softmax(y)'")
    }
    return try random.sample(from: probabilities[1..<vocabulary.count], temperature: temperature) + 1
  }
}

extension Trainer {
  /// Continues a text with the parameters as they are now.
  ///
  /// - Parameter vocabulary: the tokens; nil for those that the program was compiled for.
  ///
  /// The generator is prepared for each call; for many texts, make a `TextGenerator`.
  public func generate(
    prefix: String, count: Int, vocabulary: Vocabulary? = nil, tokenization: Tokenization = .char,
    temperature: Double = TextGenerator.defaultTemperature, seed: UInt64 = 0
  ) throws -> String {
    guard let vocabulary = vocabulary ?? program.vocabulary else {
      throw InputError("there is no vocabulary to write with", note: "compile the model for that of a text")
    }
    return try TextGenerator(
      program, parameters: parameters, vocabulary: vocabulary, tokenization: tokenization
    ).generate(prefix: prefix, count: count, temperature: temperature, seed: seed)
  }
}
