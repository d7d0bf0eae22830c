import RNNGraph

extension PlanStages: CustomStringConvertible {
  /// What was decided, as text: for each region its views and its clusters, which hold those of loops' bodies. Values have the
  /// numbers by which the plan names buffers.
  public var description: String {
    let stable = facts.stableValues.filter { facts.views($0).base == $0 }.sorted { $0.index < $1.index }
    let lines = stable.isEmpty ? [] : ["  stable \(stable.map(\.description).joined(separator: ", "))"]
    return
      (["clusters \(quoted(facts.graph.name)) {"] + lines + self.lines(of: .entry, indent: "  ") + ["}", ""])
      .joined(separator: "\n")
  }

  private func lines(of region: RegionID, indent: String) -> [String] {
    let graph = facts.graph
    let values = graph[region].arguments + graph[region].operations.flatMap { graph[$0].results }
    let views = values.compactMap { value -> String? in
      let view = facts.views(value)
      if view.base == value { return nil }
      let map = view.map.map(\.description).joined(separator: ", ")
      return "\(indent)\(value) shows \(view.base)[\(map)]\(graph.places(of: value).comment)"
    }
    let clustering = clusterings[region]!
    // By reduction, in their order.
    let absorbed = Dictionary(
      grouping: values.filter { clustering.absorbed[$0] != nil }, by: { clustering.absorbed[$0]! })
    return views
      + clustering.clusters.enumerated().flatMap { number, cluster in
        ["\(indent)cluster \(number) \(cluster.header(graph, facts.views))"]
          + lines(of: cluster, number, in: region, absorbed, indent: indent + "  ") + ["\(indent)}"]
      }
      + values.filter { clustering.completion[$0] != nil }.map {
        "\(indent)\(operation($0)), \(place($0, in: region))\(graph.places(of: $0).comment)"
      }
  }

  private func lines(
    of cluster: Cluster, _ number: Int, in region: RegionID, _ absorbed: [OperationID: [ValueID]],
    indent: String
  ) -> [String] {
    let graph = facts.graph
    func line(_ value: ValueID, _ what: String) -> String {
      "\(indent)\(what)\(graph.places(of: value).comment)"
    }
    if case .scan(let id) = cluster.kind, case .scan(let scan) = graph[id].kind {
      let (layout, results) = (loops[facts.views.loopNumbers[id]!], graph[id].results)
      let stacked = Set(layout.carries.flatMap(\.results))
      let carries = layout.carries.enumerated().map { result, carry in
        let argument = graph[scan.body].arguments[scan.invariants + result]
        return line(argument, "carry \(argument) from result \(result) \(carry.text(results))")
      }
      let others = results.indices.dropFirst(scan.carries).filter { !stacked.contains($0) }
      return carries + others.map { line(results[$0], "result \($0) is a part of \(results[$0])") }
        + lines(of: scan.body, indent: indent)
    }
    var lines: [String] = []
    if case .reduce(let id) = cluster.kind {
      lines += absorbed[id, default: []].map { line($0, "\(operation($0)), for this reduction alone") }
    }
    lines += cluster.values.map { value in
      let parts =
        clusterings[region]!.groups[value].map { $0 == 1 ? "" : ", in \($0) groups of columns" } ?? ""
      return line(value, operation(value) + parts + ", " + place(value, in: region))
    }
    return lines
      + cluster.copies.map { line($0, "store \($0) \(text($1, cluster: number, in: region))") }
  }

  private func operation(_ value: ValueID) -> String {
    facts.graph.definingOperation(value).map { facts.graph.description(of: $0) } ?? value.description
  }

  /// Where a value that is computed in a cluster is, and what for.
  private func place(_ value: ValueID, in region: RegionID) -> String {
    guard let reason = placements[region]!.reasons[value] else { return "in a register" }
    let clustering = clusterings[region]!
    let destinations = clustering.destinations[value, default: []].map {
      text($0, cluster: clustering.home[value], in: region)
    }
    let place = destinations.isEmpty ? "in memory" : destinations.joined(separator: " and ")
    guard let reader = facts.needed[value] ?? reason else { return place }
    let results = facts.graph[reader].results.map(\.description).joined(separator: ", ")
    return "\(place), \(facts.needed[value] == nil ? "read by" : "needed there by") \(results)"
  }

  /// Where a cluster stores something.
  private func text(_ destination: Destination, cluster: Int?, in region: RegionID) -> String {
    switch destination {
    case .result(let number, _): return "in \(region == .entry ? "output" : "result") \(number)"
    case .part(let whole, let axis, let start): return "in \(whole) from \(start) along axis \(axis)"
    case .flat(let whole): return "in \(whole), in order"
    case .zeros(let whole): return "as zeros in \(whole)"
    case .replacement(let input):
      let isLast = clusterings[region]!.isLastReader(cluster, of: input)
      return "over \(input)" + (isLast ? "" : " at the end, as it is still read")
    }
  }
}

extension Cluster {
  /// What it is, and why it begins.
  fileprivate func header(_ graph: Graph, _ views: Views) -> String {
    let shape = "over [\(domain.map(\.description).joined(separator: ", "))]"
    let reason =
      switch split {
      case nil: ""
      case .behind(let number): ", behind cluster \(number)"
      case .full: ", as those before are full"
      }
    switch kind {
    case .pointwise: return "\(dot == nil ? "map" : "product") \(shape)\(reason) {"
    case .reduce: return "reduce \(shape) {"
    case .scatter: return "scatter_add \(shape) {"
    case .sweep: return "sweep \(shape) {"
    case .scan(let id):
      guard case .scan(let scan) = graph[id].kind else { return "" }
      let direction = scan.isReversed ? "down from" : "up to"
      return
        "loop t\(views.loopNumbers[id]!) \(direction) \(scan.steps.planText) {\(graph[id].places.comment)"
    }
  }
}

extension LoopLayout.Carry {
  fileprivate func text(_ values: [ValueID]) -> String {
    func list(_ results: [Int]) -> String { results.map { values[$0].description }.joined(separator: ", ") }
    switch self {
    case .stack(let results):
      return "in a stack" + (results.isEmpty ? "" : ", which holds \(list(results))")
    case .slots(let count, let results):
      return (count == 1 ? "in one place" : "in two places by turns")
        + (results.isEmpty ? "" : ", besides \(list(results))")
    }
  }
}
