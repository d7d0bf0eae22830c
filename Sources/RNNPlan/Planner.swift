import RNNGraph

/// A program that rnnc cannot plan yet, and why; not the user's mistake, and not a bug.
public struct UnsupportedByPlan: Error, CustomStringConvertible {
  /// The reason, lower-case, without a full stop.
  public let description: String
}

/// Turns a graph into a plan: decides what is computed together, and from which memory.
///
/// The work goes region by region. `Clusters` groups a region's operations, `Placement` gives values memory, `Lowering` and
/// `Loops` make a kernel or a loop of each group, `KernelBuilder` writes the kernels' bodies, `Products` the matrix
/// products.
public final class Planner {
  let graph: Graph
  let batch: Int
  /// What the columns of products are rounded to that depend on parameters only.
  let weights: Buffer.Format

  var buffers: [Buffer] = []
  /// Where values lie; a value that is not here is computed where it is used.
  var storage: [ValueID: Storage] = [:]
  /// What the arguments of bodies stand for: an invariant or a step of a sequence of the region around.
  var aliases: [ValueID: View] = [:]
  /// What values show, as far as it was asked for.
  var views: [ValueID: View] = [:]
  /// The scans by the numbers by which indices refer to them, and the other way round.
  var loops: [OperationID] = []
  var loopNumbers: [OperationID: Int] = [:]
  /// For the length of a segment, the length that no segment exceeds.
  var longest: [Symbol: Symbol] = [:]
  /// Values that an operation needs in memory.
  var neededInMemory: Set<ValueID> = []
  /// The operations that read each value.
  let users: [[OperationID]]
  /// What reads the inputs that the program replaces, once its entry is clustered.
  var inputReaders: InputReaders?
  /// The inputs that are the same in many calls: parameters that the program does not replace.
  private(set) lazy var stableInputs = findStableInputs()
  /// The values of the entry that depend on such inputs only.
  private(set) lazy var stableValues = findStableValues()
  /// Tables with dense rows by what they hold, copied once in front of the loops that read them.
  var tables: [TableKey: BufferID] = [:]
  /// Copies over replaced inputs that must wait until nothing reads these any more.
  var lateCopies: [Kernel] = []
  /// The steps of the regions being lowered, outermost first.
  var steps: [[Step]] = []
  /// The regions being lowered, outermost first.
  var openRegions: [RegionID] = []

  private init(_ graph: Graph, batch: Int, weights: Buffer.Format) {
    self.weights = weights
    self.graph = graph
    self.batch = batch
    users = graph.users()
  }

  /// Makes the plan of a graph for a number of examples.
  ///
  /// - Parameter weights: what products round to what depends on parameters only, as far as these stay the same.
  /// - Throws: `UnsupportedByPlan` for a graph that is well formed but cannot be planned.
  public static func plan(
    _ graph: Graph, batch: Int, weights: Buffer.Format = .full
  ) throws(UnsupportedByPlan) -> Plan {
    precondition(batch > 0, "a plan needs at least one example")
    return try Planner(graph, batch: batch, weights: weights).run()
  }

  private func run() throws(UnsupportedByPlan) -> Plan {
    bindArguments()
    try checkSupport()
    findMemoryNeeds()
    var inputs: [Plan.Port] = []
    for (i, input) in graph.inputs.enumerated() {
      let type = graph.type(input.value)
      var port = port(input.name, type)
      port.isStable = stableInputs.contains(BufferID(index: i))
      inputs.append(port)
      let buffer = addBuffer(input.name, type.element, shape(type), place: .input(i))
      buffers[buffer.index].places = input.places
      storage[input.value] = Storage(
        buffer: buffer, offset: Affine(0), strides: Storage.denseStrides(shape(type)))
    }
    var outputs: [Plan.Port] = []
    var results: [Destination?] = []
    for (i, output) in graph.outputs.enumerated() {
      let type = graph.type(output.value)
      var port = port(output.name, type)
      if case .update(let name) = output.role {
        let number = graph.place(ofInput: name)!
        port.replaces = number
        results.append(.replacement(of: graph.inputs[number].value))
      } else {
        let buffer = addBuffer(output.name, type.element, shape(type), place: .output(i))
        buffers[buffer.index].places = graph.places(of: output.value)
        results.append(
          .memory(
            Storage(buffer: buffer, offset: Affine(0), strides: Storage.denseStrides(shape(type)))))
      }
      outputs.append(port)
    }
    let steps = lower(.entry, results: results) + lateCopies.map { .kernel($0) }
    let symbols = graph.symbols.subtracting([.batch]).sorted()
    return Plan(
      name: graph.name, inputs: inputs, outputs: outputs, buffers: buffers, steps: steps, batch: batch,
      symbols: symbols)
  }

