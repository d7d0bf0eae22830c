import RNNGraph
import RNNLLVM
import RNNPlan
import RNNSchedule

/// Emits the function of a kernel's form as its schedule says: of the context, this thread's range, and the form's
/// addresses, numbers and sizes.
///
/// Addresses are arguments not only so that kernels share code: LLVM sees nothing of the terms that they consist of, and
/// its loop strength reduction, which weighs all ways to share terms, has that much less to do.
final class KernelEmitter {
  let kernel: Kernel
  let schedule: Schedule
  let program: ProgramEmitter
  let builder: FunctionBuilder
  var module: Module { builder.module }

  /// This thread's range of the axis that is split.
  let low: IRValue, high: IRValue
  private let context: IRValue
  let form: KernelForm
  private let addresses: ArraySlice<IRValue>, numbers: ArraySlice<IRValue>, symbols: [Symbol: IRValue]
  private var sizes: [Size: IRValue] = [:]
  /// Elements in the vectors of this kernel: as many as a register has, or twice that for a while.
  private(set) var lanes: Int
  /// The lines of the source that the code comes from; nil if it does not carry them.
  private let lines: KernelLines?
  /// Which instructions have one value for all columns.
  let isUniform: [Bool]

  init(_ form: KernelForm, _ schedule: Schedule, _ program: ProgramEmitter, _ builder: FunctionBuilder) {
    self.form = form
    self.schedule = schedule
    kernel = form.kernel
    self.program = program
    self.builder = builder
    let parameters = builder.parameters
    context = parameters[0]
    low = parameters[1]
    high = parameters[2]
    addresses = parameters[3...].prefix(form.elements.count)
    numbers = parameters[3...].dropFirst(form.elements.count).prefix(form.numberCount)
    symbols = Dictionary(uniqueKeysWithValues: zip(form.sizes, parameters.suffix(form.sizes.count)))
    lanes = schedule.lanes
    isUniform = Self.uniformity(kernel)
    lines = KernelLines(program.lines, kernel, builder)
  }

  /// Lets what is emitted next come from the equation of an instruction, or of the sums if there is none.
  func locate(_ instruction: Int?) { lines?.locate(instruction) }

  func emit() {
    prepareSizes()
    switch kernel.kind {
    case .map:
      if let product = kernel.product { emitProduct(product) } else { emitMap() }
    case .reduce(let reduction, let axes, let keepsLast):
      if keepsLast {
        emitColumnReduction(reduction, axes: axes)
      } else {
        emitRowReduction(reduction, axes: axes)
      }
    case .scatterAdd(let id, let rows):
      emitScatter(id: id, rows)
    case .sweep: emitSweep()
    }
    builder.return()
  }

  /// Makes code for vectors of some registers each. All of them use a number that was loaded once.
  func withVectors(of registers: Int, _ body: () -> Void) {
    lanes *= registers
    body()
    lanes /= registers
  }

  var lastAxis: Int { kernel.lastAxis }

  /// How the product is computed, in a kernel that has one.
  var productSchedule: ProductSchedule { schedule.product! }

  func constant(_ number: Int) -> IRValue { module.i64.constant(number) }

  // MARK: Sizes and addresses

  /// The value of a size, computed once at the start of the function.
  func value(of size: Size) -> IRValue {
    if let constant = size.constant { return self.constant(constant) }
    if let known = sizes[size] { return known }
    let back = builder.current
    // Sizes are prepared in the entry block; behind it they are only looked up, or computed again on the spot.
    let value = program.size(size, builder) { symbol in
      symbols[symbol] ?? program.symbol(symbol, builder, context)
    }
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

  func elementType(_ access: Access) -> ElementType { form.elements[access.buffer.index] }

  /// How an access's elements lie in memory.
  func format(_ access: Access) -> Buffer.Format { form.formats[access.buffer.index] }

  /// The bytes of an element in memory.
  func byteCount(_ access: Access) -> Int { format(access) == .bf16 ? 2 : elementType(access).byteCount }

  func memoryType(_ element: ElementType) -> IRType {
    switch element {
    case .f32: module.f32
    case .f64: module.f64
    case .i32: module.i32
    case .bool: module.i8
    }
  }

  /// Computes all sizes at the start of the function.
  private func prepareSizes() {
    var forms = accesses.map(\.index)
    for instruction in kernel.body {
      if case .loadRow(_, _, let rows) = instruction { _ = value(of: rows.stride) }
      if case .index(let form) = instruction { forms.append(form) }
    }
    if let product = kernel.product {
      forms += [product.lhs.access.index, product.rhs.access.index]
      for extent in product.contracted { _ = value(of: extent) }
    }
    if let bound = kernel.bound { forms.append(bound.index) }
    if let start = kernel.start { forms.append(start.index) }
    for form in forms { for factor in form.factors.values { _ = value(of: factor) } }
    for extent in kernel.domain { _ = value(of: extent) }
  }

  /// The address of an access where some axes of the domain have values; the others are 0.
  ///
  /// Where it is `opaque`, LLVM's loop passes do not see what it consists of, which saves them much time. That is right
  /// for the start of what a loop goes along.
  func address(_ access: Access, at indices: [Int: IRValue], opaque: Bool = false) -> IRValue {
    let bytes = byteCount(access)
    let address = indices.sorted { $0.key < $1.key }.reduce(start(of: access.buffer)) { address, entry in
      let factor = access.index.factor(ofAxis: entry.key)
      if factor == 0 { return address }
      let stride = builder.mul(value(of: factor), constant(bytes))
      return builder.offset(address, bytes: builder.mul(entry.value, stride))
    }
    return builder.offset(
      opaque ? builder.opaque(address) : address, bytes: access.index.constant.constant! * bytes)
  }

  /// What the body loads and stores.
  var accesses: [Access] { kernel.loads + kernel.stores.map(\.access) }

  /// The address that stands for a buffer.
  func start(of buffer: BufferID) -> IRValue { addresses[addresses.startIndex + buffer.index] }

  /// A form where some axes have values and the others are 0, as `i64`.
  func evaluate(_ form: Affine, at indices: [Int: IRValue]) -> IRValue {
    var sum = value(of: form.constant)
    for (index, factor) in form.factors.sorted(by: { $0.key < $1.key }) {
      switch index {
      case .axis(let axis):
        guard let running = indices[axis] else { continue }
        sum = builder.add(sum, builder.mul(running, value(of: factor)))
      case .loop(let number): sum = builder.add(sum, numbers[numbers.startIndex + number])
      case .parity, .oppositeParity, .stepsParity: preconditionFailure("not an argument of a form")
      }
    }
    return sum
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

  private static func uniformity(_ kernel: Kernel) -> [Bool] {
    let last = max(kernel.domain.count - 1, 0)
    var isUniform: [Bool] = []
    for instruction in kernel.body {
      let reads = instruction.operands.allSatisfy { isUniform[$0] }
      if case .accumulator = instruction {
        isUniform.append(false)
      } else {
        isUniform.append(reads && instruction.form?.factor(ofAxis: last) ?? 0 == 0)
      }
    }
    return isUniform
  }
}
