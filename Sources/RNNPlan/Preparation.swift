import RNNGraph

extension Plan {
  /// Moves what depends on stable inputs and the numbers of the program only, such as packed weights, into a step that later calls leave out.
  public mutating func prepare() {
    let stable = stableBuffers
    var lastWriters: [BufferID: Int] = [:]
    for (i, step) in steps.enumerated() {
      for access in step.kernels.flatMap(\.accesses) where access.writes { lastWriters[access.buffer] = i }
    }
    var chosen = Set(steps.indices.filter { isPreparable(steps[$0]) })
    // A step stays only while all that writes what it reads or writes does.
    var dropped: [Int] = []
    var users: [BufferID: [Int]] = [:]
    for i in steps.indices {
      for access in steps[i].kernels.flatMap(\.accesses) where !stable.contains(access.buffer) {
        users[access.buffer, default: []].append(i)
        let isReady = access.writes || lastWriters[access.buffer].map { $0 <= i } ?? false
        if !isReady { chosen.remove(i) }
      }
      if !chosen.contains(i) { dropped.append(i) }
    }
    while let i = dropped.popLast() {
      for access in steps[i].kernels.flatMap(\.accesses) where access.writes {
        for user in users.removeValue(forKey: access.buffer) ?? [] where chosen.remove(user) != nil {
          dropped.append(user)
        }
      }
    }
    if chosen.isEmpty { return }
    let prepared = chosen.sorted().map { steps[$0] }
    steps = [.preparation(prepared)] + steps.indices.filter { !chosen.contains($0) }.map { steps[$0] }
  }

  /// Whether a step fills memory of the arena whose place and size are the same whatever the numbers of steps.
  private func isPreparable(_ step: Step) -> Bool {
    guard case .kernel(let kernel) = step else { return false }
    return kernel.domain.allSatisfy { $0.constant != nil }
      && kernel.accesses.allSatisfy { access in
        !access.writes || self[access.buffer].place == .arena && self[access.buffer].count.constant != nil
      }
      && kernel.body.allSatisfy { instruction in
        if case .size(let size, _) = instruction { size.constant != nil } else { true }
      }
  }
}
