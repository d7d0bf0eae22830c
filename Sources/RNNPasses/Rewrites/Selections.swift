import RNNGraph

// A model's graph computes all that can be asked for. These give the graph of a part of it.
//
//     output "y" = %1              output "y" = %1
//     loss "loss" = %2        ->   state "h" = %3
//     state "h" = %3

extension Graph {
  /// The graph of outputs and final states, without the loss and without targets that only the loss reads.
  public func inference() -> Graph {
    var graph = self
    graph.filterOutputs { $0.role == .output || $0.role == .state }
    _ = Pass.deadCode.run(&graph)
    let uses = graph.useCounts()
    graph.filterInputs { $0.role != .target || uses[$0.value.index] > 0 }
    return graph
  }

  /// The graph of the loss, other numbers that are reported, and final states, without the outputs.
  public func measurement() -> Graph {
    var graph = self
    graph.filterOutputs { $0.role != .output }
    _ = Pass.deadCode.run(&graph)
    return graph
  }
}
