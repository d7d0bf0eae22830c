import RNNGraph
import RNNLLVM
import RNNPlan

extension KernelEmitter {
  /// A row of the domain: what is the same for all its columns.
  struct Row {
    /// The values of all axes but the last.
    var indices: [Int: IRValue]
    /// The addresses of loads and stores at its first column.
    var addresses: [Access: IRValue]
    /// The addresses of the rows of tables that uniform ids name, by instruction.
    var tableRows: [Int: IRValue] = [:]
    /// The values of uniform instructions: scalars.
    var scalars: [Int: IRValue]
    /// The same, in every lane.
    var splats: [Int: IRValue]
  }

  /// A vector of columns of a row.
  struct Columns {
    /// The first column.
    var first: IRValue
    /// The lanes that there are; nil for all.
    var mask: IRValue?
    /// The sums of products, a vector for each group.
    var accumulators: [IRValue] = []
  }

  /// Computes what is the same for all columns of a row.
  func row(at indices: [Int: IRValue]) -> Row {
    row(at: indices) { address($0, at: indices, opaque: true) }
  }

  /// Computes what is the same for all columns of a row, where accesses begin at the addresses that `start` gives.
  func row(at indices: [Int: IRValue], start: (Access) -> IRValue) -> Row {
    var row = Row(indices: indices, addresses: [:], scalars: [:], splats: [:])
    defer { locate(nil) }
    for (number, instruction) in kernel.body.enumerated() {
      locate(number)
      switch instruction {
      case .load(let access):
        row.addresses[access] = row.addresses[access] ?? start(access)
      case .loadRow(let access, let id, let rows):
        if isUniform[id] {
          row.tableRows[number] = tableRow(access, rows, row.scalars[id]!, from: start(access))
        } else {
          row.addresses[access] = row.addresses[access] ?? start(access)
        }
      case .constant, .size, .index, .accumulator, .random, .unary, .binary, .compare, .select, .convert,
        .combine:
        break
      }
      if isUniform[number] {
        row.scalars[number] = scalar(
          instruction, at: indices, place: { row.tableRows[number] ?? row.addresses[instruction.access!]! }
        ) { row.scalars[$0]! }
      }
    }
    for store in kernel.stores where row.addresses[store.access] == nil {
      row.addresses[store.access] = start(store.access)
    }
    for number in kernel.body.indices where isUniform[number] {
      row.splats[number] = builder.splat(row.scalars[number]!, lanes)
    }
    return row
  }

  /// Computes an instruction that is one number where the axes have some indices.
  ///
  /// - Parameter place: gives the address of what it loads.
  func scalar(
    _ instruction: Instruction, at indices: [Int: IRValue], place: () -> IRValue, _ operand: (Int) -> IRValue
  ) -> IRValue {
    switch instruction {
    case .load(let access), .loadRow(let access, _, _):
      let element = elementType(access)
      return truth(builder.load(memoryType(element), place(), align: element.byteCount), access)
    case .constant(let number, let element):
      return literal(number, element)
    case .size(let size, let element):
      return builder.sitofp(value(of: size), to: memoryType(element))
    case .index(let form):
      return builder.trunc(evaluate(form, at: indices), to: module.i32)
    case .accumulator, .combine:
      preconditionFailure("a sum is made before it is read")
    case .random, .unary, .binary, .compare, .select, .convert:
      return apply(instruction, lanes: nil, operand)
    }
  }

  /// The address of the row of a table that an id names, where row 0 begins at `start`.
  func tableRow(_ access: Access, _ rows: TableRows, _ id: IRValue, from start: IRValue) -> IRValue {
    let distance = builder.mul(value(of: rows.stride), constant(elementType(access).byteCount))
    return builder.offset(start, bytes: builder.mul(builder.sext(id, to: module.i64), distance))
  }

  /// A running index in some columns.
  func runningIndex(_ form: Affine, at indices: [Int: IRValue], _ columns: Columns) -> IRValue {
    let first = builder.trunc(
      evaluate(form, at: indices.merging([lastAxis: columns.first]) { a, _ in a }), to: module.i32)
    let step = builder.trunc(value(of: form.factor(ofAxis: lastAxis)), to: module.i32)
    let offsets = builder.mul(builder.splat(step, lanes), iota(module.i32))
    return builder.add(builder.splat(first, lanes), offsets)
  }

