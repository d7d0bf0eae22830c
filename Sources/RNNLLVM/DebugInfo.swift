import CRNNLLVM

/// The lines of source files that a module's instructions come from, in DWARF's form.
///
/// Instructions are the same with and without it.
public final class DebugInfo {
  /// A function with lines.
  public struct Function {
    fileprivate let scope: LLVMMetadataRef
    fileprivate let file: LLVMMetadataRef
  }

  private let module: Module
  private let builder: LLVMDIBuilderRef
  private let directory: String
  private let type: LLVMMetadataRef
  private var files: [String: LLVMMetadataRef] = [:]

  /// Begins the lines of a module.
  ///
  /// - Parameters:
  ///   - file: the main source file.
  ///   - directory: where files are whose paths do not begin with a slash.
  public init(_ module: Module, file: String, directory: String, producer: String) {
    self.module = module
    self.directory = directory
    builder = LLVMCreateDIBuilder(module.ref)
    func flag(_ name: String, _ number: Int) {
      LLVMAddModuleFlag(
        module.ref, LLVMModuleFlagBehaviorWarning, name, name.utf8.count,
        LLVMValueAsMetadata(module.i32.constant(number).ref))
    }
    flag("Debug Info Version", Int(LLVMDebugMetadataVersion()))
    flag("Dwarf Version", 4)
    let main = LLVMDIBuilderCreateFile(builder, file, file.utf8.count, directory, directory.utf8.count)!
    // Debuggers need some language; C has the fewest rules of its own.
    LLVMDIBuilderCreateCompileUnit(
      builder, LLVMDWARFSourceLanguageC99, main, producer, producer.utf8.count, 1, "", 0, 0, "", 0,
      LLVMDWARFEmissionFull, 0, 0, 0, "", 0, "", 0)
    type = LLVMDIBuilderCreateSubroutineType(builder, main, nil, 0, LLVMDIFlagZero)
    files[file] = main
  }

  deinit { LLVMDisposeDIBuilder(builder) }

  private func file(_ path: String) -> LLVMMetadataRef {
    if let known = files[path] { return known }
    let new = LLVMDIBuilderCreateFile(builder, path, path.utf8.count, directory, directory.utf8.count)!
    files[path] = new
    return new
  }

  /// Gives a function lines, and the place where a debugger says that it begins.
  public func add(_ function: IRFunction, file path: String, line: Int) -> Function {
    let (name, file) = (function.name, file(path))
    let scope = LLVMDIBuilderCreateFunction(
      builder, file, name, name.utf8.count, "", 0, file, UInt32(line), type, 0, 1, UInt32(line),
      LLVMDIFlagZero, 1)!
    LLVMSetSubprogram(function.value.ref, scope)
    return Function(scope: scope, file: file)
  }

  /// Lets the instructions that are made next come from a line; 0 for none.
  public func locate(
    _ instructions: FunctionBuilder, in function: Function, file path: String, line: Int, column: Int
  ) {
    let file = file(path)
    // A line of another file than the function's has a scope of its own.
    let scope =
      file == function.file
      ? function.scope : LLVMDIBuilderCreateLexicalBlockFile(builder, function.scope, file, 0)
    LLVMSetCurrentDebugLocation2(
      instructions.ref,
      LLVMDIBuilderCreateDebugLocation(module.context, UInt32(line), UInt32(column), scope, nil))
  }

  /// Completes the lines; nothing can be added afterwards.
  public func finish() { LLVMDIBuilderFinalize(builder) }
}
