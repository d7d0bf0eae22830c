import RNNGraph
import RNNLLVM
import RNNPlan
import RNNSchedule

extension KernelEmitter {
  func identity(_ reduction: Reduction, _ type: IRType) -> IRValue { type.constant(reduction.identity) }

  func combine(_ reduction: Reduction, _ a: IRValue, _ b: IRValue) -> IRValue {
    switch reduction {
    case .sum: binary(.add, a, b)
    case .maximum: binary(.maximum, a, b)
    case .minimum: binary(.minimum, a, b)
    }
  }

  private var valueType: IRType { memoryType(elementType(kernel.stores[0].access)).vector(lanes) }

  /// Independent sums side by side.
  private var width: Int { schedule.reduction!.accumulators }

  /// Reduces the last axes, the very last one in vectors.
  func emitRowReduction(_ reduction: Reduction, axes: Int) {
    let reduced = Array((lastAxis + 1 - axes)..<lastAxis)
    overAxes(Array(0..<(lastAxis + 1 - axes))) { indices in
      let zero = identity(reduction, valueType)
      let sums = nest(reduced, indices, Array(repeating: zero, count: width)) { indices, sums in
        let row = row(at: indices)
        return reduceColumns(reduction, row, sums)
      }
      let vector = sums.dropFirst().reduce(sums[0]) { combine(reduction, $0, $1) }
      let result = horizontal(reduction, vector)
      for store in kernel.stores {
        builder.store(result, address(store.access, at: indices), align: elementType(store.access).byteCount)
      }
    }
  }

  /// Runs `body` over axes, handing on values from point to point.
  private func nest(
    _ axes: [Int], _ indices: [Int: IRValue], _ values: [IRValue],
    _ body: ([Int: IRValue], [IRValue]) -> [IRValue]
  ) -> [IRValue] {
    guard let axis = axes.first else { return body(indices, values) }
    let end = value(of: kernel.domain[axis])
    return builder.forLoop(from: constant(0), to: end, step: constant(1), carrying: values) { index, values in
      var inner = indices
      inner[axis] = index
      return nest(Array(axes.dropFirst()), inner, values, body)
    }
  }

  private func reduceColumns(_ reduction: Reduction, _ row: Row, _ sums: [IRValue]) -> [IRValue] {
    let number = kernel.stores[0].value
    let extent = lastAxis < kernel.domain.count ? kernel.domain[lastAxis] : 1
    let end = value(of: extent)
    func floor(_ unit: Int) -> IRValue {
      extent.constant.map { constant($0 / unit * unit) }
        ?? builder.sub(end, builder.urem(end, constant(unit)))
    }
    let wide = floor(width * lanes)
    var sums = sums
    if extent.constant.map({ $0 >= width * lanes }) ?? true {
      sums = builder.forLoop(from: constant(0), to: wide, step: constant(width * lanes), carrying: sums) {
        first, sums in
        sums.enumerated().map { i, sum in
          let columns = Columns(first: builder.add(first, constant(i * lanes)))
          return combine(reduction, sum, evaluate(row, columns)[number])
        }
      }
    }
    let full = floor(lanes)
    sums[0] =
      builder.forLoop(from: wide, to: full, step: constant(lanes), carrying: [sums[0]]) { first, sums in
        [combine(reduction, sums[0], evaluate(row, Columns(first: first))[number])]
      }[0]
    if extent.isMultiple(of: lanes) { return sums }
    let before = sums[0]
    sums[0] =
      builder.ifElse(
        builder.icmp(.less, full, end),
        then: {
          let mask = builder.mask(below: builder.sub(end, full), lanes: lanes)
          let values = evaluate(row, Columns(first: full, mask: mask))[number]
          return [combine(reduction, before, builder.select(mask, values, identity(reduction, valueType)))]
        }, else: { [before] })[0]
    return sums
  }

  /// Combines the lanes of a vector, one half with the other.
  func horizontal(_ reduction: Reduction, _ vector: IRValue) -> IRValue {
    var vector = vector
    var half = lanes / 2
    while half >= 1 {
      let upper = builder.shuffle(vector, lanes: (0..<lanes).map { $0 < half ? $0 + half : -1 })
      vector = combine(reduction, vector, upper)
      half /= 2
    }
    return builder.extract(vector, 0)
  }

  /// Reduces the axes before the last one: a vector of columns at a time, all rows of it.
  func emitColumnReduction(_ reduction: Reduction, axes: Int) {
    let reduced = Array((lastAxis - axes)..<lastAxis)
    overAxes(Array(0..<(lastAxis - axes))) { indices in
      func reduce(_ firsts: [IRValue], mask: IRValue?) {
        let initial = firsts.map { first in
          kernel.start.map { loadVector($0, address($0, at: indices), Columns(first: first), mask: mask) }
            ?? identity(reduction, valueType)
        }
        let sums = nest(reduced, indices, initial) { indices, sums in
          let row = row(at: indices)
          return zip(firsts, sums).map { first, sum in
            combine(reduction, sum, evaluate(row, Columns(first: first, mask: mask))[kernel.stores[0].value])
          }
        }
        for store in kernel.stores {
          let start = address(store.access, at: indices)
          for (first, sum) in zip(firsts, sums) {
            storeVector(sum, store.access, start, Columns(first: first, mask: mask))
          }
        }
      }
      let (start, end) = range(ofAxis: lastAxis)
      let length = builder.sub(end, start)
      let wide = builder.sub(end, builder.urem(length, constant(width * lanes)))
      builder.forLoop(from: start, to: wide, step: constant(width * lanes)) { first in
        reduce((0..<width).map { builder.add(first, constant($0 * lanes)) }, mask: nil)
      }
      let full = builder.sub(end, builder.urem(length, constant(lanes)))
      builder.forLoop(from: wide, to: full, step: constant(lanes)) { reduce([$0], mask: nil) }
      if kernel.fillsVectors(of: lanes) { return }
      builder.ifThen(builder.icmp(.less, full, end)) {
        reduce([full], mask: builder.mask(below: builder.sub(end, full), lanes: lanes))
      }
    }
  }
}
