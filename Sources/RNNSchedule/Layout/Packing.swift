import RNNGraph
import RNNPlan

/// How the columns of a product are copied into panels: for every contracted index in turn the elements of a panel, of all
/// groups that are used together.
struct Packing {
  /// What packed columns hold: equal keys are packed once.
  struct Key: Hashable {
    /// The memory, and whether all slots of a stack are packed.
    var source: BufferID
    var isStack: Bool
    var index: Affine
    /// The extents of what is packed.
    var extents: [Size]
    /// How many of these axes, the first ones, are not contracted: each of their indices has panels of its own.
    var outer: Int
    /// Columns of a panel.
    var panel: Int
    var groups: Int
    /// How many groups are side by side.
    var together: Int
    var format: Buffer.Format
  }

  /// What the columns hold.
  let key: Key
  /// The domain of the kernel that fills the panels.
  var extents: [Size] { key.extents }

  private let source: Access
  private let target: Affine
  private let bound: Kernel.Bound?
  /// Where a product's columns begin.
  private let start: Affine
  private let panelSize: Size

  init(_ kernel: Kernel, _ product: Product, _ choice: ProductArrangement, plan: Plan, isInStep: Bool) {
    let domain = kernel.domain
    let (contracted, groups, together) = (product.contracted, product.groups, choice.tile.groups)
    let panel = choice.tile.vectors * choice.lanes
    let access = product.rhs.access
    let axis = domain.count - 1
    let stack = isInStep ? nil : Stack(access, domain: domain, product, plan: plan)
    var packed = contracted
    if stack != nil { packed[0] = packed[0] + 1 }
    let width = domain[axis].constant!
    let panels = (width + panel - 1) / panel
    // Elements along the columns' axis may follow each other in memory.
    let isAlong = access.index.factor(ofAxis: axis) == 1
    // Axes of the domain that the operand varies along besides rows or columns.
    let outer = (0..<(domain.count - 2)).filter { access.index.factor(ofAxis: $0) != 0 }
    let deep = contracted.indices.map { outer.count + (isAlong ? $0 : $0 + 1) }
    let panelAxis = outer.count + (isAlong ? contracted.count : 0)
    let groupAxis = outer.count + contracted.count + 1
    // The places of a panel's elements as forms of the last axes: in order, or two vectors alternating.
    let lanes = choice.lanes
    let isFull = product.columnFormat == .full
    let inner: [Size] = isFull ? [Size(panel)] : [Size(panel / (2 * lanes)), 2, Size(lanes)]
    func within(_ strides: [Int]) -> Affine {
      zip(inner.indices, strides).reduce(Affine(0)) {
        $0 + Affine(.axis(groupAxis + 1 + $1.0), times: Size($1.1))
      }
    }
    let column = within(isFull ? [1] : [2 * lanes, lanes, 1])
    let position = within(isFull ? [1] : [2 * lanes, 1, 2])
    var extents = outer.map { domain[$0] } + packed
    extents.insert(Size(panels), at: panelAxis)
    extents += [Size(groups)] + inner

    var forms = [Affine](repeating: Affine(0), count: domain.count + contracted.count)
    for (place, axis) in outer.enumerated() { forms[axis] = Affine(.axis(place)) }
    for (i, axis) in deep.enumerated() { forms[domain.count + i] = Affine(.axis(axis)) }
    if let stack { forms[domain.count].constant = Size(-stack.first) }
    let place = Affine(.axis(panelAxis), times: Size(panel)) + column
    forms[axis] = place + Affine(.axis(groupAxis), times: Size(width))
    source = Access(buffer: access.buffer, index: access.index.substituting(forms), isOwned: false)
    key = Key(
      source: access.buffer, isStack: stack != nil, index: stack?.index ?? source.index, extents: extents,
      outer: outer.count, panel: panel, groups: groups, together: together, format: product.columnFormat)

    panelSize = packed.reduce(1, *) * Size(groups * panel)
    let groupStride = together == groups ? Size(panel) : product.depth * Size(panel)
    var target =
      Affine(.axis(panelAxis), times: panelSize) + Affine(.axis(groupAxis), times: groupStride) + position
    var stride = Size(together * panel)
    for (i, extent) in packed.enumerated().reversed() {
      target = target + Affine(.axis(deep[i]), times: stride)
      stride = stride * extent
    }
    var outerStride = Size(panels) * panelSize
    let slot = contracted.dropFirst().reduce(Size(panel), *)
    var start = Affine(slot * Size(stack?.first ?? 0))
    for (i, axis) in outer.enumerated().reversed() {
      target = target + Affine(.axis(i), times: outerStride)
      start = start + Affine(.axis(axis), times: outerStride)
      outerStride = outerStride * domain[axis]
    }
    (self.target, self.start) = (target, start)
    bound = width % panel == 0 ? nil : Kernel.Bound(index: place, limit: Size(width))
  }

  /// The kernel that fills the panels.
  func kernel(filling buffer: BufferID, named name: String, _ places: SourcePlaces) -> Kernel {
    Kernel(
      name: name, domain: extents, kind: .map, body: [.load(source)],
      stores: [Store(access: Access(buffer: buffer, index: target, isOwned: false), value: 0)], bound: bound,
      places: KernelPlaces(body: [places]))
  }

  /// The columns as they are in the panels.
  func operand(in buffer: BufferID) -> ProductOperand {
    ProductOperand(
      access: Access(buffer: buffer, index: start, isOwned: false),
      layout: .packed(panel: key.panel, distance: panelSize))
  }
}

/// A stack of one slot more than there are steps, of which a product reads all but the first or the last. What one product
/// reads of it, another one reads a step later: gradients of a recurrent matrix take the states in front of the steps,
/// those of what follows take the states behind them.
private struct Stack {
  /// How many slots lie in front of those that are read, in their order.
  var first: Int
  /// Where an element of all slots is.
  var index: Affine

  init?(_ access: Access, domain: [Size], _ product: Product, plan: Plan) {
    let axis = Index.axis(domain.count)
    guard domain.count == 2, let steps = product.contracted.first, product.groups == 1, steps.constant == nil,
      access.index.factors.keys.allSatisfy({ if case .axis = $0 { true } else { false } }),
      let stride = access.index.factors[axis]?.constant, stride != 0,
      plan[access.buffer].count == Size(abs(stride)) * (steps + 1)
    else { return nil }
    index = access.index
    index.constant = stride > 0 ? Size(0) : Size(-stride) * steps
    let start = index.constant
    guard let first = [0, 1].first(where: { start + Size(stride * $0) == access.index.constant }) else {
      return nil
    }
    self.first = first
  }
}
