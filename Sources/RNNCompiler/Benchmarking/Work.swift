import RNNGraph

/// The least that a graph has to do, which bounds its time from below.
struct Work: Sendable, Hashable {
  /// Multiplications and additions of all products, as the model says them.
  var operations = 0.0
  /// Bytes of weights that are read, once in each step of the loops around them.
  var bytesRead = 0.0
  /// Bytes of weights.
  var weightBytes = 0.0

  /// The work of a model's forward pass.
  init(of graph: Graph, _ sizes: [Symbol: Int]) {
    var work = Work()
    work.add(.entry, of: graph, sizes, times: 1)
    self = work
  }

  private init() {}

  private mutating func add(
    _ region: RegionID, of graph: Graph, _ sizes: [Symbol: Int], times: Double
  ) {
    func volume(_ value: ValueID) -> Double { graph.type(value).extents(sizes).reduce(1) { $0 * Double($1) } }
    for id in graph[region].operations {
      let operation = graph[id]
      switch operation.kind {
      case .dot(let axes):
        let extents = graph.type(operation.operands[0]).extents(sizes)
        let depth = axes.lhsContracting.reduce(1) { $0 * Double(extents[$1]) }
        operations += 2 * times * volume(operation.result) * depth
        // A weight is what has no axis of examples.
        for operand in operation.operands where !graph.type(operand).shape.contains(.batch) {
          let bytes = volume(operand) * Double(graph.type(operand).element.byteCount)
          weightBytes += bytes
          bytesRead += times * bytes
        }
      case .scan(let scan): add(scan.body, of: graph, sizes, times: times * Double(sizes[scan.steps] ?? 1))
      default: continue
      }
    }
  }
}
