import RNNGraph
import RNNLLVM
import RNNPlan
import RNNSchedule

// Note [Transposed loads]: a copy that transposes a matrix reads along one axis and writes along another one, so that the elements
// of a vector lie far apart. To gather them costs a processor about as much as loading them one by one. Here a square
// of as many rows as a vector has elements is loaded the other way around, and turned in registers.

extension KernelEmitter {
  /// Emits a map that reads along `axis` and writes along the last one.
  func emitTransposingMap(_ axis: Int) {
    let (start, end) = range(ofAxis: axis)
    let square = builder.sub(end, builder.urem(builder.sub(end, start), constant(lanes)))
    overAxes(Array(0..<axis)) { indices in
      func over(_ first: IRValue, to last: IRValue, step: Int, _ body: ([Int: IRValue]) -> Void) {
        builder.forLoop(from: first, to: last, step: constant(step)) { index in
          overAxes(
            Array((axis + 1)..<lastAxis), from: indices.merging([axis: index]) { $1 }, body)
        }
      }
      over(start, to: square, step: lanes) { emitSquares(axis, $0) }
      over(square, to: end, step: 1, emitRow)
    }
  }

  /// Computes as many rows as a vector has elements, the first one at `indices`.
  private func emitSquares(_ axis: Int, _ indices: [Int: IRValue]) {
    let loads = form.stridedLoads.map {
      (number: $0.number, access: $0.access, start: address($0.access, at: indices, opaque: true))
    }
    let rows = (0..<lanes).map { r in
      row(at: indices.merging([axis: builder.add(indices[axis]!, constant(r))]) { $1 })
    }
    overColumns { columns in
      let isWhole = columns.mask == nil
      let turned = !isWhole ? [] : loads.map { square(of: $0.access, $0.start, columns) }
      for (r, row) in rows.enumerated() {
        let given = zip(loads, turned).map { ($0.number, $1[r]) }
        let values = evaluate(row, columns, given: Dictionary(uniqueKeysWithValues: given))
        store(values, row, columns)
      }
    }
  }

  /// The rows of a square of elements whose columns lie in memory, the first one at `start` and the first column.
  private func square(of access: Access, _ start: IRValue, _ columns: Columns) -> [IRValue] {
    let bytes = byteCount(access)
    let type = memoryType(elementType(access)).vector(lanes)
    let stride = builder.mul(value(of: access.index.factor(ofAxis: lastAxis)), constant(bytes))
    let first = builder.offset(start, bytes: builder.mul(columns.first, stride))
    return transposed(
      (0..<lanes).map { j in
        builder.load(type, builder.offset(first, bytes: builder.mul(constant(j), stride)), align: bytes)
      })
  }

  /// Transposes a square by exchanging the blocks off its diagonal, of half the size in each round.
  private func transposed(_ square: [IRValue]) -> [IRValue] {
    var square = square
    var size = lanes / 2
    while size >= 1 {
      for i in square.indices where i & size == 0 {
        let (a, b) = (square[i], square[i + size])
        square[i] = builder.shuffle(a, b, lanes: (0..<lanes).map { $0 & size == 0 ? $0 : lanes + $0 - size })
        square[i + size] = builder.shuffle(
          a, b, lanes: (0..<lanes).map { $0 & size == 0 ? $0 + size : lanes + $0 })
      }
      size /= 2
    }
    return square
  }
}
