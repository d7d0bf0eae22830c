import RNNGraph

/// Groups the operations of a region.
///
/// Each operation joins the first group that runs over the same domain and does not come before a group that it
/// depends on; where there is none, it starts one at the end. What depends on no group joins its first reader's: it
/// would be stored for it anywhere else. See note [Bounded kernels].
struct ClusterBuilder {
  let facts: ValueFacts
  let region: RegionID
  /// What the region hands out.
  let results: Set<ValueID>
  private(set) var clusters: [Cluster] = []
  /// The pointwise clusters by domain.
  private var rows: [[Dimension]: Row] = [:]
  /// See `Clustering`.
  private(set) var home: [ValueID: Int] = [:]
  var completion: [ValueID: Int] = [:]
  var absorbed: [ValueID: OperationID] = [:]
  var destinations: [ValueID: [Destination]] = [:]
  var groups: [ValueID: Int] = [:]
  /// Elementwise values that nothing computed in the region enters: they are computed where they are first read.
  var postponed: Set<ValueID> = []
  /// The first cluster that can compute an absorbed value.
  var readiness: [ValueID: Int] = [:]

  // Note [Bounded kernels]: LLVM takes longer than in proportion for a long function, and a kernel has a function. So a
  // cluster takes no more when its code is long, and what would have joined it starts the next one. A value that is read
  // there is stored: it is computed once. What is computed by each kernel that reads it, be it absorbed by a reduction or
  // postponed, is bounded as well.

  /// The weight from which on a cluster takes no more: much more than the equations of a cell have.
  static let limit = 768

  var graph: Graph { facts.graph }
  var views: Views { facts.views }

  /// The clusters of a region whose results are wanted somewhere, or nowhere.
  static func clustering(of region: RegionID, results: [Destination?], _ facts: ValueFacts) -> Clustering {
    let graph = facts.graph
    var builder = ClusterBuilder(facts: facts, region: region, results: Set(graph[region].results))
    let operations = facts.sweeps.ordered(graph[region].operations, facts.views)
    builder.findAbsorbed(operations)
    builder.findPostponed(operations)
    for id in operations where !graph[id].results.contains(where: builder.postponed.contains) {
      builder.assignOperands(of: id)
      builder.assign(id)
    }
    for (value, destination) in zip(graph[region].results, results) {
      builder.assignPostponed(value)
      if let destination { builder.store(value, to: destination) }
    }
    return Clustering(
      clusters: builder.clusters, home: builder.home, completion: builder.completion,
      absorbed: builder.absorbed, destinations: builder.destinations, groups: builder.groups,
      outputs: builder.outputs(), replaceable: builder.replaceable(results))
  }

  /// Values that are stored as they are in outputs of the program.
  private func outputs() -> [ValueID: Int] {
    var outputs: [ValueID: Int] = [:]
    for case (let value, .result(let number, isOutput: true)) in clusters.lazy.flatMap(\.copies) {
      let view = views(value)
      if view.isIdentity, graph.type(value) == graph.type(view.base), outputs[view.base] == nil {
        outputs[view.base] = number
      }
    }
    return outputs
  }

  /// For inputs that some results replace, the first cluster that may do so.
  private func replaceable(_ results: [Destination?]) -> [ValueID: Int] {
    var first: [ValueID: Int] = [:]
    for case .replacement(let input)? in results { first[input] = 0 }
    if first.isEmpty { return first }
    func read(_ input: ValueID, upTo cluster: Int) {
      if let known = first[input] { first[input] = max(known, cluster) }
    }
    for operation in graph[region].operations.lazy.map({ graph[$0] }) where !facts.isPlainView(operation) {
      let reader = operation.results.compactMap { home[$0] ?? completion[$0] }.max()
      for operand in operation.operands {
        let view = views(operand)
        for base in Set(views.bases(operand)) {
          let isInPlace =
            view.base == base && view.isIdentity && operation.kind.isElementwise
            && reader.map { clusters[$0].domain } == graph.type(base).shape
          read(base, upTo: reader.map { isInPlace ? $0 : $0 + 1 } ?? Int.max)
        }
      }
    }
    for (number, cluster) in clusters.enumerated() {
      for (value, _) in cluster.copies {
        for base in views.bases(value) { read(base, upTo: number + 1) }
      }
    }
    return first
  }
}

