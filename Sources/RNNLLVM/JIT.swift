import CRNNLLVM
import Synchronization

/// Object code linked into this process.
///
/// The code stays as long as the `JIT` does; addresses must not be used after it is gone. Any number of them
/// may exist at a time.
public final class JIT: @unchecked Sendable {  // LLVM's ORC locks its own tables; nothing else is mutable.
  private let ref: LLVMOrcLLJITRef
  private let reports = Reports()

  /// Links `module`, compiled for its target, with `functions`, which the module may call by name.
  ///
  /// Functions of the C library are found without being listed.
  ///
  /// - Throws: `LLVMError` if something the code calls is missing or the target is not this kind of machine.
  public convenience init(_ module: Module, functions: [String: UnsafeRawPointer] = [:]) throws {
    guard module.target.runsHere else {
      throw LLVMError("code for \(module.target) does not run on this machine (\(Target.hostTriple))")
    }
    try self.init(objects: [try module.object()], functions: functions)
  }

  /// Links object files made for this machine.
  ///
  /// - Parameter showsToDebuggers: whether a debugger of this process learns of the code.
  public init(
    objects: [[UInt8]], functions: [String: UnsafeRawPointer] = [:], showsToDebuggers: Bool = false
  ) throws {
    LLVMTargets.initialize()
    var created: LLVMOrcLLJITRef?
    try LLVMError.check(LLVMOrcCreateLLJIT(&created, LLVMOrcCreateLLJITBuilder()), "starting the JIT")
    guard let created else { throw LLVMError("starting the JIT gave nothing") }
    ref = created
    LLVMOrcExecutionSessionSetErrorReporter(
      LLVMOrcLLJITGetExecutionSession(ref),
      { context, error in
        guard let context, let text = LLVMGetErrorMessage(error) else { return }
        defer { LLVMDisposeErrorMessage(text) }
        Unmanaged<Reports>.fromOpaque(context).takeUnretainedValue().add(String(cString: text))
      }, Unmanaged.passUnretained(reports).toOpaque())
    if showsToDebuggers {
      try LLVMError.check(LLVMOrcLLJITEnableDebugSupport(ref), "showing code to debuggers")
    }
    let library = LLVMOrcLLJITGetMainJITDylib(ref)
    if !functions.isEmpty {
      var symbols = functions.map { name, address in
        LLVMOrcCSymbolMapPair(
          Name: LLVMOrcLLJITMangleAndIntern(ref, name),
          Sym: LLVMJITEvaluatedSymbol(
            Address: LLVMOrcExecutorAddress(UInt(bitPattern: address)),
            Flags: LLVMJITSymbolFlags(
              GenericFlags: UInt8(
                LLVMJITSymbolGenericFlagsExported.rawValue | LLVMJITSymbolGenericFlagsCallable.rawValue),
              TargetFlags: 0)))
      }
      let unit = LLVMOrcAbsoluteSymbols(&symbols, symbols.count)
      try LLVMError.check(LLVMOrcJITDylibDefine(library, unit), "defining host functions")
    }
    for object in objects {
      let buffer = object.withUnsafeBytes {
        LLVMCreateMemoryBufferWithMemoryRangeCopy(
          $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count, "object")
      }
      try LLVMError.check(LLVMOrcLLJITAddObjectFile(ref, library, buffer), "linking generated code")
    }
  }

  deinit {
    // Nothing to do about an error while releasing: the memory goes with the process.
    if let error = LLVMOrcDisposeLLJIT(ref) { LLVMConsumeError(error) }
  }

  /// The address of a function or constant by its name in the source.
  public func address(of name: String) throws -> UnsafeRawPointer {
    var address: LLVMOrcExecutorAddress = 0
    do {
      try LLVMError.check(LLVMOrcLLJITLookup(ref, &address, name), "looking up '\(name)'")
    } catch let error as LLVMError {
      throw LLVMError(([error.message] + reports.take()).joined(separator: "; "))
    }
    guard let pointer = UnsafeRawPointer(bitPattern: UInt(address)) else {
      throw LLVMError("looking up '\(name)': its address is null")
    }
    return pointer
  }
}

/// What the JIT found wrong while it linked; it would print that to standard error otherwise.
private final class Reports: Sendable {
  private let messages = Mutex<[String]>([])

  func add(_ message: String) { messages.withLock { $0.append(message) } }

  func take() -> [String] {
    messages.withLock { messages in
      defer { messages = [] }
      return messages
    }
  }
}
