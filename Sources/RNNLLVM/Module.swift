import CRNNLLVM

/// A module of LLVM code for one target, in a context of its own.
///
/// Types, values and blocks belong to the module and are valid as long as it lives. One thread at a time may
/// use a module; several modules are independent of each other.
public final class Module {
  /// The machine that the code is for.
  public let target: Target

  let context: LLVMContextRef
  let ref: LLVMModuleRef

  /// Makes an empty module.
  public init(_ name: String, target: Target) {
    self.target = target
    context = LLVMContextCreate()
    ref = LLVMModuleCreateWithNameInContext(name, context)
    LLVMSetTarget(ref, target.triple)
    LLVMSetDataLayout(ref, target.dataLayout)
  }

  deinit {
    LLVMDisposeModule(ref)
    LLVMContextDispose(context)
  }

  // MARK: Types

  /// The type of no value.
  public var void: IRType { IRType(LLVMVoidTypeInContext(context)) }
  /// A truth value.
  public var i1: IRType { integer(1) }
  /// A byte.
  public var i8: IRType { integer(8) }
  /// A 16-bit integer.
  public var i16: IRType { integer(16) }
  /// A 32-bit integer.
  public var i32: IRType { integer(32) }
  /// A 64-bit integer.
  public var i64: IRType { integer(64) }
  /// Single precision.
  public var f32: IRType { IRType(LLVMFloatTypeInContext(context)) }
  /// Double precision.
  public var f64: IRType { IRType(LLVMDoubleTypeInContext(context)) }
  /// An address.
  public var pointer: IRType { IRType(LLVMPointerTypeInContext(context, 0)) }

  /// An integer of `bits` bits.
  public func integer(_ bits: Int) -> IRType { IRType(LLVMIntTypeInContext(context, UInt32(bits))) }

  /// The signature of a function.
  public func signature(_ parameters: [IRType], _ result: IRType) -> IRType {
    var refs: [LLVMTypeRef?] = parameters.map(\.ref)
    return IRType(LLVMFunctionType(result.ref, &refs, UInt32(refs.count), 0))
  }

  // MARK: Functions and globals

  /// Declares a function; one without a body is found in the host when the code is linked.
  ///
  /// It does not throw, and is compiled for the module's target. `attributes` come on top of that.
  public func function(
    _ name: String, _ parameters: [IRType], _ result: IRType, isInternal: Bool = false,
    attributes: [IRAttribute] = []
  ) -> IRFunction {
    let type = signature(parameters, result)
    let function = IRFunction(value: IRValue(LLVMAddFunction(ref, name, type.ref)), type: type)
    LLVMSetLinkage(function.value.ref, isInternal ? LLVMInternalLinkage : LLVMExternalLinkage)
    for attribute in [.nounwind] + target.functionAttributes + attributes { set(attribute, on: function) }
    return function
  }

  /// Bytes that are a part of the module and are never written; gives their address.
  public func data(_ name: String, _ bytes: [UInt8], alignment: Int) -> IRValue {
    let contents = bytes.withUnsafeBytes { bytes in
      LLVMConstStringInContext2(
        context, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, 1)
    }
    let global = LLVMAddGlobal(ref, LLVMTypeOf(contents), name)!
    LLVMSetInitializer(global, contents)
    LLVMSetGlobalConstant(global, 1)
    LLVMSetLinkage(global, LLVMInternalLinkage)
    LLVMSetUnnamedAddress(global, LLVMGlobalUnnamedAddr)
    LLVMSetAlignment(global, UInt32(alignment))
    return IRValue(global)
  }

  /// Adds an attribute to the function.
  public func set(_ attribute: IRAttribute, on function: IRFunction) {
    LLVMAddAttributeAtIndex(
      function.value.ref, LLVMAttributeIndex(bitPattern: Int32(LLVMAttributeFunctionIndex)), make(attribute))
  }

