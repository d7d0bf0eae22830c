import RNNLanguage
import RNNSupport
import Synchronization

/// Reads imported files and remembers their texts, so that a checkpoint can hold the whole model.
final class SourceRecorder: Sendable {
  private let texts = Mutex<[String: String]>([:])

  /// The texts of the files read so far, by path.
  var imports: [String: String] { texts.withLock { $0 } }

  /// Reads from `known`, or from disk if it is nil.
  func loader(known: [String: String]?) -> SourceLoader {
    SourceLoader { path throws(DiagnosticError) in
      let file: SourceFile
      if let known {
        guard let text = known[path] else {
          throw DiagnosticError(
            Diagnostic("unreadable-file", "cannot read '\(path)': the checkpoint does not hold it", at: nil))
        }
        file = SourceFile(name: path, text: text)
      } else {
        file = try SourceFile(contentsOf: path)
      }
      self.texts.withLock { $0[path] = file.text }
      return file
    }
  }
}
