import CRNNLLVM

extension FunctionBuilder {
  /// A lane of a vector.
  public func extract(_ vector: IRValue, _ lane: IRValue) -> IRValue {
    result(LLVMBuildExtractElement(ref, vector.ref, lane.ref, ""))
  }

  /// A lane of a vector.
  public func extract(_ vector: IRValue, _ lane: Int) -> IRValue {
    extract(vector, module.i32.constant(lane))
  }

  /// The vector with a lane replaced.
  public func insert(_ vector: IRValue, _ element: IRValue, _ lane: Int) -> IRValue {
    result(LLVMBuildInsertElement(ref, vector.ref, element.ref, module.i32.constant(lane).ref, ""))
  }

  /// Lanes picked from two vectors laid end to end; a lane of -1 may hold anything.
  public func shuffle(_ a: IRValue, _ b: IRValue? = nil, lanes: [Int]) -> IRValue {
    let i32 = module.i32
    var mask: [LLVMValueRef?] = lanes.map { $0 < 0 ? i32.poison.ref : i32.constant($0).ref }
    let maskVector = LLVMConstVector(&mask, UInt32(mask.count))
    return result(LLVMBuildShuffleVector(ref, a.ref, (b ?? a.type.poison).ref, maskVector, ""))
  }

  /// The scalar in every lane (up to two instructions); the scalar itself for one lane given as `nil`.
  public func splat(_ scalar: IRValue, _ lanes: Int?) -> IRValue {
    guard let lanes else { return scalar }
    let first = insert(scalar.type.vector(lanes).poison, scalar, 0)
    return shuffle(first, lanes: Array(repeating: 0, count: lanes))
  }

  /// Which of `lanes` lanes have an index below `count`, an integer (up to three instructions).
  public func mask(below count: IRValue, lanes: Int) -> IRValue {
    let type = module.i32.vector(lanes)
    let bounded = smin(smax(count, count.type.zero), count.type.constant(lanes))
    let narrow = count.type.scalarBits > 32 ? trunc(bounded, to: module.i32) : zext(bounded, to: module.i32)
    return icmp(.below, type.constant(lanes: Array(0..<lanes)), splat(narrow, lanes))
  }

  // MARK: Memory under a mask

  /// Reads the lanes that the mask has; the others are those of `otherwise`, zero if not given.
  public func maskedLoad(
    _ type: IRType, _ address: IRValue, mask: IRValue, otherwise: IRValue? = nil, align: Int
  ) -> IRValue {
    masked("llvm.masked.load", [type, address.type], align, at: 0, [address, mask, otherwise ?? type.zero])
  }

  /// Writes the lanes that the mask has.
  @discardableResult
  public func maskedStore(_ value: IRValue, _ address: IRValue, mask: IRValue, align: Int) -> IRValue {
    masked("llvm.masked.store", [value.type, address.type], align, at: 1, [value, address, mask])
  }

  /// Reads each lane the mask has from its own address.
  public func gather(
    _ type: IRType, _ addresses: IRValue, mask: IRValue, otherwise: IRValue? = nil, align: Int
  ) -> IRValue {
    masked(
      "llvm.masked.gather", [type, addresses.type], align, at: 0, [addresses, mask, otherwise ?? type.zero])
  }

  /// Writes each lane the mask has to its own address; of equal addresses the last lane wins.
  @discardableResult
  public func scatter(_ value: IRValue, _ addresses: IRValue, mask: IRValue, align: Int) -> IRValue {
    masked("llvm.masked.scatter", [value.type, addresses.type], align, at: 1, [value, addresses, mask])
  }

  /// The alignment is an operand behind the address up to LLVM 21, and an attribute of the address since.
  private func masked(
    _ name: String, _ overloads: [IRType], _ align: Int, at address: Int, _ arguments: [IRValue]
  ) -> IRValue {
    guard LLVMVersion.major < 22 else {
      let call = intrinsic(name, overloads, arguments)
      set(.align(align), onArgument: address, of: call)
      return call
    }
    var arguments = arguments
    arguments.insert(module.i32.constant(align), at: address + 1)
    return intrinsic(name, overloads, arguments)
  }

  /// Whether any lane of truth values is true.
  public func any(_ vector: IRValue) -> IRValue {
    vector.type.isVector ? intrinsic("llvm.vector.reduce.or", [vector.type], [vector]) : vector
  }
}
