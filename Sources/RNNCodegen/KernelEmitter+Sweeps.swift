import RNNGraph
import RNNLLVM
import RNNPlan
import RNNSchedule

extension KernelEmitter {
  /// Goes over the rows of each matrix as often as its sums need.
  func emitSweep() {
    let sweep = SweepEmitter(self)
    overAxes(Array(0..<(kernel.domain.count - 2))) { sweep.emit(at: $0) }
  }
}

/// Emits the sweeps over one matrix after the other. See note [Sweeps], `Sources/RNNPlan/Sweep.swift`.
///
/// What is one number for the matrix, or a vector of columns, stays in registers from sweep to sweep, columns that are cut
/// in parts in memory of the function; and so do sums of rows that a later sweep reads.
private final class SweepEmitter {
  let emitter: KernelEmitter
  let kernel: Kernel
  let builder: FunctionBuilder
  private let stages: SweepStages
  private let types: [ElementType]
  private let lanes: Int
  /// Vectors that are taken together, and whether they are a part of the columns only.
  private let vectors: Int, isCut: Bool
  private let rows: Int, columns: Int
  private var rowAxis: Int { kernel.domain.count - 2 }

  /// The indices of the outer axes.
  private var indices: [Int: IRValue] = [:]
  /// Where each access begins at these.
  private var starts: [Access: IRValue] = [:]
  /// What is one number for the matrix.
  private var scalars: [Int: IRValue] = [:]
  /// Vectors of columns that are not cut.
  private var columnValues: [Int: [IRValue]] = [:]
  /// Memory for columns that are cut, and for sums of rows.
  private var columnMemory: [Int: IRValue] = [:]
  private var rowMemory: [Int: IRValue] = [:]

  init(_ emitter: KernelEmitter) {
    self.emitter = emitter
    (kernel, builder, lanes) = (emitter.kernel, emitter.builder, emitter.lanes)
    types = kernel.types { emitter.form.elements[$0.index] }
    (rows, columns) = (kernel.domain[kernel.domain.count - 2].constant!, kernel.domain.last!.constant!)
    let all = (columns + lanes - 1) / lanes
    vectors = min(emitter.schedule.sweep!.vectors, all)
    isCut = vectors < all
    stages = SweepStages(kernel, isCut: isCut)
    allocate()
  }

  /// Memory of the function: it is there once, whatever loops are around.
  private func allocate() {
    for (number, instruction) in kernel.body.enumerated() {
      let type = emitter.memoryType(types[number])
      if isCut, stages.variation[number] == .columns {
        let count = (columns + vectors * lanes - 1) / (vectors * lanes) * vectors * lanes
        columnMemory[number] = builder.alloca(type, count: count, align: Buffer.alignment)
      }
      if instruction.isCombine, stages.variation[number] == .rows {
        rowMemory[number] = builder.alloca(type, count: rows, align: Buffer.alignment)
      }
    }
  }

  /// Emits everything for one matrix.
  func emit(at indices: [Int: IRValue]) {
    self.indices = indices
    starts = [:]
    for access in emitter.accesses where starts[access] == nil {
      starts[access] = emitter.address(access, at: indices, opaque: true)
    }
    (scalars, columnValues) = ([:], [:])
    for stage in 0...stages.count {
      computeColumns(at: stage)
      storeColumns(at: stage)
      if stage < stages.count { sweep(stage) }
    }
    emitter.locate(nil)
  }

  // MARK: Between the sweeps

  /// The first column of a part, and which lanes of each vector there are.
  private struct Part {
    var first: IRValue
    var masks: [IRValue?]
  }

