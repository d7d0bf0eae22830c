import CRNNLLVM

/// How strongly an atomic operation orders the memory accesses around it.
public enum MemoryOrder: Sendable {
  /// Later accesses stay behind a load.
  case acquire
  /// Earlier accesses stay in front of a store.
  case release

  var ordering: LLVMAtomicOrdering {
    switch self {
    case .acquire: LLVMAtomicOrderingAcquire
    case .release: LLVMAtomicOrderingRelease
    }
  }
}

extension Module {

  func node(_ operands: [LLVMMetadataRef?]) -> LLVMMetadataRef {
    var operands = operands
    return LLVMMDNodeInContext2(context, &operands, operands.count)
  }

  func text(_ string: String) -> LLVMMetadataRef {
    LLVMMDStringInContext2(context, string, string.utf8.count)
  }

  func metadataKind(_ name: String) -> UInt32 {
    LLVMGetMDKindIDInContext(context, name, UInt32(name.utf8.count))
  }
}

extension FunctionBuilder {
  /// Reads a value whose address is a multiple of `align` bytes; `isInvariant` memory never changes.
  public func load(_ type: IRType, _ address: IRValue, align: Int, isInvariant: Bool = false) -> IRValue {
    let load = LLVMBuildLoad2(ref, type.ref, address.ref, "")!
    LLVMSetAlignment(load, UInt32(align))
    if isInvariant {
      LLVMSetMetadata(
        load, module.metadataKind("invariant.load"), LLVMMetadataAsValue(module.context, module.node([])))
    }
    return IRValue(load)
  }

  /// Writes a value to an address that is a multiple of `align` bytes.
  public func store(_ value: IRValue, _ address: IRValue, align: Int) {
    LLVMSetAlignment(LLVMBuildStore(ref, value.ref, address.ref)!, UInt32(align))
  }

  /// The address `bytes` further on, in the same object.
  public func offset(_ address: IRValue, bytes: IRValue) -> IRValue {
    gep(module.i8, address, [bytes])
  }

  /// The address `bytes` further on, in the same object.
  public func offset(_ address: IRValue, bytes: Int) -> IRValue {
    bytes == 0 ? address : offset(address, bytes: module.i64.constant(bytes))
  }

  /// The address of an element, `type` being what the address points to.
  public func gep(_ type: IRType, _ address: IRValue, _ indices: [IRValue]) -> IRValue {
    var refs: [LLVMValueRef?] = indices.map(\.ref)
    return IRValue(LLVMBuildInBoundsGEP2(ref, type.ref, address.ref, &refs, UInt32(refs.count), ""))
  }

  /// Memory on the stack until the function returns, reserved in the entry block wherever the builder is.
  public func alloca(_ type: IRType, count: Int = 1, align: Int) -> IRValue {
    let back = current
    if let first = LLVMGetFirstInstruction(entry.ref) {
      LLVMPositionBuilderBefore(ref, first)
    } else {
      position(atEndOf: entry)
    }
    defer { position(atEndOf: back) }
    let slot = LLVMBuildArrayAlloca(ref, type.ref, module.i64.constant(count).ref, "")!
    LLVMSetAlignment(slot, UInt32(align))
    return IRValue(slot)
  }

  /// Asks for the line at `address` before it is used; `locality` from 0 (used once) to 3 (keep).
  public func prefetch(_ address: IRValue, forWriting: Bool = false, locality: Int = 3) {
    let i32 = module.i32
    intrinsic(
      "llvm.prefetch", [address.type],
      [address, i32.constant(forWriting ? 1 : 0), i32.constant(locality), i32.constant(1)])
  }

  // MARK: Threads

  /// Reads an integer or pointer in one step.
  public func atomicLoad(_ type: IRType, _ address: IRValue, _ order: MemoryOrder) -> IRValue {
    let load = load(type, address, align: type.scalarBits == 0 ? 8 : type.scalarBits / 8)
    LLVMSetOrdering(load.ref, order.ordering)
    return load
  }

  /// Writes an integer in one step.
  public func atomicStore(_ value: IRValue, _ address: IRValue, _ order: MemoryOrder) {
    let bits = value.type.scalarBits
    let store = LLVMBuildStore(ref, value.ref, address.ref)!
    LLVMSetAlignment(store, UInt32(bits == 0 ? 8 : bits / 8))
    LLVMSetOrdering(store, order.ordering)
  }

  /// Tells the processor that this is a loop that waits; nothing where there is no such instruction.
  public func pause() {
    switch module.target.architecture {
    case .x86_64: intrinsic("llvm.x86.sse2.pause", [], [])
    case .aarch64: intrinsic("llvm.aarch64.hint", [], [module.i32.constant(1)])
    case .other: break
    }
  }
}
