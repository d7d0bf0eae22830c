/// A scan whose body is written before all of its operands are known.
///
/// The body's region comes from `GraphBuilder.makeBody()`, its arguments from `addArgument(_:to:)` in any order.
public struct OpenScan {
  /// A body's argument and the scan's operand that it stands for.
  public typealias Binding = (argument: ValueID, operand: ValueID)

  /// The region that holds one step.
  public let body: RegionID
  /// How the steps go through the sequences.
  public let stepping: Stepping
  /// Arguments that are the same in every step.
  public var invariants: [Binding] = []
  /// Arguments that come from the step before.
  public var carries: [Binding] = []
  /// Arguments that are elements of sequences.
  public var sequences: [Binding] = []
  /// The next value of each carry.
  public var next: [ValueID] = []
  /// Values that the scan stacks.
  public var outputs: [ValueID] = []

  /// Makes a scan without operands.
  public init(body: RegionID, stepping: Stepping) {
    self.body = body
    self.stepping = stepping
  }
}

extension GraphBuilder {
  /// Makes an empty region, the body of a scan to come.
  public func makeBody() -> RegionID { graph.addRegion() }

  /// Adds an argument to a body that has no scan yet.
  public func addArgument(_ type: TensorType, to body: RegionID) -> ValueID {
    graph.addArgument(type, to: body)
  }

  /// Adds a scan whose body is written, and gives its final carries and stacked outputs.
  ///
  /// - Requires: each argument of the body is bound once.
  public func add(_ scan: OpenScan) -> (carries: [ValueID], outputs: [ValueID]) {
    let bindings = scan.invariants + scan.carries + scan.sequences
    graph.setArguments(of: scan.body, to: bindings.map(\.argument))
    graph.setResults(of: scan.body, to: scan.next + scan.outputs)
    let attributes = ScanAttributes(
      body: scan.body, invariants: scan.invariants.count, carries: scan.carries.count,
      sequences: scan.sequences.count, stepping: scan.stepping)
    let all = add(.scan(attributes), bindings.map(\.operand))
    return (Array(all.prefix(scan.carries.count)), Array(all.dropFirst(scan.carries.count)))
  }

  /// Adds a loop over time and gives its final carries and stacked outputs.
  ///
  /// `body` gets the body's arguments and gives the next carries and the outputs of a step.
  public func scan(
    _ stepping: Stepping, invariants: [ValueID], carries: [ValueID], sequences: [ValueID],
    body: (_ invariants: [ValueID], _ carries: [ValueID], _ elements: [ValueID]) -> (
      carries: [ValueID], outputs: [ValueID]
    )
  ) -> (carries: [ValueID], outputs: [ValueID]) {
    var scan = OpenScan(body: makeBody(), stepping: stepping)
    scan.invariants = invariants.map { (addArgument(type($0), to: scan.body), $0) }
    scan.carries = carries.map { (addArgument(type($0), to: scan.body), $0) }
    scan.sequences = sequences.map { (addArgument(stepping.element(of: type($0)), to: scan.body), $0) }
    let outside = region
    move(toEndOf: scan.body)
    let results = body(
      scan.invariants.map(\.argument), scan.carries.map(\.argument), scan.sequences.map(\.argument))
    (scan.next, scan.outputs) = (results.carries, results.outputs)
    move(toEndOf: outside)
    return add(scan)
  }

  /// Adds a loop that goes through its sequences step by step.
  public func scan(
    steps: Symbol, isReversed: Bool = false, invariants: [ValueID], carries: [ValueID],
    sequences: [ValueID],
    body: (_ invariants: [ValueID], _ carries: [ValueID], _ elements: [ValueID]) -> (
      carries: [ValueID], outputs: [ValueID]
    )
  ) -> (carries: [ValueID], outputs: [ValueID]) {
    scan(
      Stepping(steps: steps, isReversed: isReversed), invariants: invariants, carries: carries,
      sequences: sequences, body: body)
  }
}

extension Graph {
  /// Puts the arguments of a body under construction into another order.
  mutating func setArguments(of region: RegionID, to arguments: [ValueID]) {
    precondition(Set(arguments) == Set(self[region].arguments), "an argument of \(region) is not bound")
    regions[region.index].arguments = arguments
    for (i, argument) in arguments.enumerated() {
      values[argument.index].definition = .argument(region, index: i)
    }
  }
}
