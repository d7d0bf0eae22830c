import ArgumentParser
import RNNCompiler

/// `rnnc show [NAME]`
struct Show: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print a cell or function of the standard library, or the names of all.")

  @Argument(help: "The name of a cell or function; all names are listed if it is not given.")
  var name: String?

  func run() throws {
    if let name {
      try StandardOutput.write(try LibraryCells.source(of: name))
    } else {
      try StandardOutput.write(LibraryCells.names.joined(separator: "\n") + "\n")
    }
  }
}
