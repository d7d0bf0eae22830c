import RNNGraph
import RNNLLVM
import RNNPlan
import RNNSchedule

// The values of instructions: numbers of a matrix or a row, and vectors of columns.
extension SweepEmitter {
  /// Where a row of an access begins.
  func start(_ access: Access, _ row: Row?) -> IRValue {
    let factor = access.index.factor(ofAxis: rowAxis)
    guard let row, factor != 0 else { return starts[access]! }
    let stride = builder.mul(emitter.value(of: factor), emitter.constant(emitter.byteCount(access)))
    return builder.offset(starts[access]!, bytes: builder.mul(row.index, stride))
  }

  /// A number that is the same for the row or the matrix.
  func rowScalar(_ number: Int, _ row: Row) -> IRValue { scalars[number] ?? row.scalars[number]! }

  /// A vector of a value in a row.
  func value(_ number: Int, _ part: Part, _ vector: Int, _ row: Row) -> IRValue {
    if let scalar = row.scalars[number] { return builder.splat(scalar, lanes) }
    return row.vectors[number]?[vector] ?? column(number, part, vector)
  }

  /// Computes what is one number.
  func scalar(
    _ instruction: Instruction, at indices: [Int: IRValue], _ operand: (Int) -> IRValue
  ) -> IRValue {
    func place() -> IRValue {
      let row = indices[rowAxis].map { Row(index: $0, indices: indices) }
      let start = start(instruction.access!, row)
      guard case .loadRow(let access, let id, let rows) = instruction else { return start }
      return emitter.tableRow(access, rows, operand(id), from: start)
    }
    return emitter.scalar(instruction, at: indices, place: place, operand)
  }

  /// Computes a vector of what differs by column.
  func vector(
    _ instruction: Instruction, _ part: Part, _ vector: Int, row: Row?
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
        access, emitter.tableRow(access, rows, one, from: start(access, row)), columns, mask: columns.mask)
    case .index(let form): return emitter.runningIndex(form, at: row?.indices ?? indices, columns)
    case .constant, .size, .accumulator, .combine: preconditionFailure("no value of columns")
    case .random, .unary, .binary, .compare, .select, .convert:
      return emitter.apply(instruction, lanes: lanes, operand)
    }
  }
}

extension KernelEmitter {
  func storeScalar(_ value: IRValue, _ access: Access, _ place: IRValue) {
    let element = elementType(access)
    let stored = element == .bool ? builder.zext(value, to: module.i8) : value
    builder.store(stored, place, align: element.byteCount)
  }
}
