import RNNGraph

extension Plan {
  /// The loops over segments.
  private var segmentLoops: [(count: Symbol, segments: Segments)] {
    var found: [Symbol: Segments] = [:]
    for loop in steps.flatMap(\.loops) { if let segments = loop.segments { found[loop.steps] = segments } }
    return found.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// Sizes with the lengths and numbers of segments: the longest segments with which the arena takes no more than some
  /// bytes, or those with which it takes least if there are none.
  ///
  /// Long segments are better: their products are larger. All sequences are cut into as many segments.
  public func segmented(_ sizes: [Symbol: Int], within limit: Int) -> [Symbol: Int] {
    let loops = segmentLoops
    let longest = loops.map { sizes[$0.segments.whole] ?? 0 }.max() ?? 0
    var best: (sizes: [Symbol: Int], bytes: Int)?
    var number = 1
    while true {
      let candidate = segmented(sizes, loops, into: number)
      let bytes = arenaBytes.evaluate(candidate)
      if bytes <= limit { return candidate }
      if bytes < best?.bytes ?? .max { best = (candidate, bytes) }
      // The least number with which the segments of the longest sequence are shorter by a step at least.
      let length = Swift.max(1, (longest + number - 1) / number)
      if length == 1 { return best?.sizes ?? candidate }
      number = (longest + length - 2) / (length - 1)
    }
  }

  private func segmented(
    _ sizes: [Symbol: Int], _ loops: [(count: Symbol, segments: Segments)], into number: Int
  ) -> [Symbol: Int] {
    var sizes = sizes
    for (count, segments) in loops {
      let whole = sizes[segments.whole] ?? 0
      let longest = Swift.max(1, (whole + number - 1) / number)
      sizes[segments.longest] = longest
      sizes[count] = Segments.count(of: whole, longest: longest)
    }
    return sizes
  }
}
