import RNNGraph

extension Lowering {
  /// One kernel that goes over the rows of matrices.
  mutating func lowerSweep(_ number: Int, _ sweep: SweepGroup, _ scope: Scope) -> [Step] {
    let clustering = scope.clustering
    let examples = sweep.domain.firstIndex(of: .batch)
    var builder = KernelBuilder(views, cluster: (clustering, number), sweep: sweep, examples: examples)
    var stores: [Store] = []
    for value in clustering.clusters[number].values {
      guard let primary = memory[value] else { continue }
      var places: [Storage] = []
      for destination in clustering.destinations[value] ?? [] {
        if let place = storage(destination, of: value, scope) {
          places.append(place)
        } else if case .replacement(let input) = destination {
          lateCopies.append(copy(primary, to: memory[input]!, of: value))
        }
      }
      let map = sweep.map(sweep.roles[value]!)
      let instruction = builder.emit(value, map, &memory)
      stores += (places.isEmpty ? [primary] : places).map {
        Store(access: $0.access(map, isOwned: examples != nil), value: instruction)
      }
    }
    if stores.isEmpty { return [] }
    let targets = stores.prefix(2).map { memory.buffers[$0.access.buffer.index].name }
    return steps(
      .kernel(
        Kernel(
          name: "sweep_" + targets.joined(separator: "_"), domain: sweep.domain.map(views.extent),
          kind: .sweep,
          body: builder.body, stores: stores, examples: examples, places: KernelPlaces(body: builder.places)))
    )
  }
}
