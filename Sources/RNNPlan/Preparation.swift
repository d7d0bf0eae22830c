import RNNGraph

extension Plan {
  /// Moves what depends on some inputs only, such as packed weights, into a step that later calls leave out.
  ///
  /// - Parameter stable: inputs that are the same in many calls.
  mutating func prepare(from stable: Set<BufferID>) {
    var writers: [BufferID: Set<Int>] = [:]
    for (i, step) in steps.enumerated() {
      for access in step.kernels.flatMap(\.accesses) where access.writes {
        writers[access.buffer, default: []].insert(i)
      }
    }
    var chosen = Set(steps.indices.filter { isPreparable(steps[$0]) })
    // A step stays only while all that writes what it reads or writes does; each round may free no more than it drops.
    var hasChanged = true
    while hasChanged {
      hasChanged = false
      for i in chosen {
        let isKept = steps[i].kernels.flatMap(\.accesses).allSatisfy { access in
          let others = writers[access.buffer] ?? []
          if access.writes { return others.isSubset(of: chosen) }
          return stable.contains(access.buffer)
            || !others.isEmpty && others.allSatisfy { $0 <= i && chosen.contains($0) }
        }
        if !isKept {
          chosen.remove(i)
          hasChanged = true
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
