import RNNGraph

/// What a packed operand holds: equal keys are packed once.
struct PackKey: Hashable {
  enum Source: Hashable {
    case value(ValueID)
    /// All slots of a stack.
    case stack(BufferID)
  }
  var source: Source
  var map: [Affine]
  /// The extents of what is packed: a broadcast value looks the same in any.
  var extents: [Size]
  /// Rows or columns of a panel.
  var panel: Int
  var groups: Int
  /// How many groups are side by side.
  var together: Int
  var format = Buffer.Format.full
}

/// Lays operands of a product out in panels.
struct Packer {
  let planner: Planner
  let domain: [Size]
  let contracted: [Size]
  let groups: Int
  let element: ElementType
  /// Elements of the sums in a vector.
  let lanes: Int
  let builder: KernelBuilder
  /// How columns are kept.
  let format: Buffer.Format

  private var depth: Size { contracted.reduce(1, *) }

  /// The columns as they lie if that serves, otherwise in panels.
  func columns(_ value: ValueID, _ view: View, tile: Tile, rows: Int?) -> ProductOperand {
    let planner = planner
    let access = planner.storage[view.base].map { builder.access($0, view) }
    let columnAxis = domain.count - 1
    let isDense = access?.index.factor(ofAxis: columnAxis) == 1
    let isHere = planner.levelOf(view, extents: contracted) == planner.openRegions.count - 1
    let isLoop = planner.isInStep
    if let access, domain.last!.constant == nil || (isDense && isHere && (rows ?? 1000) <= (isLoop ? 64 : 8))
    {
      return ProductOperand(access: access, layout: .direct)
    }
    return pack(
      view, axis: columnAxis, panel: tile.vectors * lanes, together: tile.groups, isAlong: isDense,
      stack: access.flatMap(stack))
  }

  /// A stack of one slot more than there are steps, of which a product reads all but the first or the last.
  private struct Stack {
    var buffer: BufferID
    /// How many slots lie in front of those that are read, in their order.
    var first: Int
    /// Where an element of all slots is.
    var index: Affine
  }

  /// The stack that an operand is a part of. What one product reads of it, another one reads a step later: gradients of a
  /// recurrent matrix take the states in front of the steps, those of what follows take the states behind them.
  private func stack(_ access: Access) -> Stack? {
    let axis = Index.axis(domain.count)
    guard domain.count == 2, let steps = contracted.first, groups == 1, !planner.isInStep,
      steps.constant == nil,
      access.index.factors.keys.allSatisfy({ if case .axis = $0 { true } else { false } }),
      let stride = access.index.factors[axis]?.constant, stride != 0,
      planner.buffers[access.buffer.index].count == Size(abs(stride)) * (steps + 1)
    else { return nil }
    var index = access.index
    index.constant = stride > 0 ? Size(0) : Size(-stride) * steps
    guard let first = [0, 1].first(where: { index.constant + Size(stride * $0) == access.index.constant })
    else { return nil }
    return Stack(buffer: access.buffer, first: first, index: index)
  }

