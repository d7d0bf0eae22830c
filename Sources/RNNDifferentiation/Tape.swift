import RNNGraph

/// What the backward scan of one forward scan reads of it.
///
/// Note [Saved values]: a forward value is handed to the backward scan on first demand, at the least cost in memory:
/// - an invariant or a sequence of the forward scan becomes one of the backward scan;
/// - a value that depends on invariants and constants only, or that an operation which moves or marks elements makes
///   of another value, is computed again;
/// - any other value, and a carry, is a residual: the forward scan stacks it in one more output, unless an output
///   stacks it already, and that output is a sequence of the backward scan.
final class Tape {
  /// The body of the backward scan.
  let region: RegionID
  private let builder: GraphBuilder
  private let forward: ScanAttributes
  private var known: [ValueID: ValueID] = [:]
  private let isInvariant: Set<ValueID>

  /// Arguments of the backward body, with the forward operand that each stands for.
  private(set) var invariants: [(argument: ValueID, operand: Int)] = []
  /// Arguments of the backward body, with the forward operand whose element each is.
  private(set) var sequences: [(argument: ValueID, operand: Int)] = []
  /// Arguments of the backward body, with the value of the forward body that each stands for.
  private(set) var residuals: [(argument: ValueID, value: ValueID)] = []

  /// Starts with nothing read.
  init(of forward: ScanAttributes, _ builder: GraphBuilder) {
    self.forward = forward
    self.builder = builder
    isInvariant = Self.invariants(of: forward, in: builder.graph)
    region = builder.makeBody()
  }

  /// A value of the backward body that equals a value of the forward body.
  ///
  /// - Requires: the builder stands at the end of the backward body.
  func read(_ value: ValueID) -> ValueID {
    Graph.visit(value, isDone: { known[$0] != nil }, needs: sources) { known[$0] = make($0) }
    return known[value]!
  }

  /// The forward values of which a value is computed again; none if it is handed over.
  private func sources(of value: ValueID) -> [ValueID] {
    guard let id = builder.graph.definingOperation(value) else { return [] }
    let operation = builder.graph[id]
    return operation.kind.traits.contains(.remade) || isInvariant.contains(value) ? operation.operands : []
  }

  private func make(_ value: ValueID) -> ValueID {
    switch builder.graph[value].definition {
    case .argument(_, let index): return readArgument(index, value)
    case .result(let id, _):
      let operation = builder.graph[id]
      if sources(of: value).isEmpty, !isInvariant.contains(value) { return save(value) }
      return builder.at(operation.places) {
        builder.add(operation.kind, operation.operands.map { known[$0]! })[0]
      }
    }
  }

  private func readArgument(_ index: Int, _ value: ValueID) -> ValueID {
    if index >= forward.invariants && index < forward.invariants + forward.carries { return save(value) }
    let argument = builder.addArgument(builder.type(value), to: region)
    if index < forward.invariants {
      invariants.append((argument, index))
    } else {
      sequences.append((argument, index))
    }
    return argument
  }

  private func save(_ value: ValueID) -> ValueID {
    let argument = builder.addArgument(builder.type(value), to: region)
    residuals.append((argument, value))
    return argument
  }

  /// The values of a forward body that are the same in every step and that no scan computes.
  private static func invariants(of forward: ScanAttributes, in graph: Graph) -> Set<ValueID> {
    let body = graph[forward.body]
    var found = Set(body.arguments[..<forward.invariants])
    for id in body.operations {
      if case .scan = graph[id].kind { continue }
      if graph[id].operands.allSatisfy(found.contains) { found.formUnion(graph[id].results) }
    }
    return found
  }
}
