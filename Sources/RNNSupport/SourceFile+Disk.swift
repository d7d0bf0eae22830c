import Foundation

extension SourceFile {
  /// Reads the file at `path`, which also becomes its name.
  ///
  /// - Throws: a diagnostic without a place if the file cannot be read or is not UTF-8.
  public convenience init(contentsOf path: String) throws(DiagnosticError) {
    func unreadable(_ reason: String) -> DiagnosticError {
      DiagnosticError(Diagnostic("unreadable-file", "cannot read '\(path)': \(reason)", at: nil))
    }
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw unreadable(errno == ENOENT || errno == ENOTDIR ? "there is no such file" : "it cannot be opened")
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw unreadable("it is a folder")
    // A pipe would have to be waited for, and a device may never end.
    default: throw unreadable("it is not a regular file")
    }
    guard status.st_size <= Self.largest else {
      throw unreadable("it has \(status.st_size) bytes, and a source has \(Self.largest) at most")
    }
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path))
    } catch {
      throw unreadable("it cannot be opened")
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw DiagnosticError(Diagnostic("not-utf8", "cannot read '\(path)': it is not UTF-8 text", at: nil))
    }
    self.init(name: path, text: text)
  }

  /// The most bytes that a source has: more is a mistake, and would only be waited for.
  private static let largest = 64 << 20
}
