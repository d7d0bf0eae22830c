/// Where something was written in Swift.
struct Place: Hashable, Sendable, CustomStringConvertible {
  /// The module and the file.
  let file: String
  let line: Int

  init(_ file: String, _ line: Int) {
    self.file = file
    self.line = line
  }

  var description: String { "\(file):\(line)" }
}
