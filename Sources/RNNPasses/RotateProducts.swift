import RNNGraph

// rotate-products: a product at the end of a step moves to the start of the next one.
//
//   scan … carries(%c = 0) {                scan … carries(%x = 0, %y = 0) {
//     %g = … %c …                             %1 = dot %x, %W
//     %1 = dot %g, %W                         %2 = add %1, %y
//     %2 = add %1, %z                         %g = … %2 …
//     yield %2, %g                            yield %g, %z, %g
//   }                                       }
//
// What a step of a backward loop computes from the carry can then be done on the product's sums in registers, as in a
// forward loop, and the product behind the last step, which is seldom wanted, goes. The first step adds a product of
// zeros: so this is for carries that start from zero.

extension Pass {
  static let rotateProducts = Pass(
    name: "rotate-products", summary: "begin a step with the product that ended the one before"
  ) { graph in
    let counts = graph.useCounts()
    return graph.rebuild { rebuilder, id in
      let old = rebuilder.old
      guard let scan = ScanView(id, in: old) else { return false }
      let given = Given(scan)
      let rotations = scan.nexts.indices.compactMap { Rotation($0, of: scan, given, in: old, counts) }
      guard !rotations.isEmpty, var draft = ScanDraft(copying: id, in: rebuilder) else { return false }
      let rotated = Set(rotations.map(\.carry))
      let kept = draft.carries.indices.filter { !rotated.contains($0) }
      var carries = kept.map { draft.carries[$0] }
      var places: [ValueID: Int] = [:]
      for value in rotations.flatMap(\.carried) where places[value] == nil {
        places[value] = carries.count
        let zero = rebuilder.builder.constant(0, old.type(value))
        carries.append(.init(initial: zero, argument: nil, next: value, result: nil))
      }
      draft.carries = carries
      for rotation in rotations {
        let recipe = rotation.next(
          { value in
            places[value].map { ScanDraft.Recipe.carry($0) }
              ?? .invariant(given.invariants[value]!)
          }, { draft.recipe($0, $1) })
        draft.definitions.append((scan.carryArguments[rotation.carry], recipe))
      }
      let finals = rebuilder.emit(draft).carries
      for rotation in rotations where counts[scan.finals[rotation.carry].index] > 0 {
        let final = rotation.next(
          { value in
            places[value].map { finals[$0] }
              ?? draft.invariants[given.invariants[value]!].outer
          }, { rebuilder.builder.add($0, $1)[0] })
        rebuilder.bind(scan.finals[rotation.carry], to: final)
      }
      return true
    }
  }
}

/// What a step of a loop is given.
private struct Given {
  /// The places of the invariants.
  let invariants: [ValueID: Int]
  /// All arguments of the body.
  let arguments: Set<ValueID>

  init(_ scan: ScanView) {
    invariants = Dictionary(uniqueKeysWithValues: scan.invariantArguments.enumerated().map { ($1, $0) })
    arguments = Set(scan.carryArguments + scan.invariantArguments + scan.elements)
  }
}

/// A carry whose next value is a sum with a product in it.
private struct Rotation {
  let carry: Int
  /// The next value: sums of what `carried` and invariants give.
  let next: ValueID
  /// What has to be carried instead: the operands of products and the other terms.
  private(set) var carried: [ValueID] = []
  private let graph: Graph
  /// The values that are computed at the start of the next step.
  private var moved: Set<ValueID> = []

  /// Nil if the carry does not start from zero, or has no product that something computed in the step enters.
  init?(_ carry: Int, of scan: ScanView, _ given: Given, in graph: Graph, _ counts: [Int]) {
    guard case .constant(0, _)? = graph.definingKind(scan.initials[carry]) else { return nil }
    self.carry = carry
    self.graph = graph
    next = scan.nexts[carry]
    var hasProduct = false
    var work = [next]
    var seen: Set<ValueID> = []
    while let value = work.popLast() {
      if !seen.insert(value).inserted { continue }
      let operation = graph.definingOperation(value).map { graph[$0] }
      switch operation?.kind {
      case .binary(.add), .binary(.subtract), .unary(.negate):
        moved.insert(value)
        work += operation!.operands
      case .dot where counts[value.index] == 1:
        let varying = operation!.operands.filter { given.invariants[$0] == nil }
        if varying.count == 1, !given.arguments.contains(varying[0]) {
          moved.insert(value)
          carried.append(varying[0])
          hasProduct = true
        } else {
          carried.append(value)
        }
      default: carried.append(value)
      }
    }
    guard hasProduct else { return nil }
  }

  /// The next value, made by `combine` from what `leaf` gives for carried and invariant values.
  func next<Result>(
    _ leaf: (ValueID) -> Result, _ combine: (OperationKind, [Result]) -> Result
  ) -> Result {
    var made: [ValueID: Result] = [:]
    func moved(_ value: ValueID) -> Operation? {
      self.moved.contains(value) ? graph.definingOperation(value).map { graph[$0] } : nil
    }
    Graph.visit(
      next, isDone: { made[$0] != nil }, needs: { moved($0)?.operands ?? [] },
      finish: { value in
        made[value] = moved(value).map { combine($0.kind, $0.operands.map { made[$0]! }) } ?? leaf(value)
      })
    return made[next]!
  }
}
