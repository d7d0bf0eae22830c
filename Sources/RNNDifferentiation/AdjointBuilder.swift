import RNNGraph

/// Builds the adjoints of the values of one forward region.
///
/// An adjoint of `v` is `∂L/∂v`. Adjoints of the values of the region that the builder stands in are made there, behind the
/// forward part; those of a scan's body stand in the body of the backward scan, which sees forward values only as its
/// arguments.
final class AdjointBuilder {
  /// Makes the operations.
  let builder: GraphBuilder
  /// Which forward values have an adjoint.
  let activity: Activity
  /// Where a zero adjoint meets derivatives that may not be finite.
  let strongZeros: StrongZeros
  /// The backward scan under construction; nil where forward values and adjoints stand in one region.
  let tape: Tape?
  /// Whether the adjoints are values of a model, which are differentiated in turn.
  let isDifferentiated: Bool
  /// The equations that asked for the adjoints; none if it is the loss that is differentiated.
  let origin: SourcePlaces
  /// The region that holds the adjoints.
  let region: RegionID
  private var adjoints: [ValueID: ValueID] = [:]

  /// Starts without adjoints, where the builder stands.
  init(
    _ builder: GraphBuilder, activity: Activity, strongZeros: StrongZeros, isDifferentiated: Bool = false,
    origin: SourcePlaces = .none
  ) {
    self.builder = builder
    self.activity = activity
    self.strongZeros = strongZeros
    self.isDifferentiated = isDifferentiated
    self.origin = origin
    tape = nil
    region = builder.region
  }

  /// Starts without adjoints, in the body of the backward scan of a scan whose results have some.
  init(of outer: AdjointBuilder, _ tape: Tape) {
    builder = outer.builder
    activity = outer.activity
    strongZeros = outer.strongZeros
    isDifferentiated = outer.isDifferentiated
    origin = outer.origin
    self.tape = tape
    region = tape.region
  }

  /// The sum of the adjoints that reached a forward value, or nil if none did.
  func adjoint(of value: ValueID) -> ValueID? { adjoints[value] }

  /// Adds to the adjoint of a forward value, if it has one.
  func accumulate(_ adjoint: @autoclosure () -> ValueID, into value: ValueID) {
    guard activity.isActive(value) else { return }
    let term = adjoint()
    adjoints[value] = adjoints[value].map { builder.add($0, term) } ?? term
  }

  /// `term`, a product of the adjoint `dy` of `result` and of what is made of `factor`: 0 where `dy` is, if the
  /// factor may not be finite there. See Note [Strong zeros].
  func strong(
    _ term: ValueID, adjoint dy: ValueID, of result: ValueID, times factor: ValueID
  ) -> ValueID {
    guard strongZeros.isNeeded(adjointOf: result, times: factor) else { return term }
    let zero = builder.constant(0, like: dy)
    return zeroed(term, where: builder.compare(.equal, dy, zero), zero)
  }

  /// `zero` where a mask holds, elsewhere `x`.
  ///
  /// What is differentiated in turn stays `x` wherever that is finite: an adjoint that is 0 by chance, as that of a
  /// product with a state that starts at 0, has a derivative all the same.
  func zeroed(_ x: ValueID, where mask: ValueID, _ zero: ValueID) -> ValueID {
    let masked = builder.select(mask, zero, x)
    guard isDifferentiated else { return masked }
    let largest = builder.constant(builder.type(x).element.greatestNumber, like: x)
    let isFinite = builder.compare(.lessOrEqual, builder.unary(.abs, x), largest)
    return builder.select(isFinite, x, masked)
  }

  /// A value of the backward region that equals a forward value.
  func read(_ value: ValueID) -> ValueID { tape?.read(value) ?? value }

  /// Where the adjoints come from of what comes from some equations.
  func places(of places: SourcePlaces) -> SourcePlaces { origin.union(places.with(role: .adjoint)) }

  /// Adds what the results of an operation pass on to its operands.
  func reverse(_ id: OperationID) throws {
    let operation = builder.graph[id]
    try builder.at(places(of: operation.places)) {
      if case .scan(let scan) = operation.kind {
        if operation.results.contains(where: { adjoints[$0] != nil }) { try reverseScan(id, scan) }
      } else if let adjoint = adjoints[operation.result] {
        try reverse(operation, adjoint)
      }
    }
  }

  /// One line a kind: `dy` is the adjoint of the operation's result.
  private func reverse(_ operation: Operation, _ dy: ValueID) throws {
    let operands = operation.operands
    if let start = operation.start { accumulate(dy, into: start) }
    switch operation.kind {
    case .constant, .table, .size, .iota, .random, .compare, .oneHot: break
    case .surrogate(let surrogate): reverseSurrogate(surrogate, operands, dy)
    case .unary(let function): reverseUnary(function, operands[0], operation.result, dy)
    case .binary(let function): reverseBinary(function, operands[0], operands[1], operation.result, dy)
    case .select: reverseSelect(operands[0], operands[1], operands[2], dy)
    case .convert: reverseConvert(operands[0], dy)
    case .dot(let axes): reverseDot(axes, operands[0], operands[1], operation.result, dy)
    case .reduce(let reduction, let axes, _):
      reverseReduce(reduction, axes, operands[0], operation.result, dy)
    case .broadcast(let axes, let shape): reverseBroadcast(axes, shape, operands[0], dy)
    case .reshape: reverseReshape(operands[0], dy)
    case .transpose(let permutation): reverseTranspose(permutation, operands[0], dy)
    case .slice(let axis, let start, _, let anchor): reverseSlice(axis, start, anchor, operands[0], dy)
    case .pad(let axis, let start, _, let anchor): reversePad(axis, start, anchor, operands[0], dy)
    case .concat(let axis): reverseConcat(axis, operands, dy)
    case .reverse(let axis): reverseReverse(axis, operands[0], dy)
    case .reversePrefix(let axis): reverseReversePrefix(axis, operands[0], operands[1], dy)
    case .gather: try reverseGather(operands[0], operands[1], dy, site: operation.site)
    case .scatterAdd: reverseScatterAdd(operands[0], operands[1], dy)
    case .scan: preconditionFailure("a scan has several results")
    }
  }
}
