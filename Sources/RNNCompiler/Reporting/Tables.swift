import Foundation
import RNNLanguage
import RNNSupport

/// The cells and functions that models can use without import.
public enum LibraryCells {
  /// Their names, sorted.
  public static var names: [String] { StandardLibrary.names }

  /// The source of a cell or function.
  ///
  /// - Throws: `InputError` if there is none.
  public static func source(of name: String) throws -> String {
    guard let source = StandardLibrary.source(of: name) else {
      let near = nearestName(to: name, among: names).map { "did you mean '\($0)'? " } ?? ""
      throw InputError(
        "the standard library has no cell or function '\(name)'",
        note: "\(near)it has \(names.joined(separator: ", "))")
    }
    return source.text
  }
}

extension GradientReport {
  /// A line for each tensor with its largest relative error, or why it was not checked, and one that says whether all
  /// that were checked agree.
  public var table: String {
    let width = (results.map(\.name.count) + unchecked.map(\.name.count)).max() ?? 0
    let sizes = sizes.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: " ")
    func line(_ name: String, _ text: String) -> String {
      "\(name)\(String(repeating: " ", count: width - name.count))  \(text)\n"
    }
    let lines =
      results.map { line($0.name, String(format: "%.1e", $0.relativeError)) }
      + unchecked.map { line($0.name, "unchecked: \($0.reason)") }
    return (sizes.isEmpty ? "" : "sizes: \(sizes)\n") + lines.joined() + verdict + "\n"
  }

  private var verdict: String {
    let left = counted(unchecked.count, "gradient")
    guard let worst = results.max(by: { $0.relativeError < $1.relativeError }) else {
      return "no gradient was compared with differences: \(left) unchecked"
    }
    let error = String(format: "%.1e", worst.relativeError)
    return "the gradients \(agrees ? "agree" : "do not agree") with differences: "
      + "the largest error is \(error), of '\(worst.name)', and \(Self.tolerance) is allowed"
      + (unchecked.isEmpty ? "" : "; \(left) unchecked")
  }
}

/// What a stage or a pass took, and the number of operations behind it.
func timingLine(_ name: String, _ duration: Duration, _ operations: Int?) -> String {
  let padded = name.padding(toLength: 26, withPad: " ", startingAt: 0)
  let time = String(format: "%9.3f ms", duration.seconds * 1000)
  return padded + time + (operations.map { "   " + counted($0, "operation") } ?? "") + "\n"
}

extension Program {
  /// A line for each stage and pass of a compilation with its time.
  public func timingTable(for purpose: Purpose) throws -> String {
    let compilation = try compilation(for: purpose)
    return try timingLine("check", frontendTime, nil)
      + compilation.timings.map {
        timingLine(($0.isPass ? "  " : "") + $0.name, $0.duration, $0.operationCount)
      }.joined() + size(of: compilation)
  }

  private func size(of compilation: Compilation) throws -> String {
    let size = try compilation.codeSize
    return counted(size.operations, "operation") + ", " + counted(size.kernels, "kernel") + ", "
      + counted(size.instructions, "LLVM instruction") + "\n"
  }
}

extension TextGenerator {
  /// Prepares the model of a checkpoint to write.
  ///
  /// - Parameter isDrawing: whether the model's random draws are made; else each is its middle.
  /// - Throws: `InputError` if the file is no whole checkpoint of a model of text, or it makes no draws that are asked for.
  public convenience init(
    checkpointAt path: String, options: CompileOptions = CompileOptions(), isDrawing: Bool = false
  ) throws {
    let checkpoint = try Checkpoint(contentsOfFile: path)
    let metadata = checkpoint.metadata
    let origin = "checkpoint '\(path)'"
    guard let vocabulary = metadata.vocabulary, let tokenization = metadata.tokenization else {
      throw InputError("\(origin) is not of a model that reads text")
    }
    var options = options
    options.elementType = metadata.elementType
    options.threads = 1
    let program = try Compiler(options).compile(
      metadata.model, sizes: metadata.sizes, batch: 1, vocabulary: vocabulary)
    try self.init(
      program, parameters: checkpoint.parameters, vocabulary: vocabulary, tokenization: tokenization,
      isDrawing: isDrawing, origin: origin)
  }
}
