import RNNGraph

extension Graph {
  /// Sizes for a graph that works in segments, of which none has more steps than `longest`.
  public func sizes(_ sizes: [Symbol: Int], segmentsOf longest: Int) -> [Symbol: Int] {
    var all = sizes
    for id in reachableRegions.flatMap({ self[$0].operations }) {
      guard case .scan(let scan) = self[id].kind, let segments = scan.segments else { continue }
      all[segments.longest] = longest
      all[scan.steps] = Segments.count(of: sizes[segments.whole] ?? 0, longest: longest)
    }
    return all
  }
}
