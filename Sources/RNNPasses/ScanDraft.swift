import RNNGraph

/// A scan about to be emitted: a copy of an old one that a pass may alter first.
///
/// `outer` and `initial` are values of the new graph, all others of the old one. `inner` may be any value of the old
/// body, not only an argument: the new argument takes its place, and what computed it vanishes unless it is needed
/// otherwise. That is how work leaves a body.
struct ScanDraft {
  struct Invariant: OuterValue {
    var outer: ValueID
    var inner: ValueID?
  }
  struct Carry {
    var initial: ValueID
    var argument: ValueID?
    var next: ValueID
    var result: ValueID?
  }
  struct Sequence: OuterValue {
    var outer: ValueID
    var inner: ValueID?
  }
  struct Output {
    /// The value of a step.
    var value: ValueID
    /// The old results that the stack stands for.
    var results: [ValueID]
  }

  /// A sum over the steps that the new scan makes in addition.
  struct Total {
    var initial: ValueID
    /// What each step adds.
    var term: Recipe
    /// The equations that the sum comes from.
    var places: SourcePlaces
  }

  /// How to compute a value in the new body: from its arguments, or at its end from a value of the old body.
  enum Recipe {
    case invariant(Int)
    case carry(Int)
    case element(Int)
    case body(ValueID)
    /// What an operation of the draft gives.
    case operation(Int)
  }

  var body: RegionID
  var stepping: Stepping
  var invariants: Interface<Invariant>
  var carries: [Carry]
  var sequences: Interface<Sequence>
  var outputs: [Output]
  /// The operations that recipes consist of, each behind those that it reads.
  private(set) var operations: [(kind: OperationKind, operands: [Recipe], places: SourcePlaces)] = []
  /// What is to stand for further values of the old body, in the order in which the recipes were made.
  var definitions: [(inner: ValueID, recipe: Recipe)] = []
  /// They are carried behind the other carries.
  var totals: [Total] = []

  /// The scan as it is, or nil if the operation is none.
  ///
  /// `isKept` may refuse arguments of the body, and outputs by their stack: these are left out.
  init?(copying id: OperationID, in rebuilder: Rebuilder, where isKept: (ValueID) -> Bool = { _ in true }) {
    guard let scan = ScanView(id, in: rebuilder.old) else { return nil }
    body = scan.body
    stepping = scan.attributes.stepping
    invariants = Interface(
      zip(scan.invariants, scan.invariantArguments).filter { isKept($1) }.map {
        Invariant(outer: rebuilder[$0], inner: $1)
      })
    carries = scan.initials.indices.filter { isKept(scan.carryArguments[$0]) }.map {
      Carry(
        initial: rebuilder[scan.initials[$0]], argument: scan.carryArguments[$0], next: scan.nexts[$0],
        result: scan.finals[$0])
    }
    sequences = Interface(
      zip(scan.sequences, scan.elements).filter { isKept($1) }.map {
        Sequence(outer: rebuilder[$0], inner: $1)
      })
    outputs = zip(scan.outputs, scan.stacks).filter { isKept($1) }.map { Output(value: $0, results: [$1]) }
  }
}

extension ScanDraft {
  /// A recipe for an operation on what other recipes give, and the equations that it comes from.
  mutating func recipe(_ kind: OperationKind, _ operands: [Recipe], _ places: SourcePlaces) -> Recipe {
    operations.append((kind, operands, places))
    return .operation(operations.count - 1)
  }

  /// The values of the old body that recipes need.
  var bodyValues: [ValueID] {
    (operations.flatMap(\.operands) + totals.map(\.term)).compactMap { recipe in
      if case .body(let value) = recipe { value } else { nil }
    }
  }

  /// Hands in an invariant and gives its place, which is that of an equal one if there is one.
  mutating func addInvariant(_ outer: ValueID) -> Recipe {
    if let place = invariants.place(of: outer) { return .invariant(place) }
    invariants.append(Invariant(outer: outer, inner: nil))
    return .invariant(invariants.count - 1)
  }

  /// Hands in a sequence and gives its place, which is that of an equal one if there is one.
  mutating func addSequence(_ outer: ValueID) -> Recipe {
    if let place = sequences.place(of: outer) { return .element(place) }
    sequences.append(Sequence(outer: outer, inner: nil))
    return .element(sequences.count - 1)
  }
}

/// What is handed to a scan from outside.
protocol OuterValue {
  /// The value of the new graph.
  var outer: ValueID { get }
}

/// What is handed to a scan, in order, and at which place a value is handed in first.
struct Interface<Entry: OuterValue>: RandomAccessCollection {
  private var entries: [Entry] = []
  private var places: [ValueID: Int] = [:]

  init(_ entries: [Entry]) { for entry in entries { append(entry) } }

  var startIndex: Int { 0 }
  var endIndex: Int { entries.count }
  subscript(place: Int) -> Entry { entries[place] }

  /// The first place at which a value is handed in.
  func place(of outer: ValueID) -> Int? { places[outer] }

  mutating func append(_ entry: Entry) {
    if places[entry.outer] == nil { places[entry.outer] = entries.count }
    entries.append(entry)
  }
}

/// The operands, arguments and results of a scan by sort.
struct ScanView {
  let attributes: ScanAttributes
  /// Operands.
  let invariants: [ValueID], initials: [ValueID], sequences: [ValueID]
  /// Arguments of the body.
  let invariantArguments: [ValueID], carryArguments: [ValueID], elements: [ValueID]
  /// Results of the body.
  let nexts: [ValueID], outputs: [ValueID]
  /// Results of the operation.
  let finals: [ValueID], stacks: [ValueID]

  var body: RegionID { attributes.body }

  /// Whether a step is one step of the sequences, so that what a step does can be done for all steps, along one axis more.
  var isStepwise: Bool { attributes.segments == nil }

  /// Takes a scan apart; nil if the operation is none.
  init?(_ id: OperationID, in graph: Graph) {
    guard case .scan(let attributes) = graph[id].kind else { return nil }
    self.attributes = attributes
    let body = graph[attributes.body]
    let (first, second) = (attributes.invariants, attributes.invariants + attributes.carries)
    func parts(_ values: [ValueID]) -> ([ValueID], [ValueID], [ValueID]) {
      (Array(values[..<first]), Array(values[first..<second]), Array(values[second...]))
    }
    (invariants, initials, sequences) = parts(graph[id].operands)
    (invariantArguments, carryArguments, elements) = parts(body.arguments)
    nexts = Array(body.results.prefix(attributes.carries))
    outputs = Array(body.results.dropFirst(attributes.carries))
    finals = Array(graph[id].results.prefix(attributes.carries))
    stacks = Array(graph[id].results.dropFirst(attributes.carries))
  }
}