  /// Runs `body` for each part of the columns, handing on values from part to part.
  private func overParts(carrying initial: [IRValue] = [], _ body: (Part, [IRValue]) -> [IRValue])
    -> [IRValue]
  {
    let width = vectors * lanes
    func part(_ first: IRValue) -> Part {
      let masks = (0..<vectors).map { vector -> IRValue? in
        let isWhole = isCut ? columns % width == 0 : (vector + 1) * lanes <= columns
        if isWhole { return nil }
        let left = builder.sub(emitter.constant(columns - vector * lanes), first)
        return builder.mask(below: left, lanes: lanes)
      }
      return Part(first: first, masks: masks)
    }
    if !isCut { return body(part(emitter.constant(0)), initial) }
    return builder.forLoop(
      from: emitter.constant(0), to: emitter.constant(columns), step: emitter.constant(width),
      carrying: initial
    ) { body(part($0), $1) }
  }

  private func place(_ part: Part, _ vector: Int) -> KernelEmitter.Columns {
    KernelEmitter.Columns(
      first: builder.add(part.first, emitter.constant(vector * lanes)), mask: part.masks[vector])
  }

  /// Computes what does not differ by row, once some sweeps are done.
  private func computeColumns(at stage: Int) {
    for (number, instruction) in kernel.body.enumerated()
    where stages.stages[number] == stage && !stages.variation[number].contains(.rows) {
      emitter.locate(number)
      if case .combine(let reduction, let over, let operand) = instruction {
        // Sums over rows are those of a sweep.
        if !stages.variation[operand].union(over).contains(.rows) {
          scalars[number] = combineColumns(reduction, operand)
        }
      } else if stages.variation[number].isEmpty {
        scalars[number] = scalar(instruction, number, at: indices) { scalars[$0]! }
      } else {
        _ = overParts { part, _ in
          setColumn(
            number, part,
            (0..<vectors).map { vector in self.vector(instruction, number, part, vector, row: nil) })
          return []
        }
      }
    }
  }

  /// Combines a value of columns.
  private func combineColumns(_ reduction: Reduction, _ operand: Int) -> IRValue {
    let zero = emitter.identity(reduction, vectorType(operand))
    let sums = overParts(carrying: [zero]) { part, sums in
      [
        (0..<vectors).reduce(sums[0]) { sum, vector in
          emitter.combine(
            reduction, sum, masked(column(operand, part, vector), part.masks[vector], zero))
        }
      ]
    }
    return emitter.horizontal(reduction, sums[0])
  }

  private func masked(_ value: IRValue, _ mask: IRValue?, _ other: IRValue) -> IRValue {
    mask.map { builder.select($0, value, other) } ?? value
  }

  private func vectorType(_ number: Int) -> IRType {
    let element = types[number]
    return (element == .bool ? emitter.module.i1 : emitter.memoryType(element)).vector(lanes)
  }

  /// Stores what does not differ by row.
  private func storeColumns(at stage: Int) {
    for (number, store) in kernel.stores.enumerated()
    where stages.stores[number] == stage && !stages.storedAxes[number].contains(.rows) {
      emitter.locate(store.value)
      let start = starts[store.access]!
      if stages.storedAxes[number].isEmpty {
        emitter.storeScalar(scalars[store.value]!, store.access, start)
      } else {
        _ = overParts { part, _ in
          for vector in 0..<vectors {
            emitter.storeVector(column(store.value, part, vector), store.access, start, place(part, vector))
          }
          return []
        }
      }
    }
  }

  /// A vector of a value that does not differ by row.
  private func column(_ number: Int, _ part: Part, _ vector: Int) -> IRValue {
    if let scalar = scalars[number] { return builder.splat(scalar, lanes) }
    if let values = columnValues[number] { return values[vector] }
    return builder.load(vectorType(number), columnPlace(number, part, vector), align: lineAlignment(number))
  }

  private func setColumn(_ number: Int, _ part: Part, _ values: [IRValue]) {
    if !isCut { columnValues[number] = values }
    guard isCut else { return }
    for (vector, value) in values.enumerated() {
      builder.store(value, columnPlace(number, part, vector), align: lineAlignment(number))
    }
  }

  private func columnPlace(_ number: Int, _ part: Part, _ vector: Int) -> IRValue {
    let first = builder.add(part.first, emitter.constant(vector * lanes))
    return builder.offset(
      columnMemory[number]!, bytes: builder.mul(first, emitter.constant(types[number].byteCount)))
  }