extension ClusterBuilder {
  /// The first cluster, from a number on, that works element by element over a domain and takes more; a new one at the
  /// end if there is none.
  mutating func pointwise(_ domain: [Dimension], from first: Int) -> Int {
    rows[domain]?.first(from: first) ?? appendPointwise(domain, from: first)
  }

  /// The same without a product, which then joins it.
  mutating func pointwise(_ domain: [Dimension], from first: Int, joining dot: OperationID, of value: ValueID)
  {
    let number = rows[domain]?.firstWithoutProduct(from: first) ?? appendPointwise(domain, from: first)
    clusters[number].dot = dot
    clusters[number].values.insert(value, at: 0)
    rows[domain]?.close(number, forProducts: true)
    home[value] = number
    add(1, to: number)
  }

  private mutating func appendPointwise(_ domain: [Dimension], from first: Int) -> Int {
    let split: Cluster.Split? = rows[domain].map { $0.last < first ? .behind(first - 1) : .full }
    rows[domain, default: Row()].append(clusters.count)
    clusters.append(Cluster(kind: .pointwise, domain: domain, split: split))
    return clusters.count - 1
  }

  /// Adds a cluster of another kind at the end, which computes some values.
  mutating func append(
    _ kind: Cluster.Kind, _ domain: [Dimension], after first: Int, computing values: [ValueID]
  ) {
    precondition(first <= clusters.count, "a cluster waits for one that does not exist")
    for value in values { home[value] = clusters.count }
    clusters.append(Cluster(kind: kind, domain: domain, split: nil, values: values))
  }

  /// Has a pointwise cluster compute a value.
  mutating func compute(_ value: ValueID, weight: Int, in number: Int) {
    clusters[number].values.append(value)
    home[value] = number
    add(weight, to: number)
  }

  /// Has a pointwise cluster store a value that it does not compute, or that is computed anywhere.
  mutating func copy(_ value: ValueID, to destination: Destination, in number: Int) {
    clusters[number].copies.append((value, destination))
    add(8, to: number)
  }

  private mutating func add(_ weight: Int, to number: Int) {
    clusters[number].weight += weight
    if clusters[number].weight >= Self.limit { rows[clusters[number].domain]?.close(number) }
  }
}

/// The clusters over one domain, in order, and which of them take more.
private struct Row {
  private var numbers: [Int] = []
  /// The last one.
  var last: Int { numbers[numbers.count - 1] }
  private var open = Skips()
  private var openForProducts = Skips()

  mutating func append(_ number: Int) {
    numbers.append(number)
    open.append()
    openForProducts.append()
  }

  /// The first cluster, from a number on, that takes more.
  mutating func first(from number: Int) -> Int? {
    open.first(from: place(number)).map { numbers[$0] }
  }

  /// The same without a product.
  mutating func firstWithoutProduct(from number: Int) -> Int? {
    openForProducts.first(from: place(number)).map { numbers[$0] }
  }

  mutating func close(_ number: Int, forProducts: Bool = false) {
    openForProducts.remove(place(number))
    if !forProducts { open.remove(place(number)) }
  }

  /// The first place with a number or a larger one.
  private func place(_ number: Int) -> Int {
    var (low, high) = (0, numbers.count)
    while low < high {
      let middle = (low + high) / 2
      if numbers[middle] < number { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// Places of which some are removed, and the next one that is not.
private struct Skips {
  /// A place itself, or a later one in front of which all are removed.
  private var next: [Int] = []

  mutating func append() { next.append(next.count) }

  mutating func remove(_ place: Int) { if next[place] == place { next[place] = place + 1 } }

  mutating func first(from place: Int) -> Int? {
    var place = place
    while place < next.count, next[place] != place {
      if next[place] < next.count { next[place] = next[next[place]] }
      place = next[place]
    }
    return place < next.count ? place : nil
  }
}
