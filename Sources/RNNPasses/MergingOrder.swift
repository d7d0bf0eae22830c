import RNNGraph

/// Which operations of a region can be done at once, when some groups of them already are.
///
/// An operation waits for what it reads, and the members of a group wait for what any of them reads.
final class MergingOrder {
  private let graph: Graph
  private let users: [[OperationID]]
  private var place: [OperationID: Int] = [:]
  private var groups: [[OperationID]] = []
  /// The group of each operation that belongs to one.
  private var group: [OperationID: Int] = [:]
  /// Blocks of neighbouring places. The places that a group spans are in one block, so nothing in a block waits for an
  /// operation of a later block.
  private var blocks: Blocks
  /// How many more operations may be looked at: bounds the time that groups far apart take.
  private var budget: Int

  /// - Parameter users: the operations that read each value of the graph.
  init(_ region: RegionID, in graph: Graph, users: [[OperationID]]) {
    self.graph = graph
    self.users = users
    let operations = graph[region].operations
    for (i, id) in operations.enumerated() { place[id] = i }
    blocks = Blocks(count: operations.count)
    budget = 100_000 + 100 * operations.count
  }

  /// Notes that the members of a group are done at once.
  func merge(_ members: [OperationID]) {
    for id in members { group[id] = groups.count }
    groups.append(members)
    let places = members.map { place[$0]! }
    if let first = places.min(), let last = places.max() { blocks.join(first...last) }
  }

  /// The members of `candidates` that can be done at once, in their order. Where one waits for another, directly or not, the
  /// earlier one is taken.
  func independent(_ candidates: [OperationID]) -> [OperationID] {
    let places = candidates.map { place[$0]! }
    guard let first = places.min(), let last = places.max() else { return [] }
    let range = blocks[first].lowerBound...blocks[last].upperBound
    var kept: [OperationID] = []
    var later: Set<OperationID> = []
    var earlier: Set<OperationID> = []
    for id in candidates.sorted() where !later.contains(id) && !earlier.contains(id) {
      kept.append(id)
      spread(from: id, within: range, &later) { graph[$0].results.flatMap { users[$0.index] } }
      spread(from: id, within: range, &earlier) { graph[$0].operands.compactMap(graph.definingOperation) }
      if budget < 0 { return [] }
    }
    return kept
  }

  /// Adds what is reached from an operation, and with a member of a group all of the group.
  private func spread(
    from start: OperationID, within range: ClosedRange<Int>, _ found: inout Set<OperationID>,
    _ next: (OperationID) -> [OperationID]
  ) {
    var work = [start]
    while let id = work.popLast(), budget >= 0 {
      budget -= 1
      for neighbour in next(id) where range.contains(place[neighbour]!) {
        for member in group[neighbour].map({ groups[$0] }) ?? [neighbour]
        where found.insert(member).inserted {
          work.append(member)
        }
      }
    }
  }
}

/// Ranges of numbers that grow together.
private struct Blocks {
  /// A smaller member of the same block; the smallest is its own.
  private var parents: [Int]
  /// The largest member, by the smallest.
  private var ends: [Int]

  init(count: Int) {
    parents = Array(0..<count)
    ends = parents
  }

  /// The block of a number.
  subscript(number: Int) -> ClosedRange<Int> {
    mutating get {
      var number = number
      while parents[number] != number {
        parents[number] = parents[parents[number]]
        number = parents[number]
      }
      return number...ends[number]
    }
  }

  /// Makes a range part of one block.
  mutating func join(_ range: ClosedRange<Int>) {
    var block = self[range.lowerBound]
    while block.upperBound < range.upperBound {
      let next = self[block.upperBound + 1]
      parents[next.lowerBound] = block.lowerBound
      ends[block.lowerBound] = next.upperBound
      block = block.lowerBound...next.upperBound
    }
  }
}
