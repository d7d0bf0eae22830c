import RNNGraph

extension Plan {
  /// Gives every buffer of the arena its lifetime and offset.
  ///
  /// Positions are counted in phases: what lies between two barriers of the outermost order, a step each if there is
  /// one thread. What is prepared lives throughout. A buffer that a loop touches lives as long as the whole loop; but a
  /// segment is a small program of its own, and what only its steps touch lives from the first of them to the last.
  /// Buffers whose sizes depend on symbols in the same way share a part of the arena, so that offsets in it are
  /// multiples of the same number.
  public mutating func layOutArena() {
    var phase = 0
    findLifetimes(steps, countTouches(kernels), &phase)
    // What is prepared is read by later calls, too.
    if hasPreparation {
      for kernel in steps[0].kernels {
        for access in kernel.accesses where access.writes { self[access.buffer].lifetime = 0...phase }
      }
    }
    var parts: [[[Symbol]: Int]: [Int]] = [:]
    for (i, buffer) in buffers.enumerated() where buffer.place == .arena && buffer.lifetime != nil {
      parts[buffer.byteCount.terms.mapValues { _ in 1 }, default: []].append(i)
    }
    var total = Size(0)
    // What has a size of its own comes first, so that it lies in one place whatever the numbers of steps.
    func rank(_ key: [[Symbol]: Int]) -> (Int, String) {
      (key.keys.reduce(0) { $0 + $1.count }, "\(key.keys.sorted { "\($0)" < "\($1)" })")
    }
    let order = parts.keys.sorted { rank($0) < rank($1) }
    for key in order {
      // One unit of the part is the sum of the products of symbols; a buffer takes its largest factor of units.
      let unit = key.keys.reduce(Size(0)) { $0 + $1.reduce(1) { $0 * Size($1) } }
      total = total + pack(parts[key]!, base: total, unit: unit)
    }
    arenaBytes = total
  }

  /// Counts phases from `phase` on, and makes every buffer live in those in which a kernel touches it.
  private mutating func findLifetimes(
    _ steps: [Step], _ touches: [BufferID: Int], _ phase: inout Int
  ) {
    for step in steps {
      switch step {
      case .barrier:
        phase += 1
        continue
      case .loop(let loop) where loop.segments != nil:
        let first = phase
        findLifetimes(loop.body, touches, &phase)
        // What comes from outside, or from the segment before, is there all the time.
        let touched = Set(loop.body.flatMap(\.kernels).flatMap(\.accesses).map(\.buffer))
        for id in touched.subtracting(ownBuffers(of: loop, touches)) where self[id].place == .arena {
          self[id].lifetime = Swift.min(self[id].lifetime?.lowerBound ?? first, first)...phase
        }
      case .kernel, .loop, .preparation:
        for kernel in step.kernels {
          for access in kernel.accesses where self[access.buffer].place == .arena {
            let first = self[access.buffer].lifetime?.lowerBound ?? phase
            self[access.buffer].lifetime = first...phase
          }
        }
      }
      if threads == 1 { phase += 1 }
    }
  }

  /// The buffers that only one loop touches, and every step of it writes first.
  ///
  /// - Parameter touches: how often the whole plan touches each buffer.
  private func ownBuffers(of loop: Loop, _ touches: [BufferID: Int]) -> Set<BufferID> {
    let inside = countTouches(loop.body.flatMap(\.kernels))
    var own = Set(inside.filter { touches[$0.key] == $0.value }.keys)
    var written: Set<BufferID> = []
    for kernel in loop.body.flatMap(\.kernels) {
      for access in kernel.accesses where !access.writes && !written.contains(access.buffer) {
        own.remove(access.buffer)
      }
      written.formUnion(kernel.accesses.filter(\.writes).map(\.buffer))
    }
    return own
  }

  private func countTouches(_ kernels: [Kernel]) -> [BufferID: Int] {
    kernels.flatMap(\.accesses).reduce(into: [:]) { $0[$1.buffer, default: 0] += 1 }
  }

  /// First fit, the largest first; gives the bytes in use.
  ///
  /// So that the search does not take quadratic time, it is among a limited number of buffers: those beyond it begin
  /// anew on top of all that are placed.
  private mutating func pack(_ members: [Int], base: Size, unit: Size) -> Size {
    let units = Dictionary(
      uniqueKeysWithValues: members.map { ($0, buffers[$0].byteCount.terms.values.max() ?? 0) })
    // By where they begin.
    var placed: [(range: Range<Int>, lifetime: ClosedRange<Int>)] = []
    var (bottom, extent) = (0, 0)
    var starts: [Int: Int] = [:]
    for i in members.sorted(by: { (units[$0]!, $1) > (units[$1]!, $0) }) {
      let lifetime = buffers[i].lifetime!
      let size = max(units[i]!, 1)
      if placed.count == Self.searchLimit { (placed, bottom) = ([], extent) }
      var start = bottom
      for other in placed where other.lifetime.overlaps(lifetime) {
        if start + size <= other.range.lowerBound { break }
        start = max(start, other.range.upperBound)
      }
      var (low, high) = (0, placed.count)
      while low < high {
        let middle = (low + high) / 2
        if placed[middle].range.lowerBound <= start { low = middle + 1 } else { high = middle }
      }
      placed.insert((start..<(start + size), lifetime), at: low)
      starts[i] = start
      extent = max(extent, start + size)
    }
    // Note [Staggering]: buffers are often as large as a multiple of a page, and a loop that walks through a dozen of
    // them would meet them all in the same few sets of L1. So each lies some lines further than the one
    // before it in memory. Whatever follows a buffer moves at least as far as that, so none comes to overlap.
    let places = Set(starts.values).sorted()
    let ranks = Dictionary(uniqueKeysWithValues: places.enumerated().map { ($1, $0) })
    for (i, start) in starts {
      buffers[i].offset = base + unit * Size(start) + Size(ranks[start]! * Self.stagger)
    }
    extent = (extent + Buffer.alignment - 1) / Buffer.alignment * Buffer.alignment
    return unit * Size(extent) + Size(places.count * Self.stagger)
  }

  /// Bytes: an odd number of cache lines, so that all sets have their turn.
  private static let stagger = 5 * Buffer.alignment

  /// How many buffers the place of another one is looked for among.
  private static let searchLimit = 2048
}
