import RNNGraph
import RNNPlan

/// What a kernel computes, apart from where: kernels of one form share their code.
///
/// The two layers of a stack, or the updates of two matrices of one size, differ only in the buffers that they touch
/// and in the places in these at which they begin.
public struct KernelForm: Hashable, Sendable {
  /// The kernel in terms of its arguments. A buffer `bN` stands for the address number `N`, which takes the place of
  /// what the domain does not change in an index, up to a constant; in other forms `tN` stands for the number `N`.
  /// The name is empty.
  public var kernel: Kernel
  /// The types of the elements at the addresses.
  public var elements: [ElementType]
  /// How these lie in memory.
  public var formats: [Buffer.Format]
  /// How many numbers there are.
  public var numberCount: Int
  /// The sizes that it is called with, behind the numbers: lengths of segments around the kernel, and open ones.
  public var sizes: [Symbol]
}

/// Where a kernel works: what the code of its form is called with.
public struct KernelArguments: Sendable {
  /// An element of a buffer, whose index depends on loops only.
  public struct Origin: Hashable, Sendable {
    /// The buffer.
    public var buffer: BufferID
    /// The index.
    public var index: Affine
  }

  /// What the form's addresses are.
  public fileprivate(set) var addresses: [Origin] = []
  /// What its numbers are.
  public fileprivate(set) var numbers: [Affine] = []
  /// What its sizes are.
  public fileprivate(set) var sizes: [Size] = []
}

extension Plan {
  /// A kernel as its form and what tells it from others of that form.
  public func form(of kernel: Kernel) -> (form: KernelForm, arguments: KernelArguments) {
    form(of: kernel, open: [:])
  }

  /// A kernel as a form with open sizes; nil if its code depends on all of them. See note [Open sizes].
  public func openForm(
    of kernel: Kernel, _ machine: Machine
  ) -> (form: KernelForm, arguments: KernelArguments)? {
    OpenKernel(kernel, machine: machine).map { form(of: $0.kernel, open: $0.sizes) }
  }

  private func form(of kernel: Kernel, open: [Symbol: Size]) -> (KernelForm, KernelArguments) {
    var former = Former(plan: self)
    let formed = former.form(kernel)
    let sizes = formed.symbols.subtracting(symbols).sorted()
    former.arguments.sizes = sizes.map { open[$0] ?? Size($0) }
    let form = KernelForm(
      kernel: formed, elements: former.elements, formats: former.formats,
      numberCount: former.arguments.numbers.count, sizes: sizes)
    return (form, former.arguments)
  }
}

/// Takes out of a kernel what does not belong to its form.
private struct Former {
  let plan: Plan
  var arguments = KernelArguments()
  var elements: [ElementType] = []
  var formats: [Buffer.Format] = []

  init(plan: Plan) { self.plan = plan }

  mutating func form(_ kernel: Kernel) -> Kernel {
    var kernel = kernel
    kernel.name = ""
    // Code does not tell examples from other rows, nor a chain from other sums that it makes term after term.
    (kernel.examples, kernel.sumsOverExamples, kernel.order) = (nil, false, .any)
    if var product = kernel.product {
      product.lhs.access = form(product.lhs.access)
      product.rhs.access = form(product.rhs.access)
      let turns = product.turns.map { form($0) }
      product.layout?.turns = turns
      if var blocks = product.blocks {
        blocks.copies = form(blocks.copies)
        blocks.partial = blocks.partial.map { form($0) }
        product.layout?.blocks = blocks
      }
      kernel.product = product
    }
    kernel.body = kernel.body.map { instruction in
      switch instruction {
      case .index(let index): .index(form(index))
      // Code does not know how many rows there are.
      case .loadRow(let access, let id, let rows):
        .loadRow(form(access), id: id, TableRows(count: 0, stride: rows.stride))
      default: instruction.mappingAccess { form($0) }
      }
    }
    kernel.start = kernel.start.map { form($0) }
    kernel.stores = kernel.stores.map { Store(access: form($0.access), value: $0.value) }
    if let bound = kernel.bound { kernel.bound = Kernel.Bound(index: form(bound.index), limit: bound.limit) }
    return kernel
  }

  private mutating func form(_ access: Access) -> Access {
    let outside = access.index.outsideDomain
    var inside = access.index.insideDomain
    // Parts of one buffer at a fixed distance share an address: the distance costs nothing in an instruction.
    for (i, origin) in arguments.addresses.enumerated() where origin.buffer == access.buffer {
      let distance = outside + origin.index * Size(-1)
      guard distance.factors.isEmpty, let constant = distance.constant.constant else { continue }
      inside.constant = Size(constant)
      return Access(buffer: BufferID(index: i), index: inside, isOwned: false)
    }
    return Access(buffer: add(access.buffer, outside), index: inside, isOwned: false)
  }

  /// A whole buffer.
  private mutating func form(_ buffer: BufferID) -> BufferID {
    let start = KernelArguments.Origin(buffer: buffer, index: Affine(0))
    return arguments.addresses.firstIndex(of: start).map { BufferID(index: $0) } ?? add(buffer, Affine(0))
  }

  private mutating func form(_ form: Affine) -> Affine {
    let outside = form.outsideDomain
    // A plain number is as good in the code.
    if outside.factors.isEmpty { return form }
    let number = arguments.numbers.firstIndex(of: outside) ?? arguments.numbers.count
    if number == arguments.numbers.count { arguments.numbers.append(outside) }
    return form.insideDomain + Affine(.loop(number))
  }

  private mutating func add(_ buffer: BufferID, _ index: Affine) -> BufferID {
    arguments.addresses.append(KernelArguments.Origin(buffer: buffer, index: index))
    elements.append(plan[buffer].element)
    formats.append(plan[buffer].format)
    return BufferID(index: elements.count - 1)
  }
}

extension Kernel {
  /// The symbols on which sizes depend.
  fileprivate var symbols: Set<Symbol> {
    var sizes = domain
    var forms = stores.map(\.access.index) + [bound?.index, start?.index].compactMap { $0 }
    if let product {
      sizes += product.contracted
      if case .packed(_, let distance) = product.rhs.layout { sizes.append(distance) }
      if let blocks = product.blocks { sizes.append(blocks.panels) }
      forms += [product.lhs.access.index, product.rhs.access.index]
    }
    if let bound { sizes.append(bound.limit) }
    if case .scatterAdd(_, let rows) = kind { sizes += [rows.count, rows.stride] }
    for instruction in body {
      if let form = instruction.form { forms.append(form) }
      if case .loadRow(_, _, let rows) = instruction { sizes.append(rows.stride) }
      if case .size(let size, _) = instruction { sizes.append(size) }
    }
    sizes += forms.flatMap { [$0.constant] + $0.factors.values }
    return Set(sizes.flatMap { $0.terms.keys.joined() })
  }
}

extension Affine {
  /// The part that the axes of a domain change.
  fileprivate var insideDomain: Affine {
    var form = Affine(0)
    form.factors = factors.filter { $0.key.isAxis }
    return form
  }

  /// The rest: the constant, and what loops change.
  fileprivate var outsideDomain: Affine {
    var form = Affine(constant)
    form.factors = factors.filter { !$0.key.isAxis }
    return form
  }
}

extension Index {
  fileprivate var isAxis: Bool { if case .axis = self { true } else { false } }
}