  private func literal(_ number: Double, _ element: ElementType) -> IRValue {
    switch element {
    case .f32, .f64: memoryType(element).constant(number)
    case .i32: module.i32.constant(Int(number))
    case .bool: module.i1.constant(number == 0 ? 0 : 1)
    }
  }

  /// Truth values are bytes in memory.
  private func truth(_ value: IRValue, _ access: Access) -> IRValue {
    elementType(access) == .bool ? builder.icmp(.notEqual, value, value.type.zero) : value
  }

  /// The values of all instructions for some columns of a row; those that are `given` by number need no computing.
  func evaluate(_ row: Row, _ columns: Columns, given: [Int: IRValue] = [:]) -> [IRValue] {
    var values: [IRValue] = []
    for (number, instruction) in kernel.body.enumerated() {
      if let value = given[number] {
        values.append(value)
        continue
      }
      if isUniform[number] {
        values.append(row.splats[number]!)
        continue
      }
      switch instruction {
      case .load(let access):
        values.append(loadVector(access, row.addresses[access]!, columns, mask: loadMask(row, columns)))
      case .loadRow(let access, let id, let rows):
        if isUniform[id] {
          values.append(loadVector(access, row.tableRows[number]!, columns, mask: loadMask(row, columns)))
        } else {
          let mask = loadMask(row, columns) ?? allLanes
          values.append(
            loadRows(access, row.addresses[access]!, ids: values[id], rows.stride, columns, mask: mask))
        }
      case .index(let form):
        values.append(runningIndex(form, at: row.indices, columns))
      case .accumulator(let group, _):
        values.append(columns.accumulators[group])
      case .constant, .size, .combine:
        preconditionFailure("a constant is uniform, and a sweep has no rows of a map")
      case .random, .unary, .binary, .compare, .select, .convert:
        values.append(apply(instruction, lanes: lanes) { values[$0] })
      }
    }
    return values
  }

  /// Stores the values for some columns of a row.
  func store(_ values: [IRValue], _ row: Row, _ columns: Columns) {
    defer { locate(nil) }
    for store in kernel.stores {
      locate(store.value)
      storeVector(values[store.value], store.access, row.addresses[store.access]!, columns)
    }
  }

  func iota(_ type: IRType) -> IRValue { type.vector(lanes).constant(lanes: Array(0..<lanes)) }

  /// The columns' mask and the kernel's bound together.
  private func loadMask(_ row: Row, _ columns: Columns) -> IRValue? {
    guard let bound = kernel.bound else { return columns.mask }
    let first = evaluate(bound.index, at: row.indices.merging([lastAxis: columns.first]) { a, _ in a })
    let inside = builder.mask(below: builder.sub(value(of: bound.limit), first), lanes: lanes)
    return columns.mask.map { builder.and($0, inside) } ?? inside
  }

  // MARK: Memory

  func loadVector(_ access: Access, _ start: IRValue, _ columns: Columns, mask: IRValue?) -> IRValue {
    let element = elementType(access)
    let type = memoryType(element).vector(lanes)
    let factor = access.index.factor(ofAxis: lastAxis)
    let bytes = element.byteCount
    let loaded: IRValue
    if factor == 1 {
      let place = builder.offset(start, bytes: builder.mul(columns.first, constant(bytes)))
      loaded =
        mask.map { builder.maskedLoad(type, place, mask: $0, align: bytes) }
        ?? builder.load(type, place, align: bytes)
    } else {
      let addresses = strided(start, columns.first, builder.mul(value(of: factor), constant(bytes)))
      loaded = builder.gather(type, addresses, mask: mask ?? allLanes, align: bytes)
    }
    return truth(loaded, access)
  }

  var allLanes: IRValue { module.i1.vector(lanes).constant(1) }

  /// Addresses of the lanes, a number of bytes apart.
  private func strided(_ start: IRValue, _ first: IRValue, _ stride: IRValue) -> IRValue {
    let place = builder.offset(start, bytes: builder.mul(first, stride))
    let offsets = builder.mul(iota(module.i64), builder.splat(stride, lanes))
    return builder.offset(place, bytes: offsets)
  }

