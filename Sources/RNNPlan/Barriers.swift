import RNNGraph

/// How a step touches a buffer.
private struct Touch {
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

extension Kernel {
  /// The buffers that are read and written; where each thread keeps to its own examples, with their distance.
  var accesses: [(buffer: BufferID, writes: Bool, ownedStride: Size?)] {
    func owned(_ access: Access) -> Size? {
      if case .batch(let axis) = split, access.isOwned { access.index.factor(ofAxis: axis) } else { nil }
    }
    var found = body.compactMap { instruction -> (buffer: BufferID, writes: Bool, ownedStride: Size?)? in
      switch instruction {
      case .load(let access), .loadRow(let access, _, _): (access.buffer, false, owned(access))
      case .constant, .size, .index, .accumulator, .random, .unary, .binary, .compare, .select, .convert: nil
      }
    }
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
  mutating func insertBarriers() {
    if threads == 1 { return }
    steps = Self.separated(steps, isLoop: false)
  }

  private static func separated(_ steps: [Step], isLoop: Bool) -> [Step] {
    var result: [Step] = []
    var open: [(BufferID, Touch)] = []
    var hasBarrier = false
    for step in steps {
      var step = step
      if case .preparation(let inner) = step {
        // The threads meet behind it only if it has been done.
        result.append(.preparation(separated(inner, isLoop: false) + [.barrier]))
        continue
      }
      if case .loop(var loop) = step {
        loop.body = separated(loop.body, isLoop: true)
        step = .loop(loop)
      }
      let touches = touches(step)
      if touches.contains(where: { touch in open.contains { $0.0 == touch.0 && $0.1.conflicts(with: touch.1) }
      }) {
        result.append(.barrier)
        hasBarrier = true
        open = []
      }
      result.append(step)
      // A loop has one iteration at least, and if that ends with a meeting, there is none needed behind the loop.
      open = step.endsWithBarrier ? [] : open + touches
    }
    // In a loop, the next iteration follows the last step.
    if isLoop, hasBarrier || conflictsWithItself(steps) { result.append(.barrier) }
    return result
  }

  private static func conflictsWithItself(_ steps: [Step]) -> Bool {
    let all = steps.flatMap(touches)
    return all.contains { a in all.contains { a.0 == $0.0 && a.1.conflicts(with: $0.1) } }
  }

  /// Steps that touch one buffer in a way that needs a barrier where there is none, in the outermost order and in loops.
  func unseparatedSteps() -> [String] { Self.unseparated(steps, isLoop: false) }

  private static func unseparated(_ steps: [Step], isLoop: Bool) -> [String] {
    var found: [String] = []
    // What follows the last step of a loop is its first one.
    let order = isLoop ? steps + steps : steps
    var open: [(BufferID, Touch)] = []
    for step in order {
      if case .barrier = step {
        open = []
        continue
      }
      if case .loop(let loop) = step { found += unseparated(loop.body, isLoop: true) }
      if case .preparation(let inner) = step {
        found += unseparated(inner, isLoop: false)
        if case .barrier? = inner.last {
          open = []
        } else {
          found.append("no barrier behind what is prepared")
        }
        continue
      }
      let now = touches(step)
      for (buffer, touch) in now where open.contains(where: { $0.0 == buffer && $0.1.conflicts(with: touch) })
      {
        found.append(
          "no barrier in front of \(step.kernels.first?.name ?? "a loop"), which touches \(buffer)")
      }
      open = step.endsWithBarrier ? [] : open + now
    }
    return found
  }

  private static func touches(_ step: Step) -> [(BufferID, Touch)] {
    step.kernels.flatMap { kernel in
      kernel.accesses.map {
        ($0.buffer, Touch(writes: $0.writes, ownedStride: $0.ownedStride, isSingle: kernel.split == .none))
      }
    }
  }
}

extension Step {
  /// Whether this is a loop whose iterations end with a barrier.
  fileprivate var endsWithBarrier: Bool {
    if case .loop(let loop) = self, case .barrier? = loop.body.last { true } else { false }
  }
}
