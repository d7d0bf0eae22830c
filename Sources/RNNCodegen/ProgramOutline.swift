import RNNPlan

/// The functions that a plan becomes: one for each form of its kernels, and one that calls them in the plan's order.
struct ProgramOutline: Sendable {
  /// The plan.
  let plan: Plan
  /// The name of the function that runs it, of the C type `void (void *context, int thread)`.
  let entryName: String
  /// Whether each kernel adds the ticks that it takes to its clock.
  let timesKernels: Bool
  /// The functions of kernels, named after the first kernel that calls them.
  private(set) var functions: [(name: String, form: KernelForm)] = []
  /// For each kernel in the plan's order, which function it calls with what.
  private(set) var calls: [(function: Int, arguments: KernelArguments)] = []

  init(_ plan: Plan, timesKernels: Bool) {
    self.plan = plan
    self.timesKernels = timesKernels
    entryName = plan.entryName
    let kernels = plan.kernels
    let forms = kernels.map { plan.form(of: $0) }
    let open = kernels.map { plan.openForm(of: $0) }
    var sharers: [KernelForm: Set<KernelForm>] = [:]
    for (form, open) in zip(forms, open) {
      if let open { sharers[open.form, default: []].insert(form.form) }
    }
    var known: [KernelForm: Int] = [:]
    for (i, kernel) in kernels.enumerated() {
      let isShared = open[i].map { sharers[$0.form]!.count > 1 } ?? false
      let (form, arguments) = isShared ? open[i]! : forms[i]
      let function = known[form] ?? functions.count
      if function == functions.count {
        known[form] = function
        let name = kernel.name.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        functions.append(("kernel\(i)_\(name)", form))
      }
      calls.append((function, arguments))
    }
  }

  /// The functions in parts, of which each is smaller than the one before: whoever comes late takes little. The entry,
  /// which counts as well, goes with the first part.
  func parts(_ count: Int) -> [[Int]] {
    var parts = Array(repeating: [Int](), count: max(1, min(count, functions.count)))
    var loads = parts.map { _ in 0 }
    loads[0] = 60 + calls.reduce(0) { $0 + 6 + 2 * $1.arguments.addresses.count }
    func share(_ part: Int, with size: Int) -> Double {
      Double(loads[part] + size) / Double(parts.count - part)
    }
    let sizes = functions.map(\.form.kernel.codeSize)
    for function in functions.indices.sorted(by: { (sizes[$1], $0) < (sizes[$0], $1) }) {
      let size = sizes[function]
      let part = parts.indices.min { (share($0, with: size), $0) < (share($1, with: size), $1) }!
      parts[part].append(function)
      loads[part] += size
    }
    return parts.enumerated().filter { $0 == 0 || !$1.isEmpty }.map { $1.sorted() }
  }
}

extension Kernel {
  /// About how many instructions the code of the kernel has.
  var codeSize: Int {
    let row = body.reduce(2 * stores.count) { $0 + $1.codeSize }
    guard let product else {
      // Whole vectors and what is left over; a reduction has several sums side by side, too.
      if case .reduce = kind { return 60 + 6 * row }
      return 60 + 2 * row
    }
    return 120 + 20 * product.tile.sums + 2 * row * product.tile.vectors + (product.blocks == nil ? 0 : 120)
  }
}

extension Instruction {
  fileprivate var codeSize: Int {
    switch self {
    case .load, .constant, .size, .index, .accumulator, .binary, .compare, .select, .convert: 2
    case .loadRow: 8
    case .random: 60
    case .unary(let function, _):
      switch function {
      case .negate, .reciprocal, .abs, .sign, .sqrt, .rsqrt: 3
      case .exp, .log, .tanh, .sigmoid, .sin, .cos, .softplus: 30
      }
    }
  }
}
