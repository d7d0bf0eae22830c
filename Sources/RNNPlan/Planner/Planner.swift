import RNNGraph

/// A program that rnnc cannot plan yet, and why; not the user's mistake, and not a bug.
public struct UnsupportedByPlan: Error, CustomStringConvertible {
  /// The reason, lower-case, without a full stop.
  public let description: String
}

/// Turns a graph into a plan: decides what is computed together, and from which memory.
public enum Planner {
  /// Makes the plan of a graph for a number of examples.
  ///
  /// - Parameter weights: what products round to what depends on parameters only, as far as these stay the same.
  /// - Throws: `UnsupportedByPlan` for a graph that is well formed but cannot be planned.
  public static func plan(
    _ graph: Graph, batch: Int, weights: Buffer.Format = .full
  ) throws(UnsupportedByPlan) -> Plan {
    plan(try PlanStages(graph, batch: batch), weights: weights)
  }

  /// Makes the plan of what is decided about a graph.
  public static func plan(_ stages: PlanStages, weights: Buffer.Format = .full) -> Plan {
    Lowering.plan(stages, weights: weights)
  }
}

/// What is decided about a graph before kernels are made of it.
///
/// `Views` says what values show of others, `Sweeps` what becomes one sweep, and `ValueFacts` what must lie in memory. For each
/// region, `ClusterBuilder` groups
/// the operations into a `Clustering`, and `Placement` chooses what else lies in memory, and where; `LoopLayout` says so of
/// the carries of loops. `Lowering` then makes the kernels.
public struct PlanStages: Sendable {
  let facts: ValueFacts
  private(set) var clusterings: [RegionID: Clustering] = [:]
  private(set) var placements: [RegionID: Placement] = [:]
  /// By number of the loop.
  private(set) var loops: [LoopLayout] = []

  /// Decides about a graph for a number of examples.
  ///
  /// - Throws: `UnsupportedByPlan` for a graph that is well formed but cannot be planned.
  public init(_ graph: Graph, batch: Int) throws(UnsupportedByPlan) {
    precondition(batch > 0, "a plan needs at least one example")
    try Self.checkSupport(graph)
    facts = ValueFacts(Views(graph, batch: batch))
    var results: [RegionID: [Destination?]] = [
      .entry: graph.outputs.enumerated().map { number, output in
        guard case .update(let name) = output.role else { return .result(number, isOutput: true) }
        return .replacement(of: graph.inputs[graph.place(ofInput: name)!].value)
      }
    ]
    // A loop's body is behind the region around it, which says what is wanted of it.
    for region in graph.reachableRegions {
      let clustering = ClusterBuilder.clustering(of: region, results: results[region]!, facts)
      for id in graph[region].operations {
        guard case .scan(let scan) = graph[id].kind else { continue }
        loops.append(LoopLayout(id, scan, clustering, facts))
        results[scan.body] = loops[loops.count - 1].results
      }
      clusterings[region] = clustering
      placements[region] = Placement(region, clustering, facts)
    }
  }

  private static func checkSupport(_ graph: Graph) throws(UnsupportedByPlan) {
    for region in graph.reachableRegions {
      for argument in graph[region].arguments where region != .entry {
        let symbols = graph.type(argument).shape.compactMap(\.symbol)
        if symbols.count > 3 { throw UnsupportedByPlan(description: "\(graph.type(argument)) inside a loop") }
      }
      for case .scan(let scan) in graph[region].operations.map({ graph[$0].kind }) where scan.steps == .batch
      {
        throw UnsupportedByPlan(description: "a loop over the batch")
      }
    }
  }
}
