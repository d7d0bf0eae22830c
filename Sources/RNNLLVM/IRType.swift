import CRNNLLVM

/// A type of LLVM's intermediate representation; valid as long as the module it was made in.
public struct IRType: Hashable {
  /// LLVM's handle.
  public let ref: LLVMTypeRef

  /// Wraps LLVM's handle.
  public init(_ ref: LLVMTypeRef) { self.ref = ref }

  private var kind: LLVMTypeKind { LLVMGetTypeKind(ref) }

  /// Whether this is a vector.
  public var isVector: Bool { kind == LLVMVectorTypeKind }

  /// The element type of a vector; of anything else, the type itself.
  public var scalar: IRType { isVector ? IRType(LLVMGetElementType(ref)) : self }

  /// How many elements a vector has; 1 for anything else.
  public var lanes: Int { isVector ? Int(LLVMGetVectorSize(ref)) : 1 }

  /// Whether this is a float or double, or a vector of them.
  public var isFloatingPoint: Bool {
    let kind = scalar.kind
    return kind == LLVMFloatTypeKind || kind == LLVMDoubleTypeKind || kind == LLVMHalfTypeKind
      || kind == LLVMBFloatTypeKind
  }

  /// Whether this is an integer or a vector of integers.
  public var isInteger: Bool { scalar.kind == LLVMIntegerTypeKind }

  /// Whether this is `double` or a vector of doubles.
  public var isDouble: Bool { scalar.kind == LLVMDoubleTypeKind }

  /// The bits of one element; 0 for a type without a number of its own (a pointer, a struct).
  public var scalarBits: Int {
    switch scalar.kind {
    case LLVMIntegerTypeKind: Int(LLVMGetIntTypeWidth(scalar.ref))
    case LLVMHalfTypeKind, LLVMBFloatTypeKind: 16
    case LLVMFloatTypeKind: 32
    case LLVMDoubleTypeKind: 64
    default: 0
    }
  }

  /// The vector of `lanes` elements of this type.
  ///
  /// - Requires: this is not a vector.
  public func vector(_ lanes: Int) -> IRType {
    precondition(!isVector && lanes > 0)
    return IRType(LLVMVectorType(ref, UInt32(lanes)))
  }

  /// `element` as a scalar, or as a vector with as many lanes as this type.
  public func withElement(_ element: IRType) -> IRType {
    isVector ? element.vector(lanes) : element
  }

  /// The integer type, or vector of integers, with the same bits in each lane.
  public var sameSizeInteger: IRType {
    withElement(IRType(LLVMIntTypeInContext(LLVMGetTypeContext(ref), UInt32(scalarBits))))
  }
}

// MARK: Constants

extension IRType {
  /// The integer `value`, in every lane if this is a vector; bits that do not fit are dropped.
  public func constant(_ value: Int) -> IRValue {
    if isFloatingPoint { return constant(Double(value)) }
    let width = scalarBits
    precondition(width > 0 && width <= 64)
    let bits = UInt64(bitPattern: Int64(value)) & (width == 64 ? .max : (1 << UInt64(width)) - 1)
    return spread(LLVMConstInt(scalar.ref, bits, 0))
  }

  /// The number `value` rounded to this type, in every lane if this is a vector.
  public func constant(_ value: Double) -> IRValue {
    precondition(isFloatingPoint)
    return spread(LLVMConstReal(scalar.ref, value))
  }

  /// The vector of these integers (floating-point numbers, if the type says so), one for each lane.
  public func constant(lanes values: [Int]) -> IRValue {
    vector(of: values.map { scalar.constant($0) })
  }

  /// The vector of these numbers, one for each lane.
  public func constant(lanes values: [Double]) -> IRValue {
    vector(of: values.map { scalar.constant($0) })
  }

  /// Zero, false, null, or a struct or vector of them.
  public var zero: IRValue { IRValue(LLVMConstNull(ref)) }

  /// A value nobody may look at.
  public var poison: IRValue { IRValue(LLVMGetPoison(ref)) }

  private func spread(_ element: LLVMValueRef) -> IRValue {
    vector(of: Array(repeating: IRValue(element), count: lanes))
  }

  private func vector(of elements: [IRValue]) -> IRValue {
    precondition(elements.count == lanes)
    guard isVector else { return elements[0] }
    var refs: [LLVMValueRef?] = elements.map(\.ref)
    return IRValue(LLVMConstVector(&refs, UInt32(refs.count)))
  }
}

extension IRType: CustomStringConvertible {
  /// The type as LLVM prints it.
  public var description: String { taking(message: LLVMPrintTypeToString(ref)) }
}
