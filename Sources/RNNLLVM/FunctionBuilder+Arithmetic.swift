import CRNNLLVM

/// How integers are compared.
public enum IntegerComparison: Sendable {
  /// Equal, and not.
  case equal, notEqual
  /// With signs.
  case less, lessOrEqual, greater, greaterOrEqual
  /// Without signs.
  case below, belowOrEqual, above, aboveOrEqual

  var predicate: LLVMIntPredicate {
    switch self {
    case .equal: LLVMIntEQ
    case .notEqual: LLVMIntNE
    case .less: LLVMIntSLT
    case .lessOrEqual: LLVMIntSLE
    case .greater: LLVMIntSGT
    case .greaterOrEqual: LLVMIntSGE
    case .below: LLVMIntULT
    case .belowOrEqual: LLVMIntULE
    case .above: LLVMIntUGT
    case .aboveOrEqual: LLVMIntUGE
    }
  }
}

/// How floating-point numbers are compared; false if one is NaN, except for `notEqual` and `unordered`.
public enum FloatComparison: Sendable {
  /// Equal, and not.
  case equal, notEqual
  /// In order.
  case less, lessOrEqual, greater, greaterOrEqual
  /// Neither is NaN; one is.
  case ordered, unordered

  var predicate: LLVMRealPredicate {
    switch self {
    case .equal: LLVMRealOEQ
    case .notEqual: LLVMRealUNE
    case .less: LLVMRealOLT
    case .lessOrEqual: LLVMRealOLE
    case .greater: LLVMRealOGT
    case .greaterOrEqual: LLVMRealOGE
    case .ordered: LLVMRealORD
    case .unordered: LLVMRealUNO
    }
  }
}

// MARK: Integers

extension FunctionBuilder {
  /// The same value, of which LLVM does not know how it came about.
  ///
  /// Loop strength reduction weighs all ways to compute what depends on a loop's index, which takes longer than all the
  /// rest of code generation where that is the arguments of many calls.
  public func opaque(_ a: IRValue) -> IRValue { IRValue(LLVMBuildFreeze(ref, a.ref, "")) }

  /// `a + b`, which wraps; with `noWrap` it is known not to, signed.
  public func add(_ a: IRValue, _ b: IRValue, noWrap: Bool = false) -> IRValue {
    result(noWrap ? LLVMBuildNSWAdd(ref, a.ref, b.ref, "") : LLVMBuildAdd(ref, a.ref, b.ref, ""))
  }
  /// `a - b`, which wraps; with `noWrap` it is known not to, signed.
  public func sub(_ a: IRValue, _ b: IRValue, noWrap: Bool = false) -> IRValue {
    result(noWrap ? LLVMBuildNSWSub(ref, a.ref, b.ref, "") : LLVMBuildSub(ref, a.ref, b.ref, ""))
  }
  /// `a * b`, which wraps; with `noWrap` it is known not to, signed.
  public func mul(_ a: IRValue, _ b: IRValue, noWrap: Bool = false) -> IRValue {
    result(noWrap ? LLVMBuildNSWMul(ref, a.ref, b.ref, "") : LLVMBuildMul(ref, a.ref, b.ref, ""))
  }
  /// `a / b` without signs.
  public func udiv(_ a: IRValue, _ b: IRValue) -> IRValue { result(LLVMBuildUDiv(ref, a.ref, b.ref, "")) }
  /// `a % b` without signs.
  public func urem(_ a: IRValue, _ b: IRValue) -> IRValue { result(LLVMBuildURem(ref, a.ref, b.ref, "")) }
  /// `a << b`.
  public func shl(_ a: IRValue, _ b: IRValue) -> IRValue { result(LLVMBuildShl(ref, a.ref, b.ref, "")) }
  /// `a >> b`, filling with zeros.
  public func lshr(_ a: IRValue, _ b: IRValue) -> IRValue { result(LLVMBuildLShr(ref, a.ref, b.ref, "")) }
  /// Bitwise and.
  public func and(_ a: IRValue, _ b: IRValue) -> IRValue { result(LLVMBuildAnd(ref, a.ref, b.ref, "")) }
  /// Bitwise or.
  public func or(_ a: IRValue, _ b: IRValue) -> IRValue { result(LLVMBuildOr(ref, a.ref, b.ref, "")) }
  /// Bitwise exclusive or.
  public func xor(_ a: IRValue, _ b: IRValue) -> IRValue { result(LLVMBuildXor(ref, a.ref, b.ref, "")) }
  /// Compares integers or pointers.
  public func icmp(_ how: IntegerComparison, _ a: IRValue, _ b: IRValue) -> IRValue {
    result(LLVMBuildICmp(ref, how.predicate, a.ref, b.ref, ""))
  }
  /// The smaller, with signs.
  public func smin(_ a: IRValue, _ b: IRValue) -> IRValue { intrinsic("llvm.smin", [a.type], [a, b]) }
  /// The larger, with signs.
  public func smax(_ a: IRValue, _ b: IRValue) -> IRValue { intrinsic("llvm.smax", [a.type], [a, b]) }
}

