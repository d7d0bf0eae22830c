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
// The equations of a backward step can then run on the product's sums in registers, as in a forward loop. The product of
// the last step is seldom read; then it is not computed at all. The first step adds a product of zeros, so the carry has
// to start from zero. A product with other readers stays where it is: it would be computed twice.
//
// The other terms of such a sum are carried as one value. To that end they are added up first, in the order in which a step
// computes them, so that few of them have to be kept until the last one is there:
//
//     %2 = add %1, %y                         %2 = add %y, %z
//     %3 = add %2, %z                         %3 = add %2, %1

extension Pass {
  static let rotateProducts = Pass(
    name: "rotate-products", summary: "begin a step with the product that ended the one before"
  ) { graph in
    graph.addUpTermsBesideProducts()
    let counts = graph.useCounts()
    return graph.rebuild { rebuilder, id in
      let old = rebuilder.old
      guard let scan = ScanView(id, in: old), scan.isStepwise else { return false }
      let given = Given(scan)
      let rotations = scan.nexts.indices.compactMap { Rotation($0, of: scan, given, in: old, counts) }
      guard !rotations.isEmpty, var draft = ScanDraft(copying: id, in: rebuilder) else { return false }
      let rotated = Set(rotations.map(\.carry))
      let kept = draft.carries.indices.filter { !rotated.contains($0) }
      var carries = kept.map { draft.carries[$0] }
      var places: [ValueID: Int] = [:]
      for value in rotations.flatMap(\.carried) where places[value] == nil {
        places[value] = carries.count
        let zero = rebuilder.builder.at(old.places(of: value)) {
          rebuilder.builder.constant(0, old.type(value))
        }
        carries.append(.init(initial: zero, argument: nil, next: value, result: nil))
      }
      draft.carries = carries
      for rotation in rotations {
        let recipe = rotation.next(
          { value in
            places[value].map { ScanDraft.Recipe.carry($0) }
              ?? .invariant(given.invariants[value]!)
          }, { draft.recipe($0.kind, $1, $0.places) })
        draft.definitions.append((scan.carryArguments[rotation.carry], recipe))
      }
      let finals = rebuilder.emit(draft).carries
      for rotation in rotations where counts[scan.finals[rotation.carry].index] > 0 {
        let final = rotation.next(
          { value in
            places[value].map { finals[$0] }
              ?? draft.invariants[given.invariants[value]!].outer
          },
          { operation, operands in
            rebuilder.builder.at(operation.places) { rebuilder.builder.add(operation.kind, operands)[0] }
          })
        rebuilder.bind(scan.finals[rotation.carry], to: final)
      }
      return true
    }
  }
}

extension Graph {
  /// Lets the sums that rotate begin with the terms that hold no product.
  fileprivate mutating func addUpTermsBesideProducts() {
    let counts = useCounts()
    var sums: [ValueID: [Rotation.Term]] = [:]
    var parts: Set<ValueID> = []
    for region in reachableRegions {
      guard let owner = self[region].owner, let scan = ScanView(owner, in: self), scan.isStepwise else {
        continue
      }
      let given = Given(scan)
      let rotations = scan.nexts.indices.compactMap { Rotation($0, of: scan, given, in: self, counts) }
        .filter { $0.rest.count > 1 }
      if rotations.isEmpty { continue }
      let stages = stages(of: scan.body)
      // Of the same stage, what is added comes before what is taken away.
      func key(_ term: Rotation.Term) -> (Int, Int, Int) {
        (stages[term.value, default: 0], term.isNegative ? 1 : 0, term.value.index)
      }
      for rotation in rotations {
        sums[rotation.next] = rotation.rest.sorted { key($0) < key($1) } + rotation.products
        parts.formUnion(rotation.parts)
      }
    }
    if sums.isEmpty { return }
    _ = rebuild { rebuilder, id in
      guard let result = rebuilder.old[id].results.first else { return false }
      guard let terms = sums[result] else { return parts.contains(result) }
      let builder = rebuilder.builder
      let first = rebuilder[terms[0].value]
      let sum = terms.dropFirst().reduce(terms[0].isNegative ? builder.negate(first) : first) { sum, term in
        let value = rebuilder[term.value]
        return builder.at(builder.places.union(rebuilder.old.places(of: term.value))) {
          term.isNegative ? builder.subtract(sum, value) : builder.add(sum, value)
        }
      }
      rebuilder.bind(result, to: sum)
      return true
    }
  }

