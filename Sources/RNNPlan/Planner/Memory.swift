import RNNGraph

/// Where a value lies in memory: an element's position is the offset plus the strides times its indices.
struct Storage: Hashable, Sendable {
  var buffer: BufferID
  var offset = Affine(0)
  var strides: [Size]

  /// The position of the element at the given indices, as a form of what these are forms of.
  func index(_ map: [Affine]) -> Affine {
    zip(map, strides).reduce(offset) { $0 + $1.0 * $1.1 }
  }

  /// The access to the element at the given indices.
  func access(_ map: [Affine], isOwned: Bool) -> Access {
    Access(buffer: buffer, index: index(map), isOwned: isOwned)
  }

  /// The part that begins at a form of elements along an axis.
  func part(axis: Int, start: Affine) -> Storage {
    var part = self
    part.offset = offset + start * strides[axis]
    return part
  }

  /// One step of a stack: the first axis taken away by a form.
  func element(at index: Affine) -> Storage {
    Storage(buffer: buffer, offset: offset + index * strides[0], strides: Array(strides.dropFirst()))
  }

  /// What a view of a value shows, which has a rank.
  func through(_ view: View, rank: Int) -> Storage {
    let index = index(view.map)
    return Storage(
      buffer: buffer, offset: index.withoutAxes, strides: (0..<rank).map { index.factor(ofAxis: $0) })
  }

  /// The strides of a dense tensor.
  static func denseStrides(_ shape: [Size]) -> [Size] {
    var strides: [Size] = []
    var stride: Size = 1
    for extent in shape.reversed() {
      strides.append(stride)
      stride = stride * extent
    }
    return strides.reversed()
  }
}

extension Affine {
  /// What does not depend on the domain.
  fileprivate var withoutAxes: Affine {
    var form = self
    form.factors = factors.filter { if case .axis = $0.key { false } else { true } }
    return form
  }
}

/// The memory of a plan while it is lowered: buffers, of which there are only ever more, and which values lie in them. A value
/// that does not is computed where it is used.
struct Memory {
  let views: Views
  private(set) var buffers: [Buffer] = []
  private var storage: [ValueID: Storage] = [:]
  /// The regions being lowered, outermost first, and copies of tables that are not yet among the steps of each.
  private var open: [(region: RegionID, copies: [Step])] = []
  /// Tables with dense rows by what they hold, copied once in front of the loops that read them.
  private var tables: [TableKey: BufferID] = [:]

  init(_ views: Views) { self.views = views }

  /// Where a value lies.
  subscript(value: ValueID) -> Storage? {
    get { storage[value] }
    set { storage[value] = newValue }
  }

  /// Memory of its own for a value of a shape; `isDense` if the elements are to follow each other.
  mutating func allocate(
    _ name: String, _ element: ElementType, _ shape: [Size], at place: Buffer.Place = .arena,
    isDense: Bool = false, _ places: SourcePlaces
  ) -> Storage {
    // What holds a segment has room for the longest one, and the same place for each.
    let count = shape.reduce(1, *).replacing(views.longest)
    var buffer = Buffer(name: name, element: element, count: count, place: place)
    buffer.places = places
    if !isDense, shape.count > 1 { buffer.row = shape.last?.constant }
    buffers.append(buffer)
    return Storage(buffer: BufferID(index: buffers.count - 1), strides: Storage.denseStrides(shape))
  }

  /// Memory of its own for a value of a type.
  mutating func allocate(_ name: String, _ type: TensorType, _ places: SourcePlaces) -> Storage {
    allocate(name, type.element, views.shape(type), places)
  }

  /// The access to what a view shows, by a kernel of whose domain an axis counts examples.
  ///
  /// - Requires: it lies in memory.
  func access(_ view: View, examples: Int?) -> Access {
    guard let place = storage[view.base] else { preconditionFailure("\(view.base) is not in memory") }
    return place.access(view.map, isOwned: isOwned(view, examples))
  }

  /// Whether a view shows an element of the example that an axis of the domain names.
  func isOwned(_ view: View, _ examples: Int?) -> Bool {
    guard let examples, let axis = views.graph.type(view.base).shape.firstIndex(of: .batch) else {
      return false
    }
    return view.map[axis] == Affine(.axis(examples))
  }

  /// A kernel that copies a tensor from one place to another.
  func copyKernel(
    from source: Storage, to target: Storage, _ type: TensorType, _ places: SourcePlaces
  ) -> Kernel {
    let identity = View.identity(type.rank)
    let batchAxis = type.shape.firstIndex(of: .batch)
    func access(_ place: Storage) -> Access { place.access(identity, isOwned: batchAxis != nil) }
    return Kernel(
      name: "copy_\(buffers[target.buffer.index].name)", domain: views.shape(type), kind: .map,
      body: [.load(access(source))], stores: [Store(access: access(target), value: 0)], examples: batchAxis,
      places: KernelPlaces(body: [places]))
  }
}

// Copies of tables.
extension Memory {
  mutating func enter(_ region: RegionID) { open.append((region, [])) }
  mutating func leave() { open.removeLast() }

  /// A table whose rows are dense, for reading rows by id; copied out of the loops if it is not so.
  mutating func rowTable(_ value: ValueID) -> Storage {
    let view = views(value)
    let type = views.graph.type(value)
    let source = storage[view.base]!.through(view, rank: type.rank)
    if type.rank == 1 || source.strides.last == 1 { return source }
    let extents = views.shape(type)
    let key = TableKey(value: view.base, map: view.map, extents: extents)
    if let known = tables[key] { return Storage(buffer: known, strides: Storage.denseStrides(extents)) }
    let places = views.graph.places(of: value)
    let copy = allocate("rows_\(view.base)", type, places)
    let level = max(level(of: view), level(ofSegments: extents))
    open[level].copies.append(.kernel(copyKernel(from: source, to: copy, type, places)))
    if level < open.count - 1 || level == 0 { tables[key] = copy.buffer }
    return copy
  }

  /// The copies that the next step of the region being lowered needs, or a step in that one.
  mutating func takeCopies() -> [Step] {
    defer { open[open.count - 1].copies = [] }
    return open[open.count - 1].copies
  }

  /// The outermost open region in which what a view shows is known.
  private func level(of view: View) -> Int {
    let loops = view.map.flatMap(\.factors.keys).compactMap { index -> Int? in
      guard case .loop(let number) = index, case .scan(let scan) = views.graph[views.loops[number]].kind
      else {
        return nil
      }
      return open.firstIndex { $0.region == scan.body }
    }
    let region = views.graph.region(of: view.base)
    return loops.reduce(open.firstIndex { $0.region == region } ?? open.count - 1, max)
  }

  /// The outermost open region in which it is known how long the segments are that some extents count.
  private func level(ofSegments extents: [Size]) -> Int {
    let lengths = Set(extents.flatMap { $0.terms.keys.joined() }).intersection(views.longest.keys)
    if lengths.isEmpty { return 0 }
    return open.lastIndex { place in
      guard let owner = views.graph[place.region].owner, case .scan(let scan) = views.graph[owner].kind,
        let segments = scan.segments
      else { return false }
      return lengths.contains(segments.length)
    } ?? 0
  }
}

/// A table with dense rows: what it shows of which value.
private struct TableKey: Hashable {
  var value: ValueID
  var map: [Affine]
  /// The extents: a broadcast value looks the same in any.
  var extents: [Size]
}
