import RNNGraph

extension Graph {
  /// The graph in Graphviz's language: operations as boxes, loops as clusters, values as edges.
  var dot: String {
    var writer = DotWriter(graph: self)
    return writer.write()
  }
}

private struct DotWriter {
  let graph: Graph
  private var text = ""

  init(graph: Graph) { self.graph = graph }

  mutating func write() -> String {
    text = "digraph \(quoted(graph.name)) {\n  node [shape=box, fontname=\"monospace\"];\n"
    for input in graph.inputs {
      node(input.value.name, "\(input.name)\n\(graph.type(input.value))", "shape=ellipse")
    }
    region(.entry)
    for (i, output) in graph.outputs.enumerated() {
      node("out\(i)", output.name, "shape=ellipse, style=bold")
      edge(output.value.name, "out\(i)")
    }
    return text + "}\n"
  }

  private mutating func region(_ region: RegionID) {
    for id in graph[region].operations {
      let operation = graph[id]
      if case .scan(let scan) = operation.kind {
        loop(id, scan)
      } else {
        let words = [operation.kind.word] + operation.results.map { "\(graph.type($0))" }
        node(operation.results[0].name, words.joined(separator: "\n"))
        for operand in operation.operands { edge(operand.name, operation.results[0].name) }
      }
    }
  }

  /// The body stands in a cluster: operands lead to its arguments, its results to the loop's.
  private mutating func loop(_ id: OperationID, _ scan: ScanAttributes) {
    let body = graph[scan.body]
    text += "  subgraph \(quoted("cluster_\(id)")) {\n"
    text += "  label=\(quoted("for each \(scan.steps)\(scan.isReversed ? ", last first" : "")"));\n"
    let kinds = [("invariant", scan.invariants), ("carry", scan.carries), ("sequence", scan.sequences)]
    for (argument, kind) in zip(body.arguments, kinds.flatMap { Array(repeating: $0, count: $1) }) {
      node(argument.name, "\(kind)\n\(graph.type(argument))", "style=rounded")
    }
    region(scan.body)
    text += "  }\n"
    for (operand, argument) in zip(graph[id].operands, body.arguments) { edge(operand.name, argument.name) }
    for (inner, result) in zip(body.results, graph[id].results) {
      node(result.name, "\(graph.type(result))", "style=rounded")
      edge(inner.name, result.name)
    }
  }

  private mutating func node(_ name: String, _ label: String, _ style: String? = nil) {
    text += "  \(name) [label=\(quoted(label))\(style.map { ", \($0)" } ?? "")];\n"
  }

  private mutating func edge(_ from: String, _ to: String) { text += "  \(from) -> \(to);\n" }

  private func quoted(_ text: String) -> String {
    let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing(
      "\n", with: "\\n")
    return "\"\(escaped)\""
  }
}

extension ValueID {
  fileprivate var name: String { "v\(index)" }
}

extension OperationKind {
  /// The operation's name in the graph's text.
  fileprivate var word: String {
    if case .constant(let number, _) = self { "constant \(number)" } else { mnemonic }
  }
}
