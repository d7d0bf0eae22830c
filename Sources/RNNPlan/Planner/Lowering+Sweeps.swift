import RNNGraph

extension Lowering {
  /// One kernel that goes over the rows of matrices.
  mutating func lowerSweep(_ number: Int, _ sweep: SweepGroup, _ scope: Scope) -> [Step] {
    let examples = sweep.domain.firstIndex(of: .batch)
    var builder = KernelBuilder(
      views, cluster: (scope.clustering, number), sweep: sweep, examples: examples)
    var stores: [Store] = []
    var late: [LateCopy] = []
    for value in scope.clustering.clusters[number].values {
      let places = storedPlaces(of: value, scope, &late)
      if places.isEmpty { continue }
      let map = sweep.map(sweep.roles[value]!)
      let instruction = builder.emit(value, map, &memory)
      stores += places.map { Store(access: $0.access(map, isOwned: examples != nil), value: instruction) }
    }
    lateCopies += late.map(copy)
    if stores.isEmpty { return [] }
    let targets = stores.prefix(2).map { memory.buffers[$0.access.buffer.index].name }
    let kernel = Kernel(
      name: "sweep_" + targets.joined(separator: "_"), domain: sweep.domain.map(views.extent), kind: .sweep,
      body: builder.body, stores: stores, examples: examples, places: KernelPlaces(body: builder.places))
    return steps(.kernel(kernel))
  }
}