  private func lineAlignment(_ number: Int) -> Int { min(Buffer.alignment, lanes * types[number].byteCount) }

  // MARK: Sweeps

  /// What a row is while it is swept.
  private struct Row {
    var index: IRValue
    var indices: [Int: IRValue]
    /// What is one number for the row.
    var scalars: [Int: IRValue] = [:]
    /// What differs by element, a vector each.
    var vectors: [Int: [IRValue]] = [:]
  }

  /// A sum that a sweep makes, and the values that are multiplied for it, if it is one of products.
  private struct Sum {
    var number: Int
    var reduction: Reduction
    var over: SweepAxes
    var operand: Int
    var factors: (Int, Int)?
  }

  /// The sums that a sweep makes.
  private func sums(of stage: Int) -> [Sum] {
    kernel.body.enumerated().compactMap { number, instruction in
      guard case .combine(let reduction, let over, let operand) = instruction,
        stages.variation[operand].union(over).contains(.rows), stages.stages[operand] == stage
      else { return nil }
      var factors: (Int, Int)?
      if reduction == .sum, types[operand] == .f32 || types[operand] == .f64,
        case .binary(.multiply, let a, let b) = kernel.body[operand]
      {
        factors = (a, b)
      }
      return Sum(number: number, reduction: reduction, over: over, operand: operand, factors: factors)
    }
  }

  /// The instructions that a sweep computes in each row, in order.
  private func needed(by sums: [Sum], at stage: Int) -> [Int] {
    let terms = sums.flatMap { sum in sum.factors.map { [$0.0, $0.1] } ?? [sum.operand] }
    let rows = isCut ? [] : sums.map(\.number).filter { stages.variation[$0] == .rows }
    let stores = kernel.stores.enumerated().filter { isStored($0.offset, by: stage, withParts: true) }
    return instructions(of: terms + rows + stores.map(\.element.value))
  }

  /// The instructions that some values are computed by in each row, in order; sums are made apart.
  private func instructions(of values: [Int]) -> [Int] {
    var needed: Set<Int> = []
    func need(_ number: Int) {
      guard stages.variation[number].contains(.rows), needed.insert(number).inserted else { return }
      if !kernel.body[number].isCombine { kernel.body[number].operands.forEach(need) }
    }
    values.forEach(need)
    return needed.sorted()
  }

  /// Whether a sweep stores something of each row: with each part of the columns, or once for the row.
  private func isStored(_ store: Int, by stage: Int, withParts: Bool) -> Bool {
    guard stages.stores[store] == stage, stages.storedAxes[store].contains(.rows) else { return false }
    return withParts == (!isCut || stages.storedAxes[store] == .matrix)
  }

  private func sweep(_ stage: Int) {
    let sums = sums(of: stage)
    let needed = needed(by: sums, at: stage)
    let ofRows = sums.filter { stages.variation[$0.number] == .rows }
    // Sums over all rows: of columns, which end with a part, and of the matrix, which go on from part to part.
    let ofColumns = sums.filter { stages.variation[$0.number] == .columns }
    let ofMatrix = sums.filter { stages.variation[$0.number].isEmpty }
    if isCut {
      for sum in ofRows {
        let zero = emitter.memoryType(types[sum.number]).constant(sum.reduction.identity)
        overRows { builder.store(zero, rowPlace(sum.number, $0), align: types[sum.number].byteCount) }
      }
    }
    let results = overParts(carrying: ofMatrix.flatMap { firsts($0) }) { part, carried in
      let firsts = ofColumns.flatMap { self.firsts($0) }
      // What does not differ by column is summed up by each part.
      var carried = carried
      var start = 0
      for sum in ofMatrix {
        if !isOfVectors(sum) { carried[start] = self.firsts(sum)[0] }
        start += width(sum)
      }
      let ends = builder.forLoop(
        from: emitter.constant(0), to: emitter.constant(rows), step: emitter.constant(1),
        carrying: firsts + carried
      ) { index, values in
        var values = values
        var row = Row(index: index, indices: indices.merging([rowAxis: index]) { $1 })
        for number in needed { compute(number, part, &row, sums) }
        var place = 0
        for sum in ofColumns + ofMatrix { add(sum, part, row, to: &values, from: &place) }
        if isCut { for sum in ofRows { addToRow(sum, part, row) } }
        storeRow(stage, part, row)
        return values
      }
      var place = 0
      for sum in ofColumns {
        setColumn(sum.number, part, Array(ends[place..<(place + vectors)]))
        place += vectors
      }
      return Array(ends[place...])
    }
    storeWholeRows(stage)
    var place = 0
    for sum in ofMatrix {
      let count = width(sum)
      let vector = results[place..<(place + count)].dropFirst().reduce(results[place]) {
        emitter.combine(sum.reduction, $0, $1)
      }
      scalars[sum.number] = isOfVectors(sum) ? emitter.horizontal(sum.reduction, vector) : vector
      place += count
    }
  }

