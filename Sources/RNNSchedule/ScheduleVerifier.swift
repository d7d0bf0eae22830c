import RNNPlan

/// What is wrong with a schedule: it is not one of the kernel's.
public struct BrokenSchedule: Error, CustomStringConvertible {
  /// One line for each violated invariant.
  public let problems: [String]

  public var description: String { problems.joined(separator: "\n") }
}

extension ScheduledPlan {
  /// Checks all that the code generator relies on of each function's schedule:
  ///
  /// 1. A vector has one element or more of the widest type, and no more than fit in a register.
  /// 2. A map on several registers has columns that fill them, and no bound.
  /// 3. A transposed axis is one of the domain in front of the last, along which all strided loads go element by element.
  /// 4. A kernel with a product has a schedule of it, and a reduction one with an accumulator or more; others have none.
  /// 5. Rows are cut without a rest only if none can be left over, and a product in blocks into whole tiles.
  /// 6. Vectors take packed columns in whole panels, or in equal parts of them if they are not halved numbers. Panels stand
  ///    side by side for single rows of whole ones only; all are masked only if the last is masked in its last vector,
  ///    and the panels are not turned.
  /// 7. There is one micro-kernel for each shape of a tile, and none else; it takes an index or more in a round, and
  ///    prefetches all lines or none.
  /// 8. Code is there 64 times at most: more rounds, accumulators or panels than registers hold are for nothing, and LLVM
  ///    would take long.
  /// 9. A sweep has a schedule that takes a vector or more together; other kernels have none.
  ///
  /// - Throws: `BrokenSchedule` with all violations.
  public func verify() throws(BrokenSchedule) {
    let problems = functions.flatMap { function in
      function.schedule.problems(of: function.form, plan, machine).map { "\(function.name): \($0)" }
    }
    if !problems.isEmpty { throw BrokenSchedule(problems: problems) }
  }
}

/// The most copies of code in a loop.
let mostCopies = 64

extension Schedule {
  /// What is wrong with it as the schedule of a form.
  fileprivate func problems(of form: KernelForm, _ plan: Plan, _ machine: Machine) -> [String] {
    let kernel = form.kernel
    var problems: [String] = []
    func check(_ holds: Bool, _ problem: String) { if !holds { problems.append(problem) } }
    let most = form.elementTypes.map { machine.lanes($0) }.min() ?? 1
    check((1...most).contains(lanes), "vectors of \(lanes) elements where 1 to \(most) fit")
    check((1...2).contains(registers), "equations on \(registers) registers")
    // The others are about vectors of this size.
    if !problems.isEmpty { return problems }
    if registers > 1, kernel.product == nil {
      check(kernel.kind == .map, "several registers for what is no map")
      check(
        kernel.bound == nil && kernel.fillsVectors(of: registers * lanes),
        "columns that do not fill \(registers) registers")
    }
    if let axis = transposedAxis {
      check(
        kernel.product == nil && kernel.kind == .map && kernel.bound == nil
          && (0..<kernel.lastAxis).contains(axis)
          && !form.stridedLoads.isEmpty
          && form.stridedLoads.allSatisfy { $0.access.index.factor(ofAxis: axis) == 1 },
        "nothing to transpose along i\(axis)")
    }
    check((product == nil) == (kernel.product == nil), "a schedule of a product that is not there, or none")
    let isReduction = if case .reduce = kernel.kind { true } else { false }
    check((reduction != nil) == isReduction, "a schedule of a reduction that is not there, or none")
    check(reduction.map { $0.accumulators > 0 } ?? true, "a reduction without accumulators")
    check(reduction.map { $0.accumulators <= mostCopies } ?? true, "more than \(mostCopies) accumulators")
    check((sweep != nil) == (kernel.kind == .sweep), "a schedule of a sweep that is not there, or none")
    check(sweep.map { (1...mostCopies).contains($0.vectors) } ?? true, "a sweep of no vectors, or too many")
    check(prefetchRows >= 0, "a prefetch behind what is read")
    if let product, let wanted = kernel.product {
      problems += product.problems(of: wanted, form, plan, lanes)
    }
    return problems
  }
}

extension ProductSchedule {
  fileprivate func problems(of product: Product, _ form: KernelForm, _ plan: Plan, _ lanes: Int) -> [String] {
    let kernel = form.kernel
    let height = product.tile.rows
    var problems: [String] = []
    func check(_ holds: Bool, _ problem: String) { if !holds { problems.append(problem) } }
    let counts = kernel.possibleRows(threads: plan.threads)
    switch rows {
    case .single: check(height == 1, "single rows of tiles of \(height)")
    case .whole:
      check(
        product.blocks != nil || counts?.allSatisfy { $0 % height == 0 } ?? false, "rows that no tile takes")
    case .even:
      let isEven = counts?.allSatisfy { product.tile.evenCut(of: $0) != nil }
      check(isEven ?? false, "rows that do not make tiles of \(height) and \(height - 1)")
      check(height > 1, "tiles without rows")
    case .rest, .open: check(height > 1, "a rest of tiles of one row")
    }
    check(product.blocks == nil || rows == .whole, "a product in blocks that is not cut into whole tiles")
    let fillsPanel = product.fillsPanel(lanes: lanes)
    if case .packed(let panel, _) = product.rhs.layout {
      let isHalved = form.formats[product.rhs.access.buffer.index] == .bf16
      check(
        fillsPanel || !isHalved && panel.isMultiple(of: product.tile.vectors * lanes),
        "vectors of \(lanes) elements in panels of \(panel)")
    }
    check(panelsOfSingleRow > 0, "no panel for a single row")
    check(panelsOfSingleRow <= mostCopies, "more than \(mostCopies) panels side by side")
    if panelsOfSingleRow > 1 {
      check(
        fillsPanel && product.blocks == nil && !product.isStaged && (rows == .rest || rows == .open),
        "panels side by side without single rows of packed columns")
    }
    if masksAllPanels {
      let panel = product.tile.vectors * lanes
      let rest = kernel.domain[kernel.lastAxis].constant.map { $0 > panel ? $0 % panel : 0 } ?? 0
      check(fillsPanel && product.turns == nil && rest > panel - lanes, "a mask for panels that need none")
    }
    let wanted = shapes(of: product, kernel, lanes: lanes)
    for (rows, vectors) in wanted {
      let count = microKernels.filter { $0.rows == rows && $0.vectors == vectors }.count
      check(count == 1, "\(count) micro-kernels of \(rows) rows × \(vectors) vectors")
    }
    check(microKernels.count == wanted.count, "a micro-kernel of a shape that no tile has")
    let isOneLoop = product.contracted.count == 1 && product.blocks == nil
    for microKernel in microKernels {
      let shape = "\(microKernel.rows) × \(microKernel.vectors)"
      check(microKernel.unrolling > 0, "rounds of no index for \(shape)")
      check(microKernel.unrolling <= mostCopies, "rounds of more than \(mostCopies) indices for \(shape)")
      let lines = microKernel.rows * kernel.accessesBesideSums.count
      check(
        microKernel.prefetchedLines == 0 || isOneLoop && microKernel.prefetchedLines == lines,
        "a prefetch of \(microKernel.prefetchedLines) lines, where there are \(isOneLoop ? lines : 0)")
    }
    check(
      prefetchIndices == 0 || product.blocks != nil && prefetchIndices > 0,
      "a prefetch of rows that are not copied")
    return problems
  }
}
