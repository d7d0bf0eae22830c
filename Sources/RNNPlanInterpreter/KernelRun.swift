import RNNGraph
import RNNPlan

/// One thread's part of a kernel, at one step of the loops around it.
final class KernelRun {
  let kernel: Kernel
  let scope: PlanScope
  private let memory: PlanMemory
  private let thread: Int
  private let observer: ((PlanEvent) -> Void)?

  /// The range of each axis of the domain, and of each contracted one behind them.
  private(set) var ranges: [Range<Int>] = []
  /// Where the run is.
  var point: [Int]
  /// The whole width of the last axis.
  let width: Int
  /// The type of each instruction's value.
  private var types: [ElementType] = []
  /// The value of each instruction at the point.
  private var values: [Double]
  /// The sums of the product at the point.
  var sums: [Double]
  /// The indices of loads and of running indices, by instruction.
  private var forms: [IndexForm?] = []
  private var stores: [IndexForm] = []
  private var start: IndexForm?
  private var bound: (form: IndexForm, limit: Int)?
  var lhs: IndexForm?, rhs: IndexForm?

  var rank: Int { kernel.domain.count }

  /// Prepares a thread's part; nil if it has none.
  init?(
    _ kernel: Kernel, _ plan: Plan, _ scope: PlanScope, _ memory: PlanMemory, thread: Int,
    _ observer: ((PlanEvent) -> Void)?
  ) throws(PlanFault) {
    self.kernel = kernel
    self.scope = scope
    self.memory = memory
    self.thread = thread
    self.observer = observer
    let extents = (kernel.domain + (kernel.product?.contracted ?? [])).map { $0.evaluate(scope.sizes) }
    width = kernel.domain.last?.evaluate(scope.sizes) ?? 1
    point = extents.map { _ in 0 }
    values = kernel.body.map { _ in 0 }
    sums = Array(repeating: 0, count: kernel.product?.groups ?? 0)
    ranges = extents.map { 0..<max($0, 0) }
    if let axis = kernel.split.share?.axis {
      guard axis < rank else { throw fault("is shared along no axis") }
      ranges[axis] = kernel.split.range(ofThread: thread, of: plan.threads, extent: ranges[axis].count)
    } else if thread > 0 {
      return nil
    }
    if ranges.prefix(rank).contains(where: \.isEmpty), kernel.kind == .map { return nil }
    for instruction in kernel.body { try prepare(instruction) }
    for store in kernel.stores {
      guard types.indices.contains(store.value), types[store.value] == memory.element(store.access.buffer)
      else {
        throw fault("stores a value that is not there, or of another type, in \(store.access)")
      }
      stores.append(try form(store.access.index))
    }
    if let access = kernel.start { start = try form(access.index) }
    if let limit = kernel.bound {
      bound = (try form(limit.index), limit.limit.evaluate(scope.sizes))
    }
    if let product = kernel.product {
      lhs = try form(product.lhs.access.index)
      rhs = try form(product.rhs.access.index)
    }
  }

  // MARK: Preparation

  private func prepare(_ instruction: Instruction) throws(PlanFault) {
    for operand in instruction.operands where !types.indices.contains(operand) {
      throw fault("reads %\(operand) before it is computed")
    }
    if case .accumulator(let group, _) = instruction, group >= sums.count {
      throw fault("has no sum \(group)")
    }
    var form: IndexForm?
    if let index = instruction.form { form = try self.form(index) }
    forms.append(form)
    types.append(instruction.type({ types[$0] }, memory.element))
  }

  /// A form with values for sizes and loops.
  private func form(_ form: Affine) throws(PlanFault) -> IndexForm {
    var result = IndexForm(
      constant: form.constant.evaluate(scope.sizes), strides: Array(repeating: 0, count: point.count))
    for (index, factor) in form.factors {
      let factor = factor.evaluate(scope.sizes)
      func loop(_ id: Int) throws(PlanFault) -> (step: Int, parity: Int) {
        guard let loop = scope.loops[id] else {
          throw fault("depends on t\(id), a loop that is not around it")
        }
        return loop
      }
      switch index {
      case .axis(let axis):
        if axis >= point.count { throw fault("depends on i\(axis), an axis that it does not have") }
        result.strides[axis] = factor
      case .loop(let id): result.constant += factor * (try loop(id).step)
      case .parity(let id): result.constant += factor * (try loop(id).parity)
      case .oppositeParity(let id): result.constant += factor * (1 - (try loop(id).parity))
      case .stepsParity(let symbol): result.constant += factor * ((scope.sizes[symbol] ?? 0) & 1)
      }
    }
    return result
  }

  // MARK: Points

  /// Goes to the first point along some axes; false if there is none.
  func begin(_ axes: [Int]) -> Bool {
    for axis in axes { point[axis] = ranges[axis].lowerBound }
    return !axes.contains { ranges[$0].isEmpty }
  }

  /// Goes to the next point along some axes, the last of them fastest; false behind the last point.
  func advance(_ axes: [Int]) -> Bool {
    for axis in axes.reversed() {
      point[axis] += 1
      if point[axis] < ranges[axis].upperBound { return true }
      point[axis] = ranges[axis].lowerBound
    }
    return false
  }

  // MARK: Memory

