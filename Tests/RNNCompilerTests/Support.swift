import Foundation
import RNNCompiler
import Testing

/// The folder of the package.
let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

/// A model of a file of `Examples`.
struct Example: Sendable, CustomTestStringConvertible {
  let file: String
  let model: String
  var path: String { examplePath(file) }
  var testDescription: String { "\(model) of \(file)" }
}

/// Every model of `Examples`.
let examples: [Example] = {
  let folder = packageRoot.appendingPathComponent("Examples").path
  let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
  return files.filter { $0.hasSuffix(".rnn") }.sorted().flatMap { file in
    let text = (try? String(contentsOfFile: examplePath(file), encoding: .utf8)) ?? ""
    return text.matches(of: /(?m)^model (\w+)/).map { Example(file: file, model: String($0.1)) }
  }
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

/// Every element of a tensor of floats or ids.
func numbers(_ tensor: Tensor) throws -> [Double] {
  switch tensor.elementType {
  case .f64: try tensor.values(as: Double.self)
  case .i32: try tensor.values(as: Int32.self).map(Double.init)
  default: try tensor.values(as: Float.self).map(Double.init)
  }
}