  private func overRows(_ body: (IRValue) -> Void) {
    builder.forLoop(from: emitter.constant(0), to: emitter.constant(rows), step: emitter.constant(1), body)
  }

  private func rowPlace(_ number: Int, _ row: IRValue) -> IRValue {
    builder.offset(rowMemory[number]!, bytes: builder.mul(row, emitter.constant(types[number].byteCount)))
  }

  /// Whether a sum is made in vectors of columns.
  private func isOfVectors(_ sum: Sum) -> Bool {
    stages.variation[sum.operand].union(sum.over).contains(.columns)
  }

  private func width(_ sum: Sum) -> Int { isOfVectors(sum) ? vectors : 1 }

  /// What the vectors of a sum begin with.
  private func firsts(_ sum: Sum) -> [IRValue] {
    let type = isOfVectors(sum) ? vectorType(sum.operand) : emitter.memoryType(types[sum.operand])
    return Array(repeating: emitter.identity(sum.reduction, type), count: width(sum))
  }

  /// Adds a row to the vectors of a sum.
  private func add(_ sum: Sum, _ part: Part, _ row: Row, to values: inout [IRValue], from place: inout Int) {
    emitter.locate(sum.number)
    for vector in 0..<width(sum) {
      values[place] =
        isOfVectors(sum)
        ? added(sum, values[place], part.masks[vector]) { self.value($0, part, vector, row) }
        : added(sum, values[place], nil) { rowScalar($0, row) }
      place += 1
    }
  }

  private func added(_ sum: Sum, _ before: IRValue, _ mask: IRValue?, _ value: (Int) -> IRValue) -> IRValue {
    if let (a, b) = sum.factors, mask == nil { return builder.mulAdd(value(a), value(b), before) }
    let term =
      sum.factors.map { builder.fmul(value($0.0), value($0.1)) } ?? value(sum.operand)
    return emitter.combine(
      sum.reduction, before, masked(term, mask, emitter.identity(sum.reduction, term.type)))
  }

  /// The sum over the columns of a part of a row.
  private func sumOfRow(_ sum: Sum, _ part: Part, _ row: Row) -> IRValue {
    var total = emitter.identity(sum.reduction, vectorType(sum.operand))
    for vector in 0..<vectors {
      total = added(sum, total, part.masks[vector]) { self.value($0, part, vector, row) }
    }
    return emitter.horizontal(sum.reduction, total)
  }

  private func addToRow(_ sum: Sum, _ part: Part, _ row: Row) {
    emitter.locate(sum.number)
    let (place, bytes) = (rowPlace(sum.number, row.index), types[sum.number].byteCount)
    let before = builder.load(emitter.memoryType(types[sum.number]), place, align: bytes)
    builder.store(emitter.combine(sum.reduction, before, sumOfRow(sum, part, row)), place, align: bytes)
  }