  /// Elements of rows that differ by lane.
  func loadRows(
    _ access: Access, _ start: IRValue, ids: IRValue, _ stride: Size, _ columns: Columns, mask: IRValue
  ) -> IRValue {
    let element = elementType(access)
    let bytes = constant(element.byteCount)
    let wide = builder.sext(ids, to: module.i64.vector(lanes))
    let rows = builder.mul(wide, builder.splat(builder.mul(value(of: stride), bytes), lanes))
    let factor = builder.mul(value(of: access.index.factor(ofAxis: lastAxis)), bytes)
    let addresses = builder.offset(strided(start, columns.first, factor), bytes: rows)
    return truth(
      builder.gather(
        memoryType(element).vector(lanes), addresses, mask: mask, align: element.byteCount),
      access)
  }

  func storeVector(_ value: IRValue, _ access: Access, _ start: IRValue, _ columns: Columns) {
    let bytes = byteCount(access)
    var value = value
    if elementType(access) == .bool { value = builder.zext(value, to: module.i8.vector(lanes)) }
    if format(access) == .bf16 { value = halved(value) }
    let factor = access.index.factor(ofAxis: lastAxis)
    if factor == 1 {
      let place = builder.offset(start, bytes: builder.mul(columns.first, constant(bytes)))
      if let mask = columns.mask {
        builder.maskedStore(value, place, mask: mask, align: bytes)
      } else {
        builder.store(value, place, align: bytes)
      }
    } else {
      let addresses = strided(start, columns.first, builder.mul(self.value(of: factor), constant(bytes)))
      builder.scatter(value, addresses, mask: columns.mask ?? allLanes, align: bytes)
    }
  }

  // MARK: Arithmetic

  /// An elementwise instruction on scalars or on vectors.
  func apply(_ instruction: Instruction, lanes: Int?, _ operand: (Int) -> IRValue) -> IRValue {
    switch instruction {
    case .random(let key, let counter, let position, let stream, let element):
      return random(
        key: operand(key), counter: operand(counter), position: operand(position), stream: stream, element)
    case .unary(let function, let a): return unary(function, operand(a))
    case .binary(let function, let a, let b): return binary(function, operand(a), operand(b))
    case .compare(let comparison, let a, let b): return compare(comparison, operand(a), operand(b))
    case .select(let condition, let a, let b):
      return builder.select(operand(condition), operand(a), operand(b))
    case .convert(let element, let a): return convert(operand(a), to: element, lanes: lanes)
    case .load, .loadRow, .constant, .size, .index, .accumulator, .combine:
      preconditionFailure("not an elementwise instruction")
    }
  }

  private func unary(_ function: UnaryFunction, _ x: IRValue) -> IRValue {
    switch function {
    case .negate: builder.fneg(x)
    case .reciprocal: builder.fdiv(x.type.constant(1.0), x)
    case .abs: builder.fabs(x)
    case .sign:
      builder.select(
        builder.fcmp(.greater, x, x.type.zero), x.type.constant(1.0),
        builder.select(builder.fcmp(.less, x, x.type.zero), x.type.constant(-1.0), x))
    case .sqrt: builder.sqrt(x)
    case .rsqrt: builder.fdiv(x.type.constant(1.0), builder.sqrt(x))
    case .exp: transcendental(x, builder.exp)
    case .log: transcendental(x, builder.log)
    case .tanh: transcendental(x, builder.tanh)
    case .sigmoid: transcendental(x, builder.sigmoid)
    case .sin: transcendental(x, builder.sin)
    case .cos: transcendental(x, builder.cos)
    case .softplus: transcendental(x, builder.softplus)
    case .expm1: transcendental(x, builder.expm1)
    case .log1p: transcendental(x, builder.log1p)
    case .erf: transcendental(x, builder.erf)
    case .floor: builder.roundDown(x)
    case .round: builder.roundToEven(x)
    }
  }

  /// Vector functions on a scalar work on a vector of it.
  private func transcendental(_ x: IRValue, _ function: (IRValue) -> IRValue) -> IRValue {
    x.type.isVector ? function(x) : builder.extract(function(builder.splat(x, lanes)), 0)
  }

  private func transcendental(_ x: IRValue, _ y: IRValue, _ function: (IRValue, IRValue) -> IRValue)
    -> IRValue
  {
    transcendental(x) { function($0, x.type.isVector ? y : builder.splat(y, lanes)) }
  }

