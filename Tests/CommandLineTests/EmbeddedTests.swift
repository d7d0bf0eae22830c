import RNNBuilder
import Testing

@Suite("A model described in Swift")
struct EmbeddedTests {
  /// The checkpoint holds the model as text, so the command needs nothing of the program that made it.
  @Test func itsCheckpointIsReadByTheCommand() throws {
    let model = Model("Small") { m in
      let V = m.size("V")
      let text = m.input("text", .seq(.token(V)))
      let next = m.target("next", .seq(.token(V)))
      let cell = Cell("Leaky") { c in
        let H = c.size("H")
        let x = c.input("x", [H])
        let h = c.state("h", [H])
        h.next = 0.5 * h + 0.5 * tanh(x)
        c.output(h.next)
      }
      let y = m.instance("out", of: .library("Linear"), V, V)(m.instance("leaky", of: cell, V)(onehot(text)))
      m.output(softmax(y))
      m.loss(crossEntropy(y, next))
    }
    let corpus = try Corpus(text: sampleText)
    let program = try Compiler().compile(model, batch: 2, vocabulary: corpus.vocabulary)
    let options = TrainingOptions(
      epochs: 1, batchSize: 2, steps: 5, optimization: OptimizationOptions(learningRate: 0.5))
    let run = try TrainingRun(program, corpus: corpus, options: options)
    try run.run()
    let command = try Command()
    try run.checkpoint().write(toFile: command.path("swift.st"))
    let outcome = try command.run("generate", "swift.st", "--prefix", "it", "--count", "7")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.hasPrefix("it") && outcome.output.count == 10)
  }
}