  /// Computes an instruction in a row.
  private func compute(_ number: Int, _ part: Part, _ row: inout Row, _ sums: [Sum]) {
    emitter.locate(number)
    let instruction = kernel.body[number]
    if instruction.isCombine, !isCut, let sum = sums.first(where: { $0.number == number }) {
      let value = sumOfRow(sum, part, row)
      row.scalars[number] = value
      if isReadLater(number) {
        builder.store(value, rowPlace(number, row.index), align: types[number].byteCount)
      }
    } else if stages.variation[number] == .rows {
      row.scalars[number] = valueOfRow(number, row)
    } else {
      row.vectors[number] = (0..<vectors).map { vector in
        self.vector(instruction, number, part, vector, row: row)
      }
    }
  }

  /// Computes what is one number for a row, or reads it if an earlier sweep added it up.
  private func valueOfRow(_ number: Int, _ row: Row) -> IRValue {
    let instruction = kernel.body[number]
    if !instruction.isCombine {
      return scalar(instruction, number, at: row.indices) { rowScalar($0, row) }
    }
    return builder.load(
      emitter.memoryType(types[number]), rowPlace(number, row.index), align: types[number].byteCount)
  }

  /// Whether a later sweep than that of a row's sum reads it.
  private func isReadLater(_ number: Int) -> Bool { stages.count > stages.stages[number] + 1 }

  /// Stores what a sweep stores of a row with each part of the columns.
  private func storeRow(_ stage: Int, _ part: Part, _ row: Row) {
    for (number, store) in kernel.stores.enumerated() where isStored(number, by: stage, withParts: true) {
      emitter.locate(store.value)
      let start = self.start(store.access, row)
      if stages.storedAxes[number] == .rows {
        emitter.storeScalar(rowScalar(store.value, row), store.access, start)
      } else {
        for vector in 0..<vectors {
          emitter.storeVector(value(store.value, part, vector, row), store.access, start, place(part, vector))
        }
      }
    }
  }

  /// Stores what is one number for each row and stands behind all parts of the columns: a part more would read what the one
  /// before has stored in its place.
  private func storeWholeRows(_ stage: Int) {
    let stores = kernel.stores.enumerated().filter { isStored($0.offset, by: stage, withParts: false) }
    if stores.isEmpty { return }
    let needed = instructions(of: stores.map(\.element.value))
    overRows { index in
      var row = Row(index: index, indices: indices.merging([rowAxis: index]) { $1 })
      for number in needed {
        emitter.locate(number)
        row.scalars[number] = valueOfRow(number, row)
      }
      for (_, store) in stores {
        emitter.locate(store.value)
        emitter.storeScalar(rowScalar(store.value, row), store.access, start(store.access, row))
      }
    }
  }

  // MARK: Values

  /// Where a row of an access begins.
  private func start(_ access: Access, _ row: Row?) -> IRValue {
    let factor = access.index.factor(ofAxis: rowAxis)
    guard let row, factor != 0 else { return starts[access]! }
    let stride = builder.mul(emitter.value(of: factor), emitter.constant(emitter.byteCount(access)))
    return builder.offset(starts[access]!, bytes: builder.mul(row.index, stride))
  }

  /// A number that is the same for the row or the matrix.
  private func rowScalar(_ number: Int, _ row: Row) -> IRValue { scalars[number] ?? row.scalars[number]! }

  /// A vector of a value in a row.
  private func value(_ number: Int, _ part: Part, _ vector: Int, _ row: Row) -> IRValue {
    if let scalar = row.scalars[number] { return builder.splat(scalar, lanes) }
    return row.vectors[number]?[vector] ?? column(number, part, vector)
  }

