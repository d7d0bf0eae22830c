import CRNNLLVM

/// A value of LLVM's intermediate representation; valid as long as the module it belongs to.
public struct IRValue: Hashable {
  /// LLVM's handle.
  public let ref: LLVMValueRef

  /// Wraps LLVM's handle.
  public init(_ ref: LLVMValueRef) { self.ref = ref }

  /// The type.
  public var type: IRType { IRType(LLVMTypeOf(ref)) }

  /// Gives the value a name in printed code, and returns it.
  @discardableResult
  public func named(_ name: String) -> IRValue {
    var name = name
    name.withUTF8 { bytes in
      bytes.withMemoryRebound(to: CChar.self) {
        if let text = $0.baseAddress { LLVMSetValueName2(ref, text, $0.count) }
      }
    }
    return self
  }

  /// The number, if this is an integer constant of at most 64 bits.
  public var constantInteger: Int? {
    guard let constant = LLVMIsAConstantInt(ref) else { return nil }
    return Int(LLVMConstIntGetSExtValue(constant))
  }
}

extension IRValue: CustomStringConvertible {
  /// The instruction or constant as LLVM prints it.
  public var description: String { taking(message: LLVMPrintValueToString(ref)) }
}

/// A basic block.
public struct IRBlock: Hashable {
  /// LLVM's handle.
  public let ref: LLVMBasicBlockRef

  /// Wraps LLVM's handle.
  public init(_ ref: LLVMBasicBlockRef) { self.ref = ref }
}

/// A function: its address and its signature.
public struct IRFunction: Hashable {
  /// The function as a value, a pointer.
  public let value: IRValue
  /// The signature.
  public let type: IRType

  /// The parameters, in order.
  public var parameters: [IRValue] {
    (0..<LLVMCountParams(value.ref)).map { IRValue(LLVMGetParam(value.ref, $0)) }
  }

  /// The name it is found by.
  public var name: String {
    var length = 0
    guard let text = LLVMGetValueName2(value.ref, &length) else { return "" }
    return String(decoding: UnsafeRawBufferPointer(start: text, count: length), as: UTF8.self)
  }
}

/// An attribute of a function or of a parameter.
public enum IRAttribute: Hashable, Sendable {
  /// One that LLVM knows by name: `nounwind`, `noalias`, `readonly`…
  case flag(String)
  /// One that LLVM knows by name and that carries a number: `align`, `dereferenceable`.
  case number(String, Int)
  /// A pair of texts that the target reads.
  case text(String, String)

  /// The function never throws.
  public static let nounwind = IRAttribute.flag("nounwind")
  /// The function is never inlined.
  public static let noInline = IRAttribute.flag("noinline")
  /// Nothing else the function uses points to the same memory.
  public static let noalias = IRAttribute.flag("noalias")
  /// The pointer is not null.
  public static let nonnull = IRAttribute.flag("nonnull")
  /// The function does not write through the pointer.
  public static let readonly = IRAttribute.flag("readonly")
  /// The pointer does not outlive the call.
  public static let nocapture = IRAttribute.flag("nocapture")
  /// The pointer is a multiple of this many bytes.
  public static func align(_ bytes: Int) -> IRAttribute { .number("align", bytes) }
}