// MARK: Floating point

extension FunctionBuilder {
  /// `a + b`.
  public func fadd(_ a: IRValue, _ b: IRValue) -> IRValue { result(LLVMBuildFAdd(ref, a.ref, b.ref, "")) }
  /// `a - b`.
  public func fsub(_ a: IRValue, _ b: IRValue) -> IRValue { result(LLVMBuildFSub(ref, a.ref, b.ref, "")) }
  /// `a * b`.
  public func fmul(_ a: IRValue, _ b: IRValue) -> IRValue { result(LLVMBuildFMul(ref, a.ref, b.ref, "")) }
  /// `a / b`.
  public func fdiv(_ a: IRValue, _ b: IRValue) -> IRValue { result(LLVMBuildFDiv(ref, a.ref, b.ref, "")) }
  /// `-a`.
  public func fneg(_ a: IRValue) -> IRValue { result(LLVMBuildFNeg(ref, a.ref, "")) }
  /// Compares floating-point numbers.
  public func fcmp(_ how: FloatComparison, _ a: IRValue, _ b: IRValue) -> IRValue {
    result(LLVMBuildFCmp(ref, how.predicate, a.ref, b.ref, ""))
  }
  /// `a * b + c`, rounded once; slow on a target without the instruction.
  public func fma(_ a: IRValue, _ b: IRValue, _ c: IRValue) -> IRValue {
    intrinsic("llvm.fma", [a.type], [a, b, c])
  }
  /// `a * b + c`, rounded once if the target can, and twice if not (two instructions).
  public func mulAdd(_ a: IRValue, _ b: IRValue, _ c: IRValue) -> IRValue {
    module.target.hasFMA ? fma(a, b, c) : fadd(fmul(a, b), c)
  }
  /// The square root.
  public func sqrt(_ a: IRValue) -> IRValue { intrinsic("llvm.sqrt", [a.type], [a]) }
  /// The magnitude.
  public func fabs(_ a: IRValue) -> IRValue { intrinsic("llvm.fabs", [a.type], [a]) }
  /// The largest whole number that is not larger.
  public func floor(_ a: IRValue) -> IRValue { intrinsic("llvm.floor", [a.type], [a]) }
  /// `a > b ? a : b`, which is `b` if one is NaN: one instruction on x86.
  public func max(_ a: IRValue, _ b: IRValue) -> IRValue { select(fcmp(.greater, a, b), a, b) }
  /// `a < b ? a : b`, which is `b` if one is NaN: one instruction on x86.
  public func min(_ a: IRValue, _ b: IRValue) -> IRValue { select(fcmp(.less, a, b), a, b) }
}

// MARK: Choice and conversion

extension FunctionBuilder {
  /// One value or the other, lane by lane if the condition is a vector.
  public func select(_ condition: IRValue, _ then: IRValue, _ otherwise: IRValue) -> IRValue {
    result(LLVMBuildSelect(ref, condition.ref, then.ref, otherwise.ref, ""))
  }
  /// A wider integer, filled with zeros.
  public func zext(_ a: IRValue, to type: IRType) -> IRValue { convert(LLVMZExt, a, type) }
  /// A wider integer, filled with the sign.
  public func sext(_ a: IRValue, to type: IRType) -> IRValue { convert(LLVMSExt, a, type) }
  /// The low bits.
  public func trunc(_ a: IRValue, to type: IRType) -> IRValue { convert(LLVMTrunc, a, type) }
  /// Signed integer to floating point.
  public func sitofp(_ a: IRValue, to type: IRType) -> IRValue { convert(LLVMSIToFP, a, type) }
  /// Unsigned integer to floating point.
  public func uitofp(_ a: IRValue, to type: IRType) -> IRValue { convert(LLVMUIToFP, a, type) }
  /// Floating point to signed integer, towards zero; poison if it does not fit.
  public func fptosi(_ a: IRValue, to type: IRType) -> IRValue { convert(LLVMFPToSI, a, type) }
  /// To a wider floating-point type.
  public func fpext(_ a: IRValue, to type: IRType) -> IRValue { convert(LLVMFPExt, a, type) }
  /// To a narrower floating-point type, rounded.
  public func fptrunc(_ a: IRValue, to type: IRType) -> IRValue { convert(LLVMFPTrunc, a, type) }
  /// The same bits as another type.
  public func bitcast(_ a: IRValue, to type: IRType) -> IRValue { convert(LLVMBitCast, a, type) }

  private func convert(_ operation: LLVMOpcode, _ a: IRValue, _ type: IRType) -> IRValue {
    a.type == type ? a : result(LLVMBuildCast(ref, operation, a.ref, type.ref, ""))
  }
}