  /// How many operations that need a loop of their own each value of a body has to wait for, one behind the other.
  private func stages(of body: RegionID) -> [ValueID: Int] {
    var stages: [ValueID: Int] = [:]
    for id in self[body].operations {
      var stage = self[id].operands.map { stages[$0, default: 0] }.max() ?? 0
      if self[id].kind.traits.contains(.costly) { stage += 1 }
      for result in self[id].results { stages[result] = stage }
    }
    return stages
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

  /// The operand that a step computes of a product with an invariant.
  func computedOperand(of product: Operation) -> ValueID? {
    let varying = product.operands.filter { invariants[$0] == nil }
    return varying.count == 1 && !arguments.contains(varying[0]) ? varying[0] : nil
  }
}

/// A carry whose next value is a sum with a product in it.
private struct Rotation {
  struct Term {
    let value: ValueID
    let isNegative: Bool
    /// What is carried instead, if the term is a product.
    let operand: ValueID?
  }

  let carry: Int
  /// The next value.
  let next: ValueID
  /// What it is the sum of: products, and terms with no product in them, which may be sums themselves.
  private(set) var terms: [Term] = []
  /// The sums that it is made of, without itself.
  private(set) var parts: Set<ValueID> = []
  private let graph: Graph
  /// The values that are computed at the start of the next step.
  private var moved: Set<ValueID> = []

  /// Nil if the carry does not start from zero, or has no product that something computed in the step enters.
  init?(_ carry: Int, of scan: ScanView, _ given: Given, in graph: Graph, _ counts: [Int]) {
    guard case .constant(0, _)? = graph.definingKind(scan.initials[carry]) else { return nil }
    self.carry = carry
    self.graph = graph
    let next = scan.nexts[carry]
    self.next = next

    func operation(_ value: ValueID) -> Operation? {
      counts[value.index] == 1 ? graph.definingOperation(value).map { graph[$0] } : nil
    }
    func addends(_ value: ValueID) -> [ValueID] {
      let sums: [OperationKind] = [.binary(.add), .binary(.subtract), .unary(.negate)]
      guard let operation = operation(value), sums.contains(operation.kind) else { return [] }
      return operation.operands
    }
    var moved: Set<ValueID> = []
    var computed: [ValueID: ValueID] = [:]
    // No value of the sum is read twice, so none is visited twice.
    Graph.visit(next, isDone: { _ in false }, needs: addends) { value in
      if addends(value).contains(where: moved.contains) {
        moved.insert(value)
      } else if let product = operation(value), case .dot = product.kind,
        let operand = given.computedOperand(of: product)
      {
        moved.insert(value)
        computed[value] = operand
      }
    }
    guard moved.contains(next) else { return nil }
    self.moved = moved

    var work = [(value: next, isNegative: false)]
    while let (value, isNegative) = work.popLast() {
      let operands = moved.contains(value) ? addends(value) : []
      if operands.isEmpty {
        terms.append(Term(value: value, isNegative: isNegative, operand: computed[value]))
        continue
      }
      if value != next { parts.insert(value) }
      let kind = operation(value)!.kind
      for (place, operand) in operands.enumerated() {
        let isTakenAway = kind == .unary(.negate) || kind == .binary(.subtract) && place == 1
        work.append((operand, isNegative != isTakenAway))
      }
    }
  }

  var products: [Term] { terms.filter { $0.operand != nil } }
  var rest: [Term] { terms.filter { $0.operand == nil } }

  /// What has to be carried instead: the operands of products and the other terms.
  var carried: [ValueID] { terms.map { $0.operand ?? $0.value } }

  /// The next value, made by `combine` from what `leaf` gives for carried and invariant values.
  func next<Result>(
    _ leaf: (ValueID) -> Result, _ combine: (Operation, [Result]) -> Result
  ) -> Result {
    var made: [ValueID: Result] = [:]
    func moved(_ value: ValueID) -> Operation? {
      self.moved.contains(value) ? graph.definingOperation(value).map { graph[$0] } : nil
    }
    Graph.visit(
      next, isDone: { made[$0] != nil }, needs: { moved($0)?.operands ?? [] },
      finish: { value in
        made[value] = moved(value).map { combine($0, $0.operands.map { made[$0]! }) } ?? leaf(value)
      })
    return made[next]!
  }
}