  private func findStableInputs() -> Set<BufferID> {
    let replaced = Set(
      graph.outputs.compactMap { if case .update(let name) = $0.role { name } else { nil } })
    return Set(
      graph.inputs.indices.filter { i in
        guard case .parameter = graph.inputs[i].role else { return false }
        return !replaced.contains(graph.inputs[i].name)
      }.map { BufferID(index: $0) })
  }

  private func port(_ name: String, _ type: TensorType) -> Plan.Port {
    Plan.Port(name: name, element: type.element, shape: shape(type), replaces: nil)
  }

  /// The extent, with the batch bound.
  func extent(_ dimension: Dimension) -> Size {
    switch dimension {
    case .fixed(let n): Size(n)
    case .symbol(.batch): Size(batch)
    case .symbol(let symbol): Size(symbol)
    }
  }

  /// The extents of a type, with the batch bound.
  func shape(_ type: TensorType) -> [Size] { type.shape.map(extent) }

  func addBuffer(_ name: String, _ element: ElementType, _ shape: [Size], place: Buffer.Place = .arena)
    -> BufferID
  {
    // What holds a segment has room for the longest one, and the same place for each.
    let count = shape.reduce(1, *).replacing(longest)
    buffers.append(Buffer(name: name, element: element, count: count, place: place))
    return BufferID(index: buffers.count - 1)
  }

  /// Memory of its own for a value of a shape; `isDense` if the elements are to follow each other.
  func allocate(
    _ name: String, _ element: ElementType, _ shape: [Size], isDense: Bool = false,
    _ places: SourcePlaces = .none
  ) -> Storage {
    let buffer = addBuffer(name, element, shape)
    buffers[buffer.index].places = places
    if !isDense, shape.count > 1 { buffers[buffer.index].row = shape.last?.constant }
    return Storage(buffer: buffer, offset: Affine(0), strides: Storage.denseStrides(shape))
  }

  /// Memory of its own for a value of a type.
  func allocate(_ name: String, _ type: TensorType, _ places: SourcePlaces) -> Storage {
    allocate(name, type.element, shape(type), places)
  }

  /// Gives every scan a number, and the arguments of its body their meaning.
  private func bindArguments() {
    for region in graph.reachableRegions {
      for id in graph[region].operations {
        guard case .scan(let scan) = graph[id].kind else { continue }
        let number = loops.count
        loops.append(id)
        loopNumbers[id] = number
        if let segments = scan.segments { longest[segments.length] = segments.longest }
        for (i, argument) in graph[scan.body].arguments.enumerated() {
          let operand = graph[id].operands[i]
          let identity = View.identity(graph.type(argument).rank)
          if i < scan.invariants {
            aliases[argument] = View(base: operand, map: identity)
          } else if i >= scan.invariants + scan.carries {
            aliases[argument] = View(
              base: operand,
              map: scan.isSegment(graph.type(argument))
                ? [scan.segmentStart(number) + identity[0]] + identity.dropFirst()
                : [Affine(.loop(number))] + identity)
          }
        }
      }
    }
  }

  private func checkSupport() throws(UnsupportedByPlan) {
    for region in graph.reachableRegions where region != .entry {
      for argument in graph[region].arguments {
        let symbols = graph.type(argument).shape.compactMap(\.symbol)
        if symbols.count > 3 { throw UnsupportedByPlan(description: "\(graph.type(argument)) inside a loop") }
      }
    }
    for case .scan(let scan) in loops.map({ graph[$0].kind }) where scan.steps == .batch {
      throw UnsupportedByPlan(description: "a loop over the batch")
    }
  }
}
