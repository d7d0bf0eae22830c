import RNNSupport

/// Reads the files that a program imports.
public struct SourceLoader: Sendable {
  /// Reads the file at a path; throws a diagnostic without a place if it cannot.
  public let read: @Sendable (_ path: String) throws(DiagnosticError) -> SourceFile

  /// Reads the tensor of a name in the file at a path; throws a diagnostic without a place if it cannot.
  public let tensor: @Sendable (_ path: String, _ name: String) throws(DiagnosticError) -> FileTensor

  /// Makes a loader from functions; without one for tensors, there are none.
  public init(
    _ read: @escaping @Sendable (_ path: String) throws(DiagnosticError) -> SourceFile,
    tensor: @escaping @Sendable (_ path: String, _ name: String) throws(DiagnosticError) -> FileTensor = {
      path, _ throws(DiagnosticError) in
      throw DiagnosticError(
        Diagnostic("unreadable-file", "cannot read '\(path)': no tensors are read here", at: nil))
    }
  ) {
    self.read = read
    self.tensor = tensor
  }

  /// Reads files on disk.
  public static let disk = SourceLoader { path throws(DiagnosticError) in try SourceFile(contentsOf: path) }
}

/// The numbers of a constant that stand in a file.
public struct FileTensor: Sendable, Hashable {
  /// The extents.
  public let shape: [Int]
  /// The numbers, the last axis contiguous.
  public let numbers: [Double]

  /// Makes a tensor.
  public init(shape: [Int], numbers: [Double]) {
    self.shape = shape
    self.numbers = numbers
  }
}

/// Where a declaration stands: which file of the program, and which declaration of the file.
struct DeclarationID: Hashable, Comparable {
  let module: Int
  let index: Int

  static func < (a: Self, b: Self) -> Bool { (a.module, a.index) < (b.module, b.index) }
}

/// The files of a program: the main one, what it imports, and the cells it uses of the standard library.
final class Program {
  private struct Module {
    var syntax: SyntaxFile
    var isLibrary: Bool
    /// What a name means in this file.
    var names: [String: DeclarationID] = [:]
  }

  private var modules: [Module] = []
  private var paths: [String: Int] = [:]
  private var libraryModules: [String: Int] = [:]
  private let loader: SourceLoader
  private(set) var diagnostics = DiagnosticSet()

  /// The most files that import each other in a row: bounds the recursion of the walk over them.
  static let importLimit = 128

  init(main source: SourceFile, loader: SourceLoader) {
    self.loader = loader
    load(source, chain: [])
  }

  /// The declarations of the user's files, the main file's first.
  var userDeclarations: [DeclarationID] {
    modules.indices.filter { !modules[$0].isLibrary }.flatMap { module in
      modules[module].syntax.declarations.indices.map { DeclarationID(module: module, index: $0) }
    }
  }

  /// The models of the main file.
  var models: [DeclarationID] {
    userDeclarations.filter { id in
      guard id.module == 0, case .unit(let unit) = self[id] else { return false }
      return unit.kind == .model
    }
  }

  /// Whether a file is in a version of the language that is not known here. What it declares is not known either, so that
  /// nothing can be said of what uses it.
  var hasNewerLanguage: Bool {
    modules.contains { $0.syntax.language ?? 1 > SyntaxFile.latestLanguage }
  }

  /// A tensor of a file, whose path is relative to the folder of a file of the program.
  func tensor(_ path: String, _ name: String, in module: Int) throws(DiagnosticError) -> FileTensor {
    try loader.tensor(resolvedPath(path, relativeTo: modules[module].syntax.source.name), name)
  }

  var mainSyntax: SyntaxFile { modules[0].syntax }

  var mainSource: SourceFile { mainSyntax.source }

  func isLibrary(_ module: Int) -> Bool { modules[module].isLibrary }

  subscript(id: DeclarationID) -> Declaration { modules[id.module].syntax.declarations[id.index] }

  /// What a name means in a file: its own declarations and those it imports, then the standard library.
  func lookup(_ name: String, in module: Int) -> DeclarationID? {
    modules[module].names[name] ?? libraryDeclaration(name)
  }

  /// The names of functions or units that a file can use.
  func names(in module: Int, where isWanted: (Declaration) -> Bool) -> [String] {
    modules[module].names.filter { isWanted(self[$0.value]) }.map(\.key)
  }

  private func libraryDeclaration(_ name: String) -> DeclarationID? {
    if libraryModules[name] == nil, let source = StandardLibrary.source(of: name) {
      libraryModules[name] = add(source, isLibrary: true)
    }
    return libraryModules[name].flatMap { modules[$0].names[name] }
  }

  private func add(_ source: SourceFile, isLibrary: Bool) -> Int {
    var parser = Parser(source)
    let syntax = parser.run()
    diagnostics.report(parser.diagnostics)
    let module = modules.count
    modules.append(Module(syntax: syntax, isLibrary: isLibrary))
    for (index, declaration) in syntax.declarations.enumerated() {
      guard let name = declaration.name else { continue }
      bind(name.text, to: DeclarationID(module: module, index: index), in: module, at: name.range)
    }
    return module
  }

  private func bind(_ name: String, to id: DeclarationID, in module: Int, at site: SourceRange) {
    if let old = modules[module].names[name] {
      if old != id { diagnostics.report(.redefinition(name, at: site, of: self[old].name?.range)) }
    } else {
      modules[module].names[name] = id
    }
  }

  /// Loads a file and what it imports; `chain` are the names of the files that led to it.
  @discardableResult
  private func load(_ source: SourceFile, chain: [String]) -> Int {
    let module = add(source, isLibrary: false)
    paths[source.name] = module
    let chain = chain + [source.name]
    for case .importation(let declaration) in modules[module].syntax.declarations {
      guard let imported = load(declaration, from: source, chain: chain) else { continue }
      for (index, brought) in modules[imported].syntax.declarations.enumerated() {
        guard let name = brought.name else { continue }
        let id = DeclarationID(module: imported, index: index)
        bind(name.text, to: id, in: module, at: declaration.range)
      }
    }
    return module
  }

  private func load(_ declaration: ImportDeclaration, from source: SourceFile, chain: [String]) -> Int? {
    let path = resolvedPath(declaration.path, relativeTo: source.name)
    if let start = chain.firstIndex(of: path) {
      let cycle = (chain[start...] + [path]).joined(separator: " → ")
      diagnostics.report(.importCycle(cycle, at: declaration.range))
      return nil
    }
    if let known = paths[path] { return known }
    guard chain.count < Self.importLimit else {
      diagnostics.report(.importsTooDeep(at: declaration.range))
      return nil
    }
    do throws(DiagnosticError) {
      return load(try loader.read(path), chain: chain)
    } catch {
      let message = error.diagnostics.sorted.first?.message ?? "cannot read '\(path)'"
      diagnostics.report(.badImport(message, at: declaration.range))
      return nil
    }
  }
}

/// The path of an imported file, relative to the folder of the importing one, without `.` and inner `..`.
func resolvedPath(_ path: String, relativeTo file: String) -> String {
  if path.hasPrefix("/") { return path }
  let folder = file.lastIndex(of: "/").map { file[..<$0] }
  var parts: [Substring] = []
  for part in "\(folder.map { "\($0)/" } ?? "")\(path)".split(separator: "/") where part != "." {
    if part == "..", let last = parts.last, last != ".." { parts.removeLast() } else { parts.append(part) }
  }
  return (file.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
}