  /// Computes what is one number.
  private func scalar(
    _ instruction: Instruction, _ number: Int, at indices: [Int: IRValue], _ operand: (Int) -> IRValue
  ) -> IRValue {
    let row = indices[rowAxis].map { Row(index: $0, indices: indices) }
    switch instruction {
    case .load(let access): return emitter.loadScalar(access, start(access, row))
    case .loadRow(let access, let id, let rows):
      return emitter.loadScalar(access, tableRow(access, rows, operand(id), start(access, row)))
    case .constant(let number, let element): return emitter.literal(number, element)
    case .size(let size, let element):
      return builder.sitofp(emitter.value(of: size), to: emitter.memoryType(element))
    case .index(let form): return builder.trunc(emitter.evaluate(form, at: indices), to: emitter.module.i32)
    case .accumulator, .combine: preconditionFailure("a sum is made by a sweep")
    case .random, .unary, .binary, .compare, .select, .convert:
      return emitter.apply(instruction, lanes: nil, operand)
    }
  }

  private func tableRow(_ access: Access, _ rows: TableRows, _ id: IRValue, _ start: IRValue) -> IRValue {
    let distance = builder.mul(emitter.value(of: rows.stride), emitter.constant(emitter.byteCount(access)))
    return builder.offset(start, bytes: builder.mul(builder.sext(id, to: emitter.module.i64), distance))
  }

  /// Computes a vector of what differs by column.
  private func vector(
    _ instruction: Instruction, _ number: Int, _ part: Part, _ vector: Int, row: Row?
  ) -> IRValue {
    let columns = place(part, vector)
    func operand(_ number: Int) -> IRValue {
      row.map { value(number, part, vector, $0) } ?? column(number, part, vector)
    }
    switch instruction {
    case .load(let access):
      return emitter.loadVector(access, start(access, row), columns, mask: columns.mask)
    case .loadRow(let access, let id, let rows):
      if stages.variation[id].contains(.columns) {
        return emitter.loadRows(
          access, start(access, row), ids: operand(id), rows.stride, columns,
          mask: columns.mask ?? emitter.allLanes)
      }
      let one = row.map { rowScalar(id, $0) } ?? scalars[id]!
      return emitter.loadVector(
        access, tableRow(access, rows, one, start(access, row)), columns, mask: columns.mask)
    case .index(let form):
      let i32 = emitter.module.i32
      let at = (row?.indices ?? indices).merging([emitter.lastAxis: columns.first]) { $1 }
      let step = builder.trunc(emitter.value(of: form.factor(ofAxis: emitter.lastAxis)), to: i32)
      return builder.add(
        builder.splat(builder.trunc(emitter.evaluate(form, at: at), to: i32), lanes),
        builder.mul(builder.splat(step, lanes), emitter.iota(i32)))
    case .constant, .size, .accumulator, .combine: preconditionFailure("no value of columns")
    case .random, .unary, .binary, .compare, .select, .convert:
      return emitter.apply(instruction, lanes: lanes, operand)
    }
  }
}

extension KernelEmitter {
  fileprivate func loadScalar(_ access: Access, _ place: IRValue) -> IRValue {
    let element = elementType(access)
    return truth(builder.load(memoryType(element), place, align: element.byteCount), access)
  }

  fileprivate func storeScalar(_ value: IRValue, _ access: Access, _ place: IRValue) {
    let element = elementType(access)
    let stored = element == .bool ? builder.zext(value, to: module.i8) : value
    builder.store(stored, place, align: element.byteCount)
  }
}

extension Kernel {
  /// The type of each instruction's value, given those of buffers.
  fileprivate func types(_ element: (BufferID) -> ElementType) -> [ElementType] {
    var types: [ElementType] = []
    for instruction in body {
      switch instruction {
      case .load(let access), .loadRow(let access, _, _): types.append(element(access.buffer))
      case .constant(_, let own), .size(_, let own), .accumulator(_, let own), .convert(let own, _),
        .random(_, _, _, _, let own):
        types.append(own)
      case .index: types.append(.i32)
      case .compare: types.append(.bool)
      case .unary(_, let a), .binary(_, let a, _), .select(_, let a, _), .combine(_, _, let a):
        types.append(types[a])
      }
    }
    return types
  }
}