  /// Adds attributes to a parameter of the function.
  public func set(_ attributes: [IRAttribute], onParameter index: Int, of function: IRFunction) {
    for attribute in attributes {
      LLVMAddAttributeAtIndex(function.value.ref, LLVMAttributeIndex(index + 1), make(attribute))
    }
  }

  func make(_ attribute: IRAttribute) -> LLVMAttributeRef {
    switch attribute {
    case .flag(let name): return make(.number(name, 0))
    case .number(let name, let value):
      let kind = LLVMGetEnumAttributeKindForName(name, name.utf8.count)
      // LLVM 21 replaced `nocapture` by a richer attribute; leaving it out is correct, only less is known.
      guard kind != 0 else { return make(.text(name, String(value))) }
      return LLVMCreateEnumAttribute(context, kind, UInt64(value))
    case .text(let key, let value):
      return LLVMCreateStringAttribute(
        context, key, UInt32(key.utf8.count), value, UInt32(value.utf8.count))
    }
  }

  // MARK: Checking, optimising, printing

  /// Throws what LLVM's verifier finds wrong.
  public func verify() throws {
    var text: UnsafeMutablePointer<CChar>?
    let isBroken = LLVMVerifyModule(ref, LLVMReturnStatusAction, &text) != 0
    let message = taking(message: text)
    if isBroken { throw LLVMError("the generated LLVM code is not valid: \(message)") }
  }

  /// Runs a pipeline of LLVM's passes, written as for `opt -passes=`.
  public func run(passes: String) throws {
    let machine = try target.machine()
    let options = LLVMCreatePassBuilderOptions()
    defer { LLVMDisposePassBuilderOptions(options) }
    try LLVMError.check(LLVMRunPasses(ref, passes, machine.ref, options), "LLVM pipeline '\(passes)'")
  }

  /// How many instructions all functions have together.
  public var instructionCount: Int {
    var count = 0
    var function = LLVMGetFirstFunction(ref)
    while let current = function {
      var block = LLVMGetFirstBasicBlock(current)
      while let inside = block {
        var instruction = LLVMGetFirstInstruction(inside)
        while let here = instruction {
          count += 1
          instruction = LLVMGetNextInstruction(here)
        }
        block = LLVMGetNextBasicBlock(inside)
      }
      function = LLVMGetNextFunction(current)
    }
    return count
  }
}

extension Module: CustomStringConvertible {
  /// The module as LLVM's text.
  public var description: String { taking(message: LLVMPrintModuleToString(ref)) }
}

// MARK: Machine code

extension Module {
  /// The code in the target's assembly language.
  public func assembly() throws -> String {
    String(decoding: try emit(LLVMAssemblyFile), as: UTF8.self)
  }

  /// The code as a relocatable object file, position independent.
  public func object() throws -> [UInt8] { try emit(LLVMObjectFile) }

  /// The same, without a copy: afterwards the module is good for nothing else.
  public func objectAtLast() throws -> [UInt8] { try emit(LLVMObjectFile, of: ref) }

  private func emit(_ kind: LLVMCodeGenFileType) throws -> [UInt8] {
    // Code generation rewrites the module it is given; the caller's stays as printed.
    let copy = LLVMCloneModule(ref)!
    defer { LLVMDisposeModule(copy) }
    return try emit(kind, of: copy)
  }

  private func emit(_ kind: LLVMCodeGenFileType, of ref: LLVMModuleRef) throws -> [UInt8] {
    let machine = try target.machine()
    var text: UnsafeMutablePointer<CChar>?
    var buffer: LLVMMemoryBufferRef?
    let failed = LLVMTargetMachineEmitToMemoryBuffer(machine.ref, ref, kind, &text, &buffer) != 0
    let message = taking(message: text)
    guard !failed, let buffer else { throw LLVMError("cannot emit code for \(target): \(message)") }
    defer { LLVMDisposeMemoryBuffer(buffer) }
    return Array(UnsafeRawBufferPointer(start: LLVMGetBufferStart(buffer), count: LLVMGetBufferSize(buffer)))
  }
}