  func load(_ access: Access, _ element: Int) throws(PlanFault) -> Double {
    observer?(
      .touch(.init(kernel: kernel, thread: thread, buffer: access.buffer, element: element, writes: false)))
    if let problem = memory.problem(access.buffer, element, writes: false) {
      throw fault("\(access) \(problem)")
    }
    return memory[access.buffer, element]
  }

  func store(_ value: Double, _ number: Int, moved distance: Int = 0) throws(PlanFault) {
    let access = kernel.stores[number].access
    let element = stores[number].value(at: point) + distance
    if let problem = memory.problem(access.buffer, element, writes: true) {
      throw fault("\(access) \(problem)")
    }
    observer?(
      .touch(.init(kernel: kernel, thread: thread, buffer: access.buffer, element: element, writes: true)))
    memory[access.buffer, element] = value
  }

  /// How the elements of an access lie.
  func format(of access: Access) -> Buffer.Format { memory.format(access.buffer) }

  /// What a sum of a group of columns starts from.
  func startingValue(group: Int = 0) throws(PlanFault) -> Double? {
    guard let start, let access = kernel.start else { return nil }
    let distance = rank > 0 ? start.strides[rank - 1] * group * width : 0
    return try load(access, start.value(at: point) + distance)
  }

  /// What a row of a table holds where the point is.
  func stored(_ number: Int, moved distance: Int) throws(PlanFault) -> Double {
    try load(kernel.stores[number].access, stores[number].value(at: point) + distance)
  }

  /// The value that a store stores, once the body is evaluated.
  func value(of store: Store) -> Double { values[store.value] }

  /// The value of an instruction, once the body is evaluated.
  func value(_ instruction: Int) -> Double { values[instruction] }

  /// Says what an instruction's value is.
  func set(_ instruction: Int, to value: Double) { values[instruction] = value }

  /// Two values of an instruction's type combined.
  func combine(_ function: BinaryFunction, _ instruction: Int, _ a: Double, _ b: Double) -> Double {
    Self.apply(function, a, b, types[instruction])
  }

  func fault(_ problem: String) -> PlanFault {
    var places = point.enumerated().map { "i\($0) = \($1)" }
    places += scope.loops.sorted { $0.key < $1.key }.map { "t\($0.key) = \($0.value.step)" }
    let here = places.isEmpty ? "" : " at \(places.joined(separator: ", "))"
    return PlanFault(description: "kernel '\(kernel.name)': \(problem)\(here)")
  }

  // MARK: Instructions

  /// Computes the body at the point.
  func evaluate() throws(PlanFault) {
    let isInside = bound.map { $0.form.value(at: point) < $0.limit } ?? true
    for number in kernel.body.indices { values[number] = try value(at: number, isInside: isInside) }
  }

  /// Computes an instruction of the body at the point, of the values of those before.
  func value(at number: Int, isInside: Bool = true) throws(PlanFault) -> Double {
    let type = types[number]
    let value: Double
    switch kernel.body[number] {
    case .load(let access):
      value = isInside ? try load(access, forms[number]!.value(at: point)) : 0
    case .loadRow(let access, let id, let rows):
      let row = Int(values[id]) * rows.stride.evaluate(scope.sizes)
      value = isInside ? try load(access, forms[number]!.value(at: point) + row) : 0
    case .constant(let constant, _): value = type.rounded(constant)
    case .size(let size, _): value = type.rounded(Double(size.evaluate(scope.sizes)))
    case .index: value = Double(Int32(truncatingIfNeeded: forms[number]!.value(at: point)))
    case .accumulator(let group, _): value = sums[group]
    case .random(let key, let counter, let position, let stream, _):
      func word(_ operand: Int) -> UInt32 { UInt32(bitPattern: Int32(values[operand])) }
      value = uniformRandom(
        key: word(key), stream: stream, counter: word(counter), position: word(position))
    case .unary(let function, let a): value = type.rounded(function.evaluate(values[a]))
    case .binary(let function, let a, let b): value = Self.apply(function, values[a], values[b], type)
    case .compare(let comparison, let a, let b): value = comparison.evaluate(values[a], values[b]) ? 1 : 0
    case .select(let condition, let a, let b): value = values[condition] != 0 ? values[a] : values[b]
    case .convert(_, let a): value = type.rounded(values[a])
    case .combine: throw fault("combines rows or columns and is no sweep")
    }
    return value
  }

  /// A function of two values of a type; whole numbers wrap.
  private static func apply(_ function: BinaryFunction, _ a: Double, _ b: Double, _ type: ElementType)
    -> Double
  {
    guard type == .i32 else { return type.rounded(function.evaluate(a, b)) }
    let (x, y) = (Int32(a), Int32(b))
    let result: Int32 =
      switch function {
      case .add: x &+ y
      case .subtract: x &- y
      case .multiply: x &* y
      case .divide: y == 0 ? 0 : x.dividedReportingOverflow(by: y).partialValue
      case .maximum: max(x, y)
      case .minimum: min(x, y)
      case .pow, .atan2, .logaddexp: Int32(clamping: Int(type.rounded(function.evaluate(a, b))))
      }
    return Double(result)
  }
}

/// An index with values for everything but the axes of a domain.
struct IndexForm {
  var constant: Int
  var strides: [Int]

  func value(at point: [Int]) -> Int {
    var sum = constant
    for axis in strides.indices { sum += strides[axis] * point[axis] }
    return sum
  }
}
