import RNNGraph

// A derivative by a value that is stopped, or goes straight through, is that of a function in which it is a constant.
// Differences belong to that function if the constant is handed in:
//
//     %2 = detach %1          ->   output "held.0" = %1
//                                  %2 = detach %1
//
//     %2 = detach %1          ->   %3 = data "held.0"
//                                  %2 = detach %3

extension Graph {
  /// The prefix of the tensors that hold stopped values. A number follows, so that none has the path of another tensor.
  public static let heldPrefix = "held."

  /// The graph with the values whose derivatives are stopped as further outputs; those of a loop are stacked.
  public func recordingHeldValues() -> Graph {
    var graph = self
    for (name, id) in heldValues {
      var (value, region) = (graph[id].operands[0], graph[id].region)
      while let scan = graph[region].owner {
        value = graph.stack([value], by: scan)[0]
        region = graph[scan].region
      }
      graph.addOutput(name, role: .output, value)
    }
    return graph
  }

  /// The graph that takes these outputs as inputs, and computes with them whatever its other inputs are.
  public func takingHeldValues() -> Graph {
    var graph = self
    for (name, id) in heldValues {
      var scans: [OperationID] = []
      while let scan = graph[scans.last.map { graph[$0].region } ?? graph[id].region].owner {
        scans.append(scan)
      }
      var type = graph.type(graph[id].operands[0])
      for scan in scans {
        if case .scan(let attributes) = graph[scan].kind { type = attributes.stepping.stack(of: type) }
      }
      var value = graph.addInput(name, role: .data, type)
      for scan in scans.reversed() { value = graph.addSequence(value, to: scan) }
      graph.setOperand(0, of: id, to: value)
    }
    return graph
  }

  /// The operations whose first operand counts as a constant, with names for these operands.
  private var heldValues: [(name: String, OperationID)] {
    let held = surrogates.filter { id, surrogate in surrogate.source != 0 }
    return held.enumerated().map { ("\(Self.heldPrefix)\($0)", $1.id) }
  }

  private var surrogates: [(id: OperationID, surrogate: Surrogate)] {
    reachableRegions.flatMap { self[$0].operations }.compactMap { id in
      if case .surrogate(let surrogate) = self[id].kind { (id, surrogate) } else { nil }
    }
  }

  /// The first operation, in the order of the graph, by which the derivative of the loss by an input is not that of any
  /// function: what passes it has another derivative than its value.
  public func surrogate(behind input: ValueID) -> Operation? {
    let candidates = surrogates.filter { $0.surrogate.source != nil }
    guard let loss = loss?.value, !candidates.isEmpty else { return nil }
    let activity = Activity(of: self, from: [input], to: loss)
    return candidates.first { activity.isActive(self[$0.id].result) }.map { self[$0.id] }
  }
}
