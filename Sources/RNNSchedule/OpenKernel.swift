import RNNGraph
import RNNPlan

// Note [Open sizes]: two products of a training step often differ in nothing but the sizes of their matrices, and so do
// the updates of two parameters. Where kernels of a plan would be one but for these, they share code that takes the sizes
// as arguments: that costs a few instructions outside of the innermost loop, and code takes long to compile. A kernel
// that stays alone keeps its sizes as constants.

/// A kernel with symbols in place of those sizes for which its code need not be made.
struct OpenKernel {
  /// The kernel.
  private(set) var kernel: Kernel
  /// What its symbols stand for.
  private(set) var sizes: [Symbol: Size] = [:]
  private var opened: [Access: Access] = [:]

  /// Opens the sizes of a kernel; nil if its code depends on all of them.
  init?(_ kernel: Kernel, machine: Machine) {
    self.kernel = kernel
    if let product = kernel.product {
      guard !kernel.isLong(machine), let open = open(product, machine) else { return nil }
      self.kernel.product = open
    } else {
      // One row, whose elements follow each other.
      guard kernel.domain.count == 1, kernel.kind != .sweep, kernel.bound == nil, kernel.readsDenseRows else {
        return nil
      }
      let vectors = 2 * machine.lanes(.f32)
      self.kernel.domain[0] = open(
        kernel.domain[0], unit: kernel.domain[0].isMultiple(of: vectors) ? vectors : 1)
    }
    self.kernel.body = kernel.body.map { instruction in
      if case .load(let access) = instruction { .load(open(access)) } else { instruction }
    }
    self.kernel.start = kernel.start.map { open($0) }
    self.kernel.stores = kernel.stores.map { Store(access: open($0.access), value: $0.value) }
  }

  /// Opens a product's sizes, but for what decides how it is cut into tiles and panels.
  private mutating func open(_ product: Product, _ machine: Machine) -> Product? {
    let columns = kernel.domain.count - 1
    guard case .packed(let panel, let distance) = product.rhs.layout, product.turns == nil,
      !product.isStaged, panel == product.tile.vectors * machine.lanes(product.element),
      kernel.domain[columns].isMultiple(of: panel)
    else { return nil }
    var product = product
    kernel.domain[columns] = open(kernel.domain[columns], unit: panel)
    if var blocks = product.blocks {
      kernel.domain[columns - 1] = open(kernel.domain[columns - 1])
      blocks.panels = open(blocks.panels)
      product.layout?.blocks = blocks
    } else {
      // Rounds of four indices, which most sizes fill, and perhaps a rest.
      product.contracted = product.contracted.map { open($0, unit: $0.isMultiple(of: 4) ? 4 : 1) }
    }
    product.lhs.access = open(product.lhs.access)
    product.rhs = ProductOperand(
      access: open(product.rhs.access), layout: .packed(panel: panel, distance: open(distance)))
    return product
  }

  /// The same element, with symbols for how far it is from that of the next point along an axis.
  private mutating func open(_ access: Access) -> Access {
    if let known = opened[access] { return known }
    var open = access
    for axis in kernel.domain.indices.map(Index.axis) + deepAxes {
      open.index.factors[axis] = access.index.factors[axis].map { self.open($0) }
    }
    opened[access] = open
    return open
  }

  private var deepAxes: [Index] {
    (kernel.product?.contracted ?? []).indices.map { .axis(kernel.domain.count + $0) }
  }

  /// A multiple of a unit, with a symbol for how many. One is no size.
  private mutating func open(_ size: Size, unit: Int = 1) -> Size {
    if let constant = size.constant, abs(constant) <= 1 { return size }
    let symbol = Symbol("#\(sizes.count)")
    sizes[symbol] = size.divided(by: unit)
    return Size(symbol) * Size(unit)
  }
}

extension Kernel {
  /// Whether what the body reads along the last axis lies side by side, or is one number.
  fileprivate var readsDenseRows: Bool {
    body.allSatisfy { instruction in
      switch instruction {
      case .load(let access): [0, 1].contains(access.index.factor(ofAxis: domain.count - 1))
      case .loadRow, .random, .index, .combine: false
      case .constant, .size, .accumulator, .unary, .binary, .compare, .select, .convert: true
      }
    }
  }
}