  /// Panels of an axis: for every contracted index in turn the elements of a panel, of all groups that are used together.
  ///
  /// `isAlong` tells that elements along the axis follow each other in memory.
  private func pack(
    _ view: View, axis: Int, panel: Int, together: Int, isAlong: Bool, stack: Stack?
  ) -> ProductOperand {
    var packed = contracted
    if stack != nil { packed[0] = packed[0] + 1 }
    let width = domain[axis].constant!
    let panels = (width + panel - 1) / panel
    // Axes of the domain that the operand varies along besides rows or columns.
    let outer = (0..<(domain.count - 2)).filter { axis in view.map.contains { $0.factor(ofAxis: axis) != 0 } }
    let deep = contracted.indices.map { outer.count + (isAlong ? $0 : $0 + 1) }
    let panelAxis = outer.count + (isAlong ? contracted.count : 0)
    let groupAxis = outer.count + contracted.count + 1
    // The places of a panel's elements as forms of the last axes: in order, or two vectors alternating.
    let inner: [Size] = format == .full ? [Size(panel)] : [Size(panel / (2 * lanes)), 2, Size(lanes)]
    func within(_ strides: [Int]) -> Affine {
      zip(inner.indices, strides).reduce(Affine(0)) {
        $0 + Affine(.axis(groupAxis + 1 + $1.0), times: Size($1.1))
      }
    }
    let column = within(format == .full ? [1] : [2 * lanes, lanes, 1])
    let position = within(format == .full ? [1] : [2 * lanes, 1, 2])
    var packDomain = outer.map { domain[$0] } + packed
    packDomain.insert(Size(panels), at: panelAxis)
    packDomain += [Size(groups)] + inner

    var forms = [Affine](repeating: Affine(0), count: domain.count + contracted.count)
    for (place, axis) in outer.enumerated() { forms[axis] = Affine(.axis(place)) }
    for (i, axis) in deep.enumerated() { forms[domain.count + i] = Affine(.axis(axis)) }
    if let stack { forms[domain.count].constant = Size(-stack.first) }
    let place = Affine(.axis(panelAxis), times: Size(panel)) + column
    forms[axis] = place + Affine(.axis(groupAxis), times: Size(width))
    let map = view.map.map { $0.substituting(forms) }

    let key = PackKey(
      source: stack.map { .stack($0.buffer) } ?? .value(view.base), map: stack.map { [$0.index] } ?? map,
      extents: packDomain, panel: panel, groups: groups, together: together,
      format: format)
    let buffer: BufferID
    let panelSize = packed.reduce(1, *) * Size(groups * panel)
    let outerStrides = Storage.denseStrides(outer.map { domain[$0] } + [Size(panels) * panelSize])
    if let known = planner.packed[key] {
      buffer = known
    } else {
      buffer = planner.addBuffer("packed_\(view.base)", element, packDomain)
      planner.buffers[buffer.index].format = format
      planner.buffers[buffer.index].places = planner.graph.places(of: view.base)
      let groupStride = together == groups ? Size(panel) : depth * Size(panel)
      var target =
        Affine(.axis(panelAxis), times: panelSize) + Affine(.axis(groupAxis), times: groupStride)
        + position
      var stride = Size(together * panel)
      for (i, extent) in packed.enumerated().reversed() {
        target = target + Affine(.axis(deep[i]), times: stride)
        stride = stride * extent
      }
      for i in outer.indices { target = target + Affine(.axis(i), times: outerStrides[i]) }
      var body = KernelBuilder(planner: planner, clustering: Clustering(), cluster: nil, batchAxis: nil)
      let source = body.emit(view.base, map)
      let store = Store(access: Access(buffer: buffer, index: target, isOwned: false), value: source)
      let isPadded = width % panel != 0
      let kernel = Kernel(
        name: "pack_\(view.base)", domain: packDomain, kind: .map, product: nil, body: body.body,
        stores: [store],
        bound: isPadded ? Kernel.Bound(index: place, limit: Size(width)) : nil, split: .none,
        places: KernelPlaces(body: body.places))
      let level = planner.levelOf(view, extents: packDomain)
      planner.steps[level].append(.kernel(planner.finished(kernel, batchAxis: nil)))
      if level < planner.openRegions.count - 1 || !planner.isInStep { planner.packed[key] = buffer }
    }
    let slot = contracted.dropFirst().reduce(Size(panel), *)
    var index = Affine(slot * Size(stack?.first ?? 0))
    for (i, axis) in outer.enumerated() { index = index + Affine(.axis(axis), times: outerStrides[i]) }
    return ProductOperand(
      access: Access(buffer: buffer, index: index, isOwned: false),
      layout: .packed(panel: panel, distance: panelSize))
  }
}
