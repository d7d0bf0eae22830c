import Foundation

extension SourceFile {
  /// Reads the file at `path`, which also becomes its name.
  ///
  /// - Throws: a diagnostic without a place if the file cannot be read or is not UTF-8.
  public convenience init(contentsOf path: String) throws(DiagnosticError) {
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path))
    } catch {
      var isFolder: ObjCBool = false
      let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      let reason =
        !exists ? "there is no such file" : isFolder.boolValue ? "it is a folder" : "it cannot be opened"
      throw DiagnosticError(Diagnostic("unreadable-file", "cannot read '\(path)': \(reason)", at: nil))
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw DiagnosticError(Diagnostic("not-utf8", "cannot read '\(path)': it is not UTF-8 text", at: nil))
    }
    self.init(name: path, text: text)
  }
}
