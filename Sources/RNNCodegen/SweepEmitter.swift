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
final class SweepEmitter {
  let emitter: KernelEmitter
  let kernel: Kernel
  let builder: FunctionBuilder
  let stages: SweepStages
  let types: [ElementType]
  let lanes: Int
  /// Vectors that are taken together, and whether they are a part of the columns only.
  let vectors: Int, isCut: Bool
  let rows: Int, columns: Int
  var rowAxis: Int { kernel.domain.count - 2 }

  /// The indices of the outer axes.
  var indices: [Int: IRValue] = [:]
  /// Where each access begins at these.
  var starts: [Access: IRValue] = [:]
  /// What is one number for the matrix.
  var scalars: [Int: IRValue] = [:]
  /// Vectors of columns that are not cut.
  var columnValues: [Int: [IRValue]] = [:]
  /// Memory for columns that are cut, and for sums of rows.
  var columnMemory: [Int: IRValue] = [:]
  var rowMemory: [Int: IRValue] = [:]

  /// The first column of a part, and which lanes of each vector there are.
  struct Part {
    var first: IRValue
    var masks: [IRValue?]
  }

  /// What a row is while it is swept.
  struct Row {
    var index: IRValue
    var indices: [Int: IRValue]
    /// What is one number for the row.
    var scalars: [Int: IRValue] = [:]
    /// What differs by element, a vector each.
    var vectors: [Int: [IRValue]] = [:]
  }

  /// A sum that a sweep makes, and the values that are multiplied for it, if it is one of products.
  struct Sum {
    var number: Int
    var reduction: Reduction
    var over: SweepAxes
    var operand: Int
    var factors: (Int, Int)?
  }

  init(_ emitter: KernelEmitter) {
    self.emitter = emitter
    (kernel, builder, lanes) = (emitter.kernel, emitter.builder, emitter.lanes)
    var types: [ElementType] = []
    for instruction in kernel.body {
      let type = instruction.type({ types[$0] }) { emitter.form.elements[$0.index] }
      types.append(type)
    }
    self.types = types
    (rows, columns) = (kernel.domain[kernel.domain.count - 2].constant!, kernel.domain.last!.constant!)
    let all = (columns + lanes - 1) / lanes
    vectors = min(emitter.schedule.sweep!.vectors, all)
    isCut = vectors < all
    stages = SweepStages(kernel, isCut: isCut)
    allocate()
  }

  /// Memory of the function: it is there once, whatever loops are around.
  func allocate() {
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

  /// Runs `body` for each part of the columns, handing on values from part to part.
  func overParts(carrying initial: [IRValue] = [], _ body: (Part, [IRValue]) -> [IRValue])
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

  func place(_ part: Part, _ vector: Int) -> KernelEmitter.Columns {
    KernelEmitter.Columns(
      first: builder.add(part.first, emitter.constant(vector * lanes)), mask: part.masks[vector])
  }

  /// Computes what does not differ by row, once some sweeps are done.
  func computeColumns(at stage: Int) {
    for (number, instruction) in kernel.body.enumerated()
    where stages.stages[number] == stage && !stages.variation[number].contains(.rows) {
      emitter.locate(number)
      if case .combine(let reduction, let over, let operand) = instruction {
        // Sums over rows are those of a sweep.
        if !stages.variation[operand].union(over).contains(.rows) {
          scalars[number] = combineColumns(reduction, operand)
        }
      } else if stages.variation[number].isEmpty {
        scalars[number] = scalar(instruction, at: indices) { scalars[$0]! }
      } else {
        _ = overParts { part, _ in
          setColumn(
            number, part,
            (0..<vectors).map { vector in self.vector(instruction, part, vector, row: nil) })
          return []
        }
      }
    }
  }

  /// Combines a value of columns.
  func combineColumns(_ reduction: Reduction, _ operand: Int) -> IRValue {
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

  func masked(_ value: IRValue, _ mask: IRValue?, _ other: IRValue) -> IRValue {
    mask.map { builder.select($0, value, other) } ?? value
  }

  func vectorType(_ number: Int) -> IRType {
    let element = types[number]
    return (element == .bool ? emitter.module.i1 : emitter.memoryType(element)).vector(lanes)
  }

  /// Stores what does not differ by row.
  func storeColumns(at stage: Int) {
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
  func column(_ number: Int, _ part: Part, _ vector: Int) -> IRValue {
    if let scalar = scalars[number] { return builder.splat(scalar, lanes) }
    if let values = columnValues[number] { return values[vector] }
    return builder.load(vectorType(number), columnPlace(number, part, vector), align: lineAlignment(number))
  }

  func setColumn(_ number: Int, _ part: Part, _ values: [IRValue]) {
    if !isCut { columnValues[number] = values }
    guard isCut else { return }
    for (vector, value) in values.enumerated() {
      builder.store(value, columnPlace(number, part, vector), align: lineAlignment(number))
    }
  }

  func columnPlace(_ number: Int, _ part: Part, _ vector: Int) -> IRValue {
    let first = builder.add(part.first, emitter.constant(vector * lanes))
    return builder.offset(
      columnMemory[number]!, bytes: builder.mul(first, emitter.constant(types[number].byteCount)))
  }

  func lineAlignment(_ number: Int) -> Int { min(Buffer.alignment, lanes * types[number].byteCount) }
}
