import RNNGraph
import RNNLLVM
import RNNPlan
import RNNSchedule

extension KernelEmitter {
  /// Runs `body` over this thread's columns in vectors, a masked one last.
  func overColumns(_ body: (Columns) -> Void) {
    let (start, end) = range(ofAxis: lastAxis)
    if kernel.fillsVectors(of: lanes) {
      return builder.forLoop(from: start, to: end, step: constant(lanes)) { body(Columns(first: $0)) }
    }
    let whole = kernel.wholeExtent(ofAxis: lastAxis)
    let fullEnd: IRValue
    if let whole {
      fullEnd = constant(whole / lanes * lanes)
    } else {
      let length = builder.sub(end, start)
      fullEnd = builder.sub(end, builder.urem(length, constant(lanes)))
    }
    if whole.map({ $0 >= lanes }) ?? true {
      builder.forLoop(from: start, to: fullEnd, step: constant(lanes)) { body(Columns(first: $0)) }
    }
    func rest() {
      body(Columns(first: fullEnd, mask: builder.mask(below: builder.sub(end, fullEnd), lanes: lanes)))
    }
    if whole != nil { rest() } else { builder.ifThen(builder.icmp(.less, fullEnd, end), rest) }
  }

  func emitMap() {
    if let axis = schedule.transposedAxis { return emitTransposingMap(axis) }
    overAxes(Array(0..<lastAxis)) { indices in
      withVectors(of: schedule.registers) { emitRow(at: indices) }
    }
  }

  /// Computes one row of a map.
  func emitRow(at indices: [Int: IRValue]) {
    let row = row(at: indices)
    overColumns { columns in store(evaluate(row, columns), row, columns) }
  }

  /// Where the body's loads of whole vectors will be some rows further on, with the bytes of their elements.
  ///
  /// A thread's columns are a part of each row: where the next part begins is not for the core to foresee.
  private func addresses(rowsAhead: Int, of axes: [Int], _ indices: [Int: IRValue]) -> [(IRValue, Int)] {
    guard let axis = axes.last else { return [] }
    var indices = indices
    indices[axis] = builder.add(indices[axis]!, constant(rowsAhead))
    return kernel.loads.filter { $0.index.factor(ofAxis: lastAxis) == 1 }.map {
      (address($0, at: indices, opaque: true), byteCount($0))
    }
  }

  /// Adds rows to rows of a table; unless the sums start from what it holds, all of its rows that this thread's columns
  /// cross are zeroed first.
  func emitScatter(id: Int, _ rows: TableRows) {
    let target = kernel.stores[0]
    let element = elementType(target.access)
    let bytes = constant(element.byteCount)
    let distance = builder.mul(value(of: rows.stride), bytes)
    // The table's own axes are those that its access follows; the ids' axes come behind them.
    let inner = (0..<lastAxis).filter { target.access.index.factor(ofAxis: $0) != 0 }
    let outer = (0..<lastAxis).filter { !inner.contains($0) }
    overAxes(inner) { indices in
      if kernel.start == nil {
        let start = address(target.access, at: indices)
        builder.forLoop(from: constant(0), to: value(of: rows.count), step: constant(1)) { number in
          let place = builder.offset(start, bytes: builder.mul(number, distance))
          overColumns { columns in
            storeVector(memoryType(element).vector(lanes).zero, target.access, place, columns)
          }
        }
      }
      overAxes(outer, from: indices) { indices in
        let row = row(at: indices)
        let ahead = addresses(rowsAhead: schedule.prefetchRows, of: outer, indices)
        let number = builder.sext(row.scalars[id]!, to: module.i64)
        let place = builder.offset(row.addresses[target.access]!, bytes: builder.mul(number, distance))
        overColumns { columns in
          for (address, bytes) in ahead {
            builder.prefetch(builder.offset(address, bytes: builder.mul(columns.first, constant(bytes))))
          }
          let added = evaluate(row, columns)[target.value]
          let type = memoryType(element).vector(lanes)
          let here = builder.offset(place, bytes: builder.mul(columns.first, bytes))
          let size = element.byteCount
          let before =
            columns.mask.map { builder.maskedLoad(type, here, mask: $0, align: size) }
            ?? builder.load(type, here, align: size)
          storeVector(builder.fadd(before, added), target.access, place, columns)
        }
      }
    }
  }
}
