import RNNGraph

// Note [Sweeps]: a state that is a matrix is read, changed and read again in each step. A kernel for each of these would
// take it through the core as often, though it stays in the nearest cache: loads and stores then take longer than what is
// computed. A sweep is one kernel for all of it. The last two axes of its domain count rows and columns of matrices; its
// instructions are one value for each element, for each row, for each column, or for the matrix, and `combine` goes from
// one to the other.
//
//     %2 = multiply %0, %1         for each element: the state that decays
//     %4 = multiply %3, %2         for each element: with the key, which is a number for each row
//     %5 = sum %4 over rows        for each column: what the state holds for the key
//     %7 = subtract %6, %5         for each column
//     %8 = multiply %3, %7         for each element
//     %9 = add %2, %8              for each element: the next state
//
// The rows are gone over once for %5, and again for what depends on it. A sum over the columns of a row is there as soon as
// the row is, so that the row may depend on it. What is one value for each element is computed anew each time it is needed,
// from what lies in memory.

/// The axes of a sweep's matrices.
public struct SweepAxes: OptionSet, Hashable, Sendable {
  public let rawValue: Int

  public init(rawValue: Int) { self.rawValue = rawValue }

  /// The axis before the last one of the domain.
  public static let rows = SweepAxes(rawValue: 1)
  /// The last axis of the domain.
  public static let columns = SweepAxes(rawValue: 2)
  /// Both.
  public static let matrix: SweepAxes = [.rows, .columns]
}

extension Kernel {
  /// Along which axes of a sweep's matrices each instruction has values of its own.
  public var variation: [SweepAxes] {
    var found: [SweepAxes] = []
    for instruction in body {
      var axes = instruction.operands.reduce(into: SweepAxes()) { $0.formUnion(found[$1]) }
      if case .combine(_, let over, _) = instruction { axes.subtract(over) }
      if let form = instruction.form { axes.formUnion(sweepAxes(of: form)) }
      found.append(axes)
    }
    return found
  }

  /// The axes of a sweep's matrices that a form depends on.
  public func sweepAxes(of form: Affine) -> SweepAxes {
    var axes = SweepAxes()
    if form.factor(ofAxis: domain.count - 2) != 0 { axes.insert(.rows) }
    if form.factor(ofAxis: domain.count - 1) != 0 { axes.insert(.columns) }
    return axes
  }
}

/// In which sweep over the rows each value of a sweep is computed and stored.
public struct SweepStages: Sendable {
  /// Along which axes each instruction has values of its own.
  public let variation: [SweepAxes]
  /// For values of elements and of rows, the first sweep that can use them. For values of columns and of the matrix,
  /// the number of sweeps that are done before.
  public private(set) var stages: [Int] = []
  /// For each store, the axes along which it stores.
  public private(set) var storedAxes: [SweepAxes]
  /// For each store, the sweep that does it; of columns and of the matrix, behind as many sweeps.
  public private(set) var stores: [Int] = []
  /// How many sweeps there are.
  public private(set) var count = 0

  /// The stages of a sweep.
  ///
  /// - Parameter isCut: whether columns are taken in several parts, so that a sum over them is there when the rows have been
  ///   gone over.
  public init(_ kernel: Kernel, isCut: Bool) {
    variation = kernel.variation
    storedAxes = kernel.stores.map { kernel.sweepAxes(of: $0.access.index) }
    for (number, store) in kernel.stores.enumerated() { storedAxes[number].formUnion(variation[store.value]) }
    for instruction in kernel.body {
      var stage = instruction.operands.map { stages[$0] }.max() ?? 0
      if case .combine(_, let over, let operand) = instruction,
        variation[operand].union(over).contains(.rows)
      {
        count = max(count, stage + 1)
        if over.contains(.rows) || isCut { stage += 1 }
      }
      stages.append(stage)
    }
    stores = kernel.stores.map { stages[$0.value] }
    delayStores(kernel)
    for (axes, stage) in zip(storedAxes, stores) {
      count = max(count, axes.contains(.rows) ? stage + 1 : stage)
    }
  }

  /// What a matrix holds must not be overwritten before it was read for the last time: rows are loaded anew in each sweep.
  private mutating func delayStores(_ kernel: Kernel) {
    let last = lastSweeps(kernel)
    for (number, store) in kernel.stores.enumerated() {
      for (reader, instruction) in kernel.body.enumerated() where variation[reader].contains(.rows) {
        guard let access = instruction.access, access.buffer == store.access.buffer,
          kernel.mayMeet(access.index, store.access.index)
        else { continue }
        let isInPlace = access.index == store.access.index && storedAxes[number].contains(.rows)
        stores[number] = max(stores[number], isInPlace ? last[reader] : last[reader] + 1)
      }
    }
  }

  /// For each instruction, the last sweep that computes it.
  private func lastSweeps(_ kernel: Kernel) -> [Int] {
    var last = stages
    for (number, store) in kernel.stores.enumerated() where storedAxes[number].contains(.rows) {
      last[store.value] = max(last[store.value], stores[number])
    }
    for number in kernel.body.indices.reversed() {
      for operand in kernel.body[number].operands {
        let stage = kernel.body[number].isCombine ? stages[operand] : last[number]
        last[operand] = max(last[operand], stage)
      }
    }
    return last
  }
}

extension Kernel {
  /// Whether two indices may name one element of a matrix.
  fileprivate func mayMeet(_ a: Affine, _ b: Affine) -> Bool {
    let distance = a + b * Size(-1)
    guard distance.factors.isEmpty, let apart = distance.constant.constant else { return true }
    let span = domain.indices.suffix(2).reduce(1) { span, axis in
      guard let extent = domain[axis].constant, let factor = a.factor(ofAxis: axis).constant else {
        return .max / 2
      }
      return span + (extent - 1) * abs(factor)
    }
    return abs(apart) < span
  }
}

extension Instruction {
  /// Whether it combines values of a sweep.
  public var isCombine: Bool { if case .combine = self { true } else { false } }
}
