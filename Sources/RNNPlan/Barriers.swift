import RNNGraph

/// How a step touches a buffer.
private struct Touch: Hashable {
  var writes: Bool
  /// Where every thread keeps to its own examples, the distance of two examples; nil elsewhere.
  var ownedStride: Size?
  /// Whether the first thread does it all.
  var isSingle: Bool

  func conflicts(with other: Touch) -> Bool {
    (writes || other.writes) && !(isSingle && other.isSingle)
      && (ownedStride == nil || ownedStride != other.ownedStride)
  }
}

/// How some steps touch buffers.
private struct Touches {
  private(set) var byBuffer: [BufferID: Set<Touch>] = [:]

  init() {}

  init(of steps: [Step]) {
    for step in steps {
      for kernel in step.kernels {
        for access in kernel.accesses {
          byBuffer[access.buffer, default: []].insert(
            Touch(
              writes: access.writes, ownedStride: access.ownedStride, isSingle: kernel.split == .none))
        }
      }
    }
  }

  /// The buffers that these and others touch in ways that conflict.
  func conflicts(with others: Touches) -> [BufferID] {
    byBuffer.keys.filter { buffer in
      byBuffer[buffer]!.contains { touch in
        others.byBuffer[buffer]?.contains { touch.conflicts(with: $0) } ?? false
      }
    }
  }

  mutating func add(_ others: Touches) {
    for (buffer, touches) in others.byBuffer { byBuffer[buffer, default: []].formUnion(touches) }
  }
}

extension Kernel {
  /// The buffers that are read and written; where each thread keeps to its own examples, with their distance.
  public var accesses: [(buffer: BufferID, writes: Bool, ownedStride: Size?)] {
    func owned(_ access: Access) -> Size? {
      if case .batch(let axis) = split, access.isOwned { access.index.factor(ofAxis: axis) } else { nil }
    }
    var found = loads.map { (buffer: $0.buffer, writes: false, ownedStride: owned($0)) }
    if let product {
      found += [product.lhs.access, product.rhs.access].map { ($0.buffer, false, owned($0)) }
      if let blocks = product.blocks {
        found += [blocks.copies, blocks.partial].compactMap { $0 }.map { ($0, true, nil) }
      }
    }
    if let start { found.append((start.buffer, false, owned(start))) }
    return found + stores.map { ($0.access.buffer, true, owned($0.access)) }
  }
}

extension Plan {
  /// Puts a barrier wherever one thread may touch what another has written, or writes over what another reads.
  public mutating func insertBarriers() {
    if threads == 1 { return }
    steps = Self.separated(steps, isLoop: false)
  }

  private static func separated(_ steps: [Step], isLoop: Bool) -> [Step] {
    var result: [Step] = []
    var open = Touches()
    var hasBarrier = false
    for step in steps {
      var step = step
      if case .preparation(let inner) = step {
        // There is a barrier behind it only if it has been done.
        result.append(.preparation(separated(inner, isLoop: false) + [.barrier]))
        continue
      }
      if case .loop(var loop) = step {
        loop.body = separated(loop.body, isLoop: true)
        step = .loop(loop)
      }
      let touches = Touches(of: [step])
      if !touches.conflicts(with: open).isEmpty {
        result.append(.barrier)
        hasBarrier = true
        open = Touches()
      }
      result.append(step)
      // A loop has one iteration at least, and if that ends with a barrier, there is none needed behind the loop.
      if step.endsWithBarrier { open = Touches() } else { open.add(touches) }
    }
    // In a loop, the next iteration follows the last step.
    let all = Touches(of: isLoop ? steps : [])
    if isLoop, hasBarrier || !all.conflicts(with: all).isEmpty { result.append(.barrier) }
    return result
  }

  /// Steps that touch one buffer in a way that needs a barrier where there is none, in the outermost order and in loops.
  func unseparatedSteps() -> [String] { Self.unseparated(steps, isLoop: false) }

  private static func unseparated(_ steps: [Step], isLoop: Bool) -> [String] {
    var found: [String] = []
    // What follows the last step of a loop is its first one.
    let order = isLoop ? steps + steps : steps
    var open = Touches()
    for step in order {
      if case .barrier = step {
        open = Touches()
        continue
      }
      if case .loop(let loop) = step { found += unseparated(loop.body, isLoop: true) }
      if case .preparation(let inner) = step {
        found += unseparated(inner, isLoop: false)
        if case .barrier? = inner.last {
          open = Touches()
        } else {
          found.append("no barrier behind what is prepared")
        }
        continue
      }
      let now = Touches(of: [step])
      for buffer in now.conflicts(with: open) {
        found.append(
          "no barrier in front of \(step.kernels.first?.name ?? "a loop"), which touches \(buffer)")
      }
      if step.endsWithBarrier { open = Touches() } else { open.add(now) }
    }
    return found
  }
}

extension Step {
  /// Whether this is a loop whose iterations end with a barrier.
  fileprivate var endsWithBarrier: Bool {
    if case .loop(let loop) = self, case .barrier? = loop.body.last { true } else { false }
  }
}
