/// A model with sizes, and what is timed of it.
public struct BenchmarkCase: Sendable {
  /// What is timed.
  public enum Kind: String, Sendable {
    /// Forward, backward, clipping by the global norm and an update by stochastic gradient descent.
    case training
    /// Outputs of whole sequences.
    case inference
    /// One step of a stream, with everything that a call costs.
    case step
  }

  /// What tells it from other cases, such as `train-lstm-l1-b32-t35-v28-h256`.
  public let name: String
  /// What is timed.
  public let kind: Kind
  /// The source of the model.
  public let source: String
  /// The number of examples at once.
  public let batch: Int
  /// The number of steps.
  public let steps: Int

  /// Describes a case.
  public init(name: String, kind: Kind, source: String, batch: Int, steps: Int) {
    self.name = name
    self.kind = kind
    self.source = source
    self.batch = batch
    self.steps = steps
  }

  /// The cases that `rnnc bench` runs without a model: those that other systems are compared on.
  public static let all: [BenchmarkCase] =
    [
      training("RNN", H: 512), training("RNN"), training("GRU"), training("LSTM"),
      training("LSTM", layers: 2),
      training("LSTM", layers: 2, batch: 64, steps: 100, V: 65, H: 512),
      training("GRU", batch: 1, steps: 5, V: 4, H: 8), training("LayerNormLSTM"), training("PeepholeLSTM"),
      training("GRUBefore"),
    ] + [
      inference("LSTM", size: 64), inference("LSTM"), inference("GRU"), inference("LSTM", size: 1024),
      inference("LSTM", batch: 32), inference("RNN", batch: 32), inference("LSTM", steps: 1, size: 128),
    ]

  /// A model of text: layers of a cell over tokens, and a linear layer.
  private static func training(
    _ cell: String, layers: Int = 1, batch: Int = 32, steps: Int = 35, V: Int = 28, H: Int = 256
  ) -> BenchmarkCase {
    let instances = (1...layers).map { "rnn\($0) = \(cell)(\($0 == 1 ? "V" : "H"), H)" }
    let hidden = (1...layers).reduce("onehot(text)") { "rnn\($1)(\($0))" }
    return BenchmarkCase(
      name: "train-\(cell.lowercased())-l\(layers)-b\(batch)-t\(steps)-v\(V)-h\(H)", kind: .training,
      source: """
        model Text(V = \(V), H = \(H)) {
            input  text: seq token(V)
            target next: seq token(V)
            \(instances.joined(separator: "; "))
            out = Linear(H, V)
            y = out(\(hidden))
            loss cross_entropy(y, next)
        }
        """, batch: batch, steps: steps)
  }

  /// One layer over vectors of its own size.
  private static func inference(
    _ cell: String, batch: Int = 1, steps: Int = 100, size: Int = 256
  ) -> BenchmarkCase {
    BenchmarkCase(
      name: "infer-\(cell.lowercased())-b\(batch)-t\(steps)-h\(size)", kind: steps == 1 ? .step : .inference,
      source: """
        model Layer(H = \(size)) {
            input x: seq [H]
            rnn = \(cell)(H, H)
            output rnn(x)
        }
        """, batch: batch, steps: steps)
  }
}
