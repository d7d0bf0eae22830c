import Foundation
import RNNCompiler

/// The folder of the package.
let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

/// Every model of `Examples`.
let examples: [String] = {
  let folder = packageRoot.appendingPathComponent("Examples").path
  let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
  return files.filter { $0.hasSuffix(".rnn") }.sorted()
}()

func examplePath(_ name: String) -> String {
  packageRoot.appendingPathComponent("Examples").appendingPathComponent(name).path
}

/// A small model of text.
let smallModel = """
  model Small(V = 28, H = 6) {
      input  text: seq token(V)
      target next: seq token(V)

      rnn = GRU(V, H)
      out = Linear(H, V)

      y = out(rnn(onehot(text)))
      output softmax(y)
      loss   cross_entropy(y, next)
  }
  """

/// A text that a small model learns quickly.
func smallCorpus() throws -> Corpus {
  try Corpus(text: String(repeating: "the quick brown fox jumps over the lazy dog ", count: 12))
}

/// Every element of a tensor of floats.
func numbers(_ tensor: Tensor) throws -> [Double] {
  tensor.elementType == .f64
    ? try tensor.values(as: Double.self) : try tensor.values(as: Float.self).map(Double.init)
}
