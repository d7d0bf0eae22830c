import RNNLanguage
import RNNRuntime
import RNNSupport
import Synchronization

/// Reads imported files and the tensors of constants, and remembers them as texts, so that a checkpoint can hold the whole
/// model.
final class SourceRecorder: Sendable {
  private let texts = Mutex<[String: String]>([:])

  /// The texts of the files read so far, by path; tensors by path and name.
  var imports: [String: String] { texts.withLock { $0 } }

  /// Reads from `known`, or from disk if it is nil.
  func loader(known: [String: String]?) -> SourceLoader {
    SourceLoader { path throws(DiagnosticError) in
      let text = try self.text(path, among: known) { () throws(DiagnosticError) in
        try SourceFile(contentsOf: path).text
      }
      return SourceFile(name: path, text: text)
    } tensor: { path, name throws(DiagnosticError) in
      let key = "\(path), tensor \(name)"
      let text = try self.text(key, among: known) { () throws(DiagnosticError) in
        try SourceLoader.files.tensor(path, name).text
      }
      guard let tensor = FileTensor(text: text) else {
        throw unreadable("cannot read '\(key)': it is damaged")
      }
      return tensor
    }
  }

  private func text(
    _ key: String, among known: [String: String]?, _ read: () throws(DiagnosticError) -> String
  ) throws(DiagnosticError) -> String {
    let text: String
    if let known {
      guard let held = known[key] else {
        throw unreadable("cannot read '\(key)': the checkpoint does not hold it")
      }
      text = held
    } else {
      text = try read()
    }
    texts.withLock { $0[key] = text }
    return text
  }
}

extension SourceLoader {
  /// Reads files on disk, tensors among them.
  package static let files = SourceLoader(SourceLoader.disk.read) { path, name throws(DiagnosticError) in
    do {
      let tensors = try Safetensors(contentsOfFile: path).tensors
      guard let tensor = tensors[name] else {
        let near = nearestName(to: name, among: Array(tensors.keys))
        throw InputError(
          "safetensors file '\(path)' has no tensor '\(name)'"
            + (near.map { ": did you mean '\($0)'?" } ?? ""))
      }
      guard tensor.elementType.isFloatingPoint else {
        throw InputError(
          "tensor '\(name)' of '\(path)' is of \(tensor.elementType), and a constant is of numbers")
      }
      return FileTensor(shape: tensor.shape, numbers: tensor.numbers)
    } catch let error as InputError {
      throw unreadable(error.message)
    } catch {
      throw unreadable("cannot read '\(path)': \(error)")
    }
  }
}

private func unreadable(_ message: String) -> DiagnosticError {
  DiagnosticError(Diagnostic("unreadable-file", message, at: nil))
}

extension FileTensor {
  /// The extents in one line, then a line for each number.
  fileprivate var text: String {
    ([shape.map(String.init).joined(separator: " ")] + numbers.map(\.description)).joined(separator: "\n")
  }

  fileprivate init?(text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard let first = lines.first else { return nil }
    let shape = first.split(separator: " ").compactMap { Int($0) }
    let numbers = lines.dropFirst().compactMap { Double($0) }
    guard numbers.count == lines.count - 1, numbers.count == shape.reduce(1, *) else { return nil }
    self.init(shape: shape, numbers: numbers)
  }
}
