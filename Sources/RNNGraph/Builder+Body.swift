/// A scan whose body is written before all of its operands are known.
///
/// The body's region comes from `GraphBuilder.makeBody()`, its arguments from `addArgument(_:to:)` in any order.
public struct ScanDraft {
  /// A body's argument and the scan's operand that it stands for.
  public typealias Binding = (argument: ValueID, operand: ValueID)

  /// The region that holds one step.
  public let body: RegionID
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

  /// Makes a draft without operands.
  public init(body: RegionID) { self.body = body }
}

extension GraphBuilder {
  /// Makes an empty region, the body of a scan to come.
  public func makeBody() -> RegionID { graph.addRegion() }

  /// Adds an argument to a body that has no scan yet.
  public func addArgument(_ type: TensorType, to body: RegionID) -> ValueID {
    graph.addArgument(type, to: body)
  }

  /// Adds the scan of a draft and gives its final carries and stacked outputs.
  ///
  /// - Requires: the draft binds each argument of the body once.
  public func scan(
    steps: Symbol, isReversed: Bool, segments: Segments? = nil, _ draft: ScanDraft
  ) -> (carries: [ValueID], outputs: [ValueID]) {
    let bindings = draft.invariants + draft.carries + draft.sequences
    graph.setArguments(of: draft.body, to: bindings.map(\.argument))
    graph.setResults(of: draft.body, to: draft.next + draft.outputs)
    let attributes = ScanAttributes(
      body: draft.body, invariants: draft.invariants.count, carries: draft.carries.count,
      sequences: draft.sequences.count, steps: steps, isReversed: isReversed, segments: segments)
    let all = add(.scan(attributes), bindings.map(\.operand))
    return (Array(all.prefix(draft.carries.count)), Array(all.dropFirst(draft.carries.count)))
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