  func binary(_ function: BinaryFunction, _ a: IRValue, _ b: IRValue) -> IRValue {
    if a.type.scalar.isInteger { return integer(function, a, b) }
    return switch function {
    case .add: builder.fadd(a, b)
    case .subtract: builder.fsub(a, b)
    case .multiply: builder.fmul(a, b)
    case .divide: builder.fdiv(a, b)
    // The larger or smaller, and NaN if there is one: the comparison is false for NaN in `b`.
    case .maximum: pick(builder.fcmp(.greater, a, b), a, b)
    case .minimum: pick(builder.fcmp(.less, a, b), a, b)
    case .pow: transcendental(a, b, builder.pow)
    case .atan2: transcendental(a, b, builder.atan2)
    case .logaddexp: transcendental(a, b, builder.logaddexp)
    }
  }

  /// On whole numbers, which the planner computes places with.
  private func integer(_ function: BinaryFunction, _ a: IRValue, _ b: IRValue) -> IRValue {
    switch function {
    case .add: builder.add(a, b)
    case .subtract: builder.sub(a, b)
    case .multiply: builder.mul(a, b)
    case .divide, .pow, .atan2, .logaddexp: preconditionFailure("places are sums, products and extremes")
    case .maximum: builder.smax(a, b)
    case .minimum: builder.smin(a, b)
    }
  }

  /// `uniformRandom` of vectors or scalars.
  private func random(
    key: IRValue, counter: IRValue, position: IRValue, stream: Int, _ element: ElementType
  ) -> IRValue {
    let type = key.type
    func word(_ number: UInt32) -> IRValue { type.constant(Int(Int32(bitPattern: number))) }
    var key = builder.add(key, word(UInt32(truncatingIfNeeded: stream) &* Philox.streamFactor))
    let wide = lanes(of: type).map { module.i64.vector($0) } ?? module.i64
    let multiplier = wide.constant(Int(Philox.multiplier))
    var (x, y) = (position, counter)
    for _ in 0..<Philox.rounds {
      let product = builder.mul(builder.zext(x, to: wide), multiplier)
      let high = builder.trunc(builder.lshr(product, wide.constant(32)), to: type)
      (x, y) = (builder.xor(builder.xor(high, key), y), builder.trunc(product, to: type))
      key = builder.add(key, word(Philox.keyIncrement))
    }
    // 24 bits are a float without rounding, in either type.
    let number = memoryType(element)
    let result = lanes(of: type).map { number.vector($0) } ?? number
    let bits = builder.lshr(x, type.constant(8))
    return builder.fmul(builder.sitofp(bits, to: result), result.constant(0x1p-24))
  }

  private func lanes(of type: IRType) -> Int? { type.isVector ? lanes : nil }

  private func pick(_ isFirst: IRValue, _ a: IRValue, _ b: IRValue) -> IRValue {
    builder.select(builder.or(isFirst, builder.fcmp(.unordered, a, a)), a, b)
  }

  private func compare(_ comparison: Comparison, _ a: IRValue, _ b: IRValue) -> IRValue {
    let isFloat = a.type.isFloatingPoint
    switch comparison {
    case .less: return isFloat ? builder.fcmp(.less, a, b) : builder.icmp(.less, a, b)
    case .lessOrEqual: return isFloat ? builder.fcmp(.lessOrEqual, a, b) : builder.icmp(.lessOrEqual, a, b)
    case .equal: return isFloat ? builder.fcmp(.equal, a, b) : builder.icmp(.equal, a, b)
    }
  }

  private func convert(_ x: IRValue, to element: ElementType, lanes: Int?) -> IRValue {
    let scalar = element == .bool ? module.i1 : memoryType(element)
    let type = lanes.map { scalar.vector($0) } ?? scalar
    if x.type == type { return x }
    let from = x.type.scalar
    let isTruth = from == module.i1
    switch element {
    case .f32, .f64:
      if isTruth { return builder.uitofp(x, to: type) }
      if from.isInteger { return builder.sitofp(x, to: type) }
      return from.isDouble ? builder.fptrunc(x, to: type) : builder.fpext(x, to: type)
    case .i32:
      return isTruth ? builder.zext(x, to: type) : builder.intrinsic("llvm.fptosi.sat", [type, x.type], [x])
    case .bool:
      return x.type.isFloatingPoint
        ? builder.fcmp(.notEqual, x, x.type.zero) : builder.icmp(.notEqual, x, x.type.zero)
    }
  }
}
