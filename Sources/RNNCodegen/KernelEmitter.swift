import RNNGraph
import RNNLLVM
import RNNPlan

/// Emits one kernel as a function of the context, this thread's range and the loops around it.
final class KernelEmitter {
  let kernel: Kernel
  let program: ProgramEmitter
  let builder: FunctionBuilder
  var module: Module { builder.module }

  /// This thread's range of the axis that is split.
  let low: IRValue, high: IRValue
  private let context: IRValue
  private let loops: [Int: ProgramEmitter.LoopValues]
  /// The addresses of accesses at the origin of the domain.
  private var origins: [Access: IRValue] = [:]
  private var sizes: [Size: IRValue] = [:]
  /// Elements in the vectors of this kernel.
  let lanes: Int
  /// Which instructions have one value for all columns.
  let isUniform: [Bool]

  init(_ kernel: Kernel, _ program: ProgramEmitter, _ builder: FunctionBuilder, loops order: [Int]) {
    self.kernel = kernel
    self.program = program
    self.builder = builder
    context = builder.parameters[0]
    low = builder.parameters[1]
    high = builder.parameters[2]
    var loops: [Int: ProgramEmitter.LoopValues] = [:]
    for (i, loop) in order.enumerated() {
      loops[loop] = ProgramEmitter.LoopValues(
        step: builder.parameters[3 + 2 * i], parity: builder.parameters[4 + 2 * i])
    }
    self.loops = loops
    lanes = Self.elements(kernel, program.plan).map { program.plan.machine.lanes($0) }.min() ?? 1
    isUniform = Self.uniformity(kernel)
    builder.fastMath = .contract
  }

  func emit() {
    prepareOrigins()
    switch kernel.kind {
    case .map:
      if let product = kernel.product { emitProduct(product) } else { emitMap() }
    case .reduce(let reduction, let axes, let keepsLast):
      if keepsLast {
        emitColumnReduction(reduction, axes: axes)
      } else {
        emitRowReduction(reduction, axes: axes)
      }
    case .scatterAdd(let id, let stride, let rows):
      emitScatter(id: id, rowStride: stride, rows: rows)
    }
    builder.return()
  }

  /// The last axis of the domain, which is vectorised; a scalar's domain has a unit axis.
  var lastAxis: Int { max(kernel.domain.count - 1, 0) }

  func constant(_ number: Int) -> IRValue { module.i64.constant(number) }

  // MARK: Sizes and addresses

  /// The value of a size, computed once at the start of the function.
  func value(of size: Size) -> IRValue {
    if let constant = size.constant { return self.constant(constant) }
    if let known = sizes[size] { return known }
    let back = builder.current
    // Sizes are prepared in the entry block; behind it they are only looked up, or computed again on the spot.
    let value = program.size(size, builder, context)
    if back == builder.entry { sizes[size] = value }
    return value
  }

  /// The range of an axis that this thread covers.
  func range(ofAxis axis: Int) -> (IRValue, IRValue) {
    switch kernel.split {
    case .batch(let split), .axis(let split, _):
      if split == axis { return (low, high) }
    case .none: break
    }
    return (constant(0), axis < kernel.domain.count ? value(of: kernel.domain[axis]) : constant(1))
  }

  /// The extent of an axis if it is known and one thread covers it whole.
  func wholeExtent(ofAxis axis: Int) -> Int? {
    switch kernel.split {
    case .batch(let split), .axis(let split, _):
      if split == axis { return nil }
    case .none: break
    }
    return axis < kernel.domain.count ? kernel.domain[axis].constant : 1
  }

  func elementType(_ access: Access) -> ElementType { program.plan[access.buffer].element }

  /// The bytes of an element in memory.
  func byteCount(_ access: Access) -> Int { program.plan[access.buffer].elementBytes }

  func memoryType(_ element: ElementType) -> IRType {
    switch element {
    case .f32: module.f32
    case .f64: module.f64
    case .i32: module.i32
    case .bool: module.i8
    }
  }

  /// The address of a buffer.
  private func address(of buffer: BufferID) -> IRValue {
    let layout = program.layout
    func pointer(_ offset: Int) -> IRValue {
      builder.load(module.pointer, builder.offset(context, bytes: offset), align: 8, isInvariant: true)
    }
    switch program.plan[buffer].place {
    case .input(let i): return pointer(layout.inputs + 8 * i)
    case .output(let i): return pointer(layout.outputs + 8 * i)
    case .arena: return builder.offset(pointer(layout.arena), bytes: value(of: program.plan[buffer].offset))
    }
  }

  /// The part of a form that the kernel's domain does not change.
  private func origin(_ form: Affine) -> IRValue {
    var sum = value(of: form.constant)
    for (index, factor) in form.factors.sorted(by: { $0.key < $1.key }) {
      let running: IRValue
      switch index {
      case .axis: continue
      case .loop(let loop): running = surrounding(loop).step
      case .parity(let loop): running = surrounding(loop).parity
      case .oppositeParity(let loop): running = builder.xor(surrounding(loop).parity, constant(1))
      case .stepsParity(let symbol): running = builder.and(value(of: Size(symbol)), constant(1))
      }
      sum = builder.add(sum, builder.mul(running, value(of: factor)))
    }
    return sum
  }

