import CRNNLLVM

/// Which liberties floating-point instructions may take.
public struct FastMath: OptionSet, Hashable, Sendable {
  /// LLVM's bits.
  public let rawValue: UInt32

  /// Makes a set from LLVM's bits.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Sums and products may be regrouped.
  public static let reassociate = FastMath(rawValue: 1 << 0)
  /// The sign of zero does not matter.
  public static let noSignedZeros = FastMath(rawValue: 1 << 3)
  /// Division may become multiplication by the reciprocal.
  public static let reciprocal = FastMath(rawValue: 1 << 4)
  /// A product and a sum may become one fused operation.
  public static let contract = FastMath(rawValue: 1 << 5)
}

/// Appends instructions to one function.
///
/// Every method makes one instruction at the current position (the end of a block), unless its description
/// says otherwise, and returns its result. Constant operands fold.
public final class FunctionBuilder {
  /// The module of the function.
  public let module: Module
  /// The function.
  public let function: IRFunction
  /// The first block of the function.
  public let entry: IRBlock
  /// What floating-point instructions made from now on may do.
  public var fastMath: FastMath = []

  let ref: LLVMBuilderRef

  /// Starts the body of `function`, in its first block.
  ///
  /// - Requires: the function has no body yet.
  public init(_ function: IRFunction, in module: Module) {
    precondition(LLVMCountBasicBlocks(function.value.ref) == 0, "\(function.name) has a body already")
    self.module = module
    self.function = function
    ref = LLVMCreateBuilderInContext(module.context)
    entry = IRBlock(LLVMAppendBasicBlockInContext(module.context, function.value.ref, "entry"))
    LLVMPositionBuilderAtEnd(ref, entry.ref)
  }

  deinit { LLVMDisposeBuilder(ref) }

  /// The parameters of the function.
  public var parameters: [IRValue] { function.parameters }

  /// Makes `body`'s floating-point instructions with these liberties.
  public func withFastMath<Result>(_ flags: FastMath, _ body: () throws -> Result) rethrows -> Result {
    let before = fastMath
    defer { fastMath = before }
    fastMath = flags
    return try body()
  }

  /// Wraps a new instruction, giving it the current liberties if it computes with floating-point numbers.
  func result(_ value: LLVMValueRef) -> IRValue {
    if !fastMath.isEmpty, LLVMCanValueUseFastMathFlags(value) != 0 {
      LLVMSetFastMathFlags(value, fastMath.rawValue)
    }
    return IRValue(value)
  }

  // MARK: Blocks

  /// Appends an empty block to the function.
  public func block(_ name: String = "") -> IRBlock {
    IRBlock(LLVMAppendBasicBlockInContext(module.context, function.value.ref, name))
  }

  /// The block that instructions are appended to.
  public var current: IRBlock { IRBlock(LLVMGetInsertBlock(ref)) }

  /// Appends instructions to `block` from now on.
  public func position(atEndOf block: IRBlock) { LLVMPositionBuilderAtEnd(ref, block.ref) }

  /// Goes to `block`.
  public func branch(to block: IRBlock) { LLVMBuildBr(ref, block.ref) }

  /// Goes to one block or the other; `isRare` tells LLVM that it is seldom the first one.
  public func branch(if condition: IRValue, then: IRBlock, else otherwise: IRBlock, isRare: Bool = false) {
    let branch = LLVMBuildCondBr(ref, condition.ref, then.ref, otherwise.ref)!
    guard isRare else { return }
    let weights = [1, 100].map { LLVMValueAsMetadata(module.i32.constant($0).ref) }
    let node = module.node([module.text("branch_weights")] + weights)
    LLVMSetMetadata(branch, module.metadataKind("prof"), LLVMMetadataAsValue(module.context, node))
  }

  /// Leaves the function.
  public func `return`(_ value: IRValue? = nil) {
    if let value { LLVMBuildRet(ref, value.ref) } else { LLVMBuildRetVoid(ref) }
  }

  /// A value that depends on where control came from.
  ///
  /// - Requires: the block has nothing but phis so far.
  public func phi(_ type: IRType, _ incoming: [(IRValue, IRBlock)] = []) -> IRValue {
    let phi = IRValue(LLVMBuildPhi(ref, type.ref, ""))
    for (value, block) in incoming { add(incoming: value, from: block, to: phi) }
    return phi
  }

  /// Says which value a phi has when control comes from `block`.
  public func add(incoming value: IRValue, from block: IRBlock, to phi: IRValue) {
    var values: [LLVMValueRef?] = [value.ref]
    var blocks: [LLVMBasicBlockRef?] = [block.ref]
    LLVMAddIncoming(phi.ref, &values, &blocks, 1)
  }

  // MARK: Calls

  /// Calls a function.
  @discardableResult
  public func call(_ callee: IRFunction, _ arguments: [IRValue]) -> IRValue {
    call(callee.value, of: callee.type, arguments)
  }

  /// Calls the function at an address.
  @discardableResult
  public func call(_ address: IRValue, of signature: IRType, _ arguments: [IRValue]) -> IRValue {
    var refs: [LLVMValueRef?] = arguments.map(\.ref)
    return result(LLVMBuildCall2(ref, signature.ref, address.ref, &refs, UInt32(refs.count), ""))
  }

  /// Calls one of LLVM's intrinsics by its name without type suffixes; `overloads` are the types it varies in.
  @discardableResult
  public func intrinsic(_ name: String, _ overloads: [IRType], _ arguments: [IRValue]) -> IRValue {
    let id = LLVMLookupIntrinsicID(name, name.utf8.count)
    precondition(id != 0, "LLVM has no intrinsic \(name)")
    var types: [LLVMTypeRef?] = overloads.map(\.ref)
    let callee = LLVMGetIntrinsicDeclaration(module.ref, id, &types, types.count)!
    let type = LLVMIntrinsicGetType(module.context, id, &types, types.count)!
    return call(IRValue(callee), of: IRType(type), arguments)
  }

  /// Adds attributes to an argument of a call.
  func set(_ attribute: IRAttribute, onArgument index: Int, of call: IRValue) {
    LLVMAddCallSiteAttribute(call.ref, LLVMAttributeIndex(index + 1), module.make(attribute))
  }
}
