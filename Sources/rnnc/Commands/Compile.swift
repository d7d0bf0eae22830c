import ArgumentParser
import Foundation
import RNNCompiler
import RNNSupport

/// `rnnc compile MODEL`
struct Compile: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compile a model, and show or write any stage of it.",
    discussion: """
      Without --inference, the code is that of a training step with clipping and stochastic gradient descent. A model \
      without a parameter is compiled for its outputs and its loss, one without a loss for inference. Several kinds are \
      written to files named after the model. The file may also hold a graph, as --emit graph prints it; one with \
      gradients or updates, as the other kinds print it, is compiled as it stands.
      """)

  @OptionGroup var model: ModelArguments
  @OptionGroup var compiling: CompileArguments

  @Option(
    help: ArgumentHelp(
      "What to write: \(Artifact.allCases.map(\.rawValue).joined(separator: ", ")).",
      valueName: "kind[,kind…]"))
  var emit: String?

  @Option(
    name: .short,
    help:
      "Where to write: a file, a folder, which is made if the path ends in '/', or with several kinds a prefix."
  )
  var output: String?

  @Option(help: "Examples that are computed at once.")
  var batch = 32

  @Option(help: "A processor such as x86-64-v3 or znver4, or a triple; this machine's if not given.")
  var target: String?

  @Option(
    help: ArgumentHelp(
      "Compute as a schedule says that '--emit schedule' printed with the same options, and that was edited.",
      valueName: "file"))
  var schedule: String?

  @Flag(help: "Compile outputs and final states only, without targets, loss and training.")
  var inference = false

  @Flag(
    help: """
      Make sums over steps in f64, as calls with more than 128 steps or 8192 terms are computed. Object files and \
      headers always have that.
      """)
  var longSums = false

  @Flag(help: "Print how long each stage and pass took.")
  var timePasses = false

  @Option(help: PassOptions.printAfterHelp)
  var printAfter: [String] = []

  private var kinds: [Artifact] {
    get throws {
      guard let emit else { return [] }
      return try emit.split(separator: ",", omittingEmptySubsequences: false).map { word in
        guard let kind = Artifact(rawValue: String(word)) else {
          throw ValidationError(
            "There is nothing to emit named '\(word)'; there are "
              + Artifact.allCases.map(\.rawValue).joined(separator: ", ") + ".")
        }
        return kind
      }
    }
  }

  func validate() throws { _ = try kinds }

  func run() throws {
    var options = try compiling.options(target: target)
    options.printAfter = try PassNames.set(printAfter)
    options.passReport = PassOptions.report
    if let schedule { options.schedule = try SourceFile(contentsOf: schedule).text }
    let program = try Compiler(options).compile(
      contentsOfFile: model.model, model: model.name, sizes: model.sizes.values, batch: batch)
    StandardError.write(program.warnings.rendered())
    let purpose = inference ? .inference : program.mainPurpose
    let kinds = try kinds
    if kinds.isEmpty, output == nil {
      // Nothing is asked for but whether it compiles.
      if options.target.runsHere {
        _ = try program.compilation(for: purpose).native
      } else {
        _ = try program.artifact(.object, for: purpose)
      }
    }
    let wanted = kinds.isEmpty && output != nil ? [.object] : kinds
    if let output, output.hasSuffix("/") { try OutputFile.makeFolder(output) }
    for kind in wanted {
      let bytes = try program.artifact(kind, for: purpose, longSums: longSums ? true : nil)
      if let path = path(of: kind, among: wanted.count) {
        try OutputFile.replace(path) { file in try bytes.withUnsafeBytes { try file.append($0) } }
      } else {
        try StandardOutput.write(bytes)
      }
    }
    if timePasses { StandardError.write(try program.timingTable(for: purpose)) }
  }

  /// Where a kind goes; nil for standard output.
  private func path(of kind: Artifact, among count: Int) -> String? {
    let name = URL(fileURLWithPath: model.model).deletingPathExtension().lastPathComponent
    let file = "\(name).\(kind.fileExtension)"
    guard let output else { return count > 1 || kind == .object ? file : nil }
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: output, isDirectory: &isFolder), isFolder.boolValue {
      return URL(fileURLWithPath: output).appendingPathComponent(file).relativePath
    }
    if count == 1 { return output == "-" ? nil : output }
    return "\(output).\(kind.fileExtension)"
  }
}
