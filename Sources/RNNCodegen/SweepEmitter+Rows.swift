import RNNGraph
import RNNLLVM
import RNNPlan
import RNNSchedule

// The sweeps: each row once, from part to part of the columns.
extension SweepEmitter {
  /// The sums that a sweep makes.
  func sums(of stage: Int) -> [Sum] {
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
  func needed(by sums: [Sum], at stage: Int) -> [Int] {
    let terms = sums.flatMap { sum in sum.factors.map { [$0.0, $0.1] } ?? [sum.operand] }
    let rows = isCut ? [] : sums.map(\.number).filter { stages.variation[$0] == .rows }
    let stores = kernel.stores.enumerated().filter { isStored($0.offset, by: stage, withParts: true) }
    return instructions(of: terms + rows + stores.map(\.element.value))
  }

  /// The instructions that some values are computed by in each row, in order; sums are made apart.
  func instructions(of values: [Int]) -> [Int] {
    var needed: Set<Int> = []
    func need(_ number: Int) {
      guard stages.variation[number].contains(.rows), needed.insert(number).inserted else { return }
      if !kernel.body[number].isCombine { kernel.body[number].operands.forEach(need) }
    }
    values.forEach(need)
    return needed.sorted()
  }

  /// Whether a sweep stores something of each row: with each part of the columns, or once for the row.
  func isStored(_ store: Int, by stage: Int, withParts: Bool) -> Bool {
    guard stages.stores[store] == stage, stages.storedAxes[store].contains(.rows) else { return false }
    return withParts == (!isCut || stages.storedAxes[store] == .matrix)
  }

  func sweep(_ stage: Int) {
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

  func overRows(_ body: (IRValue) -> Void) {
    builder.forLoop(from: emitter.constant(0), to: emitter.constant(rows), step: emitter.constant(1), body)
  }

  func rowPlace(_ number: Int, _ row: IRValue) -> IRValue {
    builder.offset(rowMemory[number]!, bytes: builder.mul(row, emitter.constant(types[number].byteCount)))
  }

  /// Whether a sum is made in vectors of columns.
  func isOfVectors(_ sum: Sum) -> Bool {
    stages.variation[sum.operand].union(sum.over).contains(.columns)
  }

  func width(_ sum: Sum) -> Int { isOfVectors(sum) ? vectors : 1 }

  /// What the vectors of a sum begin with.
  func firsts(_ sum: Sum) -> [IRValue] {
    let type = isOfVectors(sum) ? vectorType(sum.operand) : emitter.memoryType(types[sum.operand])
    return Array(repeating: emitter.identity(sum.reduction, type), count: width(sum))
  }

  /// Adds a row to the vectors of a sum.
  func add(_ sum: Sum, _ part: Part, _ row: Row, to values: inout [IRValue], from place: inout Int) {
    emitter.locate(sum.number)
    for vector in 0..<width(sum) {
      values[place] =
        isOfVectors(sum)
        ? added(sum, values[place], part.masks[vector]) { self.value($0, part, vector, row) }
        : added(sum, values[place], nil) { rowScalar($0, row) }
      place += 1
    }
  }

  func added(_ sum: Sum, _ before: IRValue, _ mask: IRValue?, _ value: (Int) -> IRValue) -> IRValue {
    if let (a, b) = sum.factors, mask == nil { return builder.mulAdd(value(a), value(b), before) }
    let term =
      sum.factors.map { builder.fmul(value($0.0), value($0.1)) } ?? value(sum.operand)
    return emitter.combine(
      sum.reduction, before, masked(term, mask, emitter.identity(sum.reduction, term.type)))
  }

  /// The sum over the columns of a part of a row.
  func sumOfRow(_ sum: Sum, _ part: Part, _ row: Row) -> IRValue {
    var total = emitter.identity(sum.reduction, vectorType(sum.operand))
    for vector in 0..<vectors {
      total = added(sum, total, part.masks[vector]) { self.value($0, part, vector, row) }
    }
    return emitter.horizontal(sum.reduction, total)
  }

  func addToRow(_ sum: Sum, _ part: Part, _ row: Row) {
    emitter.locate(sum.number)
    let (place, bytes) = (rowPlace(sum.number, row.index), types[sum.number].byteCount)
    let before = builder.load(emitter.memoryType(types[sum.number]), place, align: bytes)
    builder.store(emitter.combine(sum.reduction, before, sumOfRow(sum, part, row)), place, align: bytes)
  }

  /// Computes an instruction in a row.
  func compute(_ number: Int, _ part: Part, _ row: inout Row, _ sums: [Sum]) {
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
        self.vector(instruction, part, vector, row: row)
      }
    }
  }

  /// Computes what is one number for a row, or reads it if an earlier sweep added it up.
  func valueOfRow(_ number: Int, _ row: Row) -> IRValue {
    let instruction = kernel.body[number]
    if !instruction.isCombine {
      return scalar(instruction, at: row.indices) { rowScalar($0, row) }
    }
    return builder.load(
      emitter.memoryType(types[number]), rowPlace(number, row.index), align: types[number].byteCount)
  }

  /// Whether a later sweep than that of a row's sum reads it.
  func isReadLater(_ number: Int) -> Bool { stages.count > stages.stages[number] + 1 }

  /// Stores what a sweep stores of a row with each part of the columns.
  func storeRow(_ stage: Int, _ part: Part, _ row: Row) {
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
  func storeWholeRows(_ stage: Int) {
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
}