  private func surrounding(_ loop: Int) -> ProgramEmitter.LoopValues {
    guard let values = loops[loop] else {
      preconditionFailure("kernel \(kernel.name) stands outside loop t\(loop)")
    }
    return values
  }

  /// 0 in even iterations of a loop around the kernel and 1 in odd ones.
  func parity(ofLoop loop: Int) -> IRValue { surrounding(loop).parity }

  private func prepareOrigins() {
    var accesses = kernel.stores.map(\.access)
    var forms: [Affine] = []
    for instruction in kernel.body {
      switch instruction {
      case .load(let access): accesses.append(access)
      case .loadRow(let access, _, let stride):
        accesses.append(access)
        _ = value(of: stride)
      case .index(let form): forms.append(form)
      case .constant, .size, .accumulator, .random, .unary, .binary, .compare, .select, .convert: break
      }
    }
    if let product = kernel.product { accesses += [product.lhs.access, product.rhs.access] }
    if let bound = kernel.bound { forms.append(bound.index) }
    for access in accesses where origins[access] == nil {
      let bytes = builder.mul(origin(access.index), constant(byteCount(access)))
      origins[access] = builder.offset(address(of: access.buffer), bytes: bytes)
      for factor in access.index.factors.values { _ = value(of: factor) }
    }
    for form in forms { for factor in form.factors.values { _ = value(of: factor) } }
    for extent in kernel.domain { _ = value(of: extent) }
  }

  /// The address of an access where some axes of the domain have values; the others are 0.
  func address(_ access: Access, at indices: [Int: IRValue]) -> IRValue {
    let bytes = byteCount(access)
    return indices.sorted { $0.key < $1.key }.reduce(origins[access]!) { address, entry in
      let factor = access.index.factor(ofAxis: entry.key)
      if factor == 0 { return address }
      let stride = builder.mul(value(of: factor), constant(bytes))
      return builder.offset(address, bytes: builder.mul(entry.value, stride))
    }
  }

  /// The address of a buffer's first element, for memory that no access names.
  func start(of buffer: BufferID) -> IRValue { address(of: buffer) }

  /// A form where some axes have values and the others are 0, as `i64`.
  func evaluate(_ form: Affine, at indices: [Int: IRValue]) -> IRValue {
    indices.sorted { $0.key < $1.key }.reduce(origin(form)) { sum, entry in
      let factor = form.factor(ofAxis: entry.key)
      return factor == 0 ? sum : builder.add(sum, builder.mul(entry.value, value(of: factor)))
    }
  }

  /// Runs `body` for every point of some axes, this thread's part of them.
  func overAxes(_ axes: [Int], from indices: [Int: IRValue] = [:], _ body: ([Int: IRValue]) -> Void) {
    guard let axis = axes.first else { return body(indices) }
    let (start, end) = range(ofAxis: axis)
    builder.forLoop(from: start, to: end, step: constant(1)) { index in
      var inner = indices
      inner[axis] = index
      overAxes(Array(axes.dropFirst()), from: inner, body)
    }
  }

  // MARK: Types

  private static func elements(_ kernel: Kernel, _ plan: Plan) -> [ElementType] {
    var types = kernel.body.compactMap { instruction -> ElementType? in
      switch instruction {
      case .load(let access), .loadRow(let access, _, _): plan[access.buffer].element
      case .constant(_, let element), .size(_, let element), .accumulator(_, let element),
        .convert(let element, _), .random(_, _, _, _, let element):
        element
      case .index, .unary, .binary, .compare, .select: nil
      }
    }
    types += kernel.stores.map { plan[$0.access.buffer].element }
    if let product = kernel.product { types.append(product.element) }
    return types
  }

  private static func uniformity(_ kernel: Kernel) -> [Bool] {
    let last = max(kernel.domain.count - 1, 0)
    var isUniform: [Bool] = []
    for instruction in kernel.body {
      switch instruction {
      case .load(let access): isUniform.append(access.index.factor(ofAxis: last) == 0)
      case .loadRow(let access, let id, _):
        isUniform.append(isUniform[id] && access.index.factor(ofAxis: last) == 0)
      case .constant, .size: isUniform.append(true)
      case .index(let form): isUniform.append(form.factor(ofAxis: last) == 0)
      case .accumulator: isUniform.append(false)
      case .random(let a, let b, let c, _, _):
        isUniform.append(isUniform[a] && isUniform[b] && isUniform[c])
      case .unary(_, let a), .convert(_, let a): isUniform.append(isUniform[a])
      case .binary(_, let a, let b), .compare(_, let a, let b): isUniform.append(isUniform[a] && isUniform[b])
      case .select(let a, let b, let c): isUniform.append(isUniform[a] && isUniform[b] && isUniform[c])
      }
    }
    return isUniform
  }
}
