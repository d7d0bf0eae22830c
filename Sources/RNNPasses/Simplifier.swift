import RNNGraph

// simplify: local rewrites, each written `old -> new` beside its rule.
//
//   %1 = constant 0 : f32[4]            return %0
//   %2 = add %0, %1
//   return %2

extension Pass {
  static let simplify = Pass(
    name: "simplify", summary: "fold constants, compose shape operations, apply algebraic identities"
  ) { graph in
    let counts = graph.useCounts()
    var simplifier: Simplifier?
    return graph.rebuild { rebuilder, id in
      let operation = rebuilder.old[id]
      if case .scan = operation.kind { return false }
      let current = simplifier ?? Simplifier(rebuilder.builder)
      simplifier = current
      let operands = rebuilder.operands(id)
      let simpler = current.rewrite(operation.kind, operands)
      let value = simpler ?? rebuilder.builder.copy(operation, of: rebuilder.old, on: operands)[0]
      current.uses[value, default: 0] += counts[operation.result.index]
      rebuilder.bind(operation.result, to: value)
      return simpler != nil
    }
  }
}

/// Makes operations in their simplest form.
///
/// A rule looks at the operation about to be made and at what defines its operands, which are in simplest form
/// already; so one walk over a graph reaches what a worklist would, but for rules that ask for the number of uses.
/// Each rule makes the operation cheaper or moves it closer to the inputs, never back.
final class Simplifier {
  let builder: GraphBuilder
  /// How often a value is read; unknown for those made by a rule, which made them for one reader.
  var uses: [ValueID: Int] = [:]
  /// Where the parts of concatenations begin, as far as it was asked for.
  var starts: [ValueID: [Int]] = [:]

  init(_ builder: GraphBuilder) { self.builder = builder }

  /// Makes an operation of one result, or what is simpler.
  func make(_ kind: OperationKind, _ operands: ValueID...) -> ValueID { make(kind, operands) }

  /// Makes an operation of one result, or what is simpler.
  func make(_ kind: OperationKind, _ operands: [ValueID]) -> ValueID {
    rewrite(kind, operands) ?? builder.add(kind, operands)[0]
  }

  /// What is simpler than an operation and gives the same; nil if nothing is known.
  func rewrite(_ kind: OperationKind, _ operands: [ValueID]) -> ValueID? {
    switch kind {
    case .constant, .table, .size, .iota, .random, .oneHot, .gather, .scatterAdd, .scan: nil
    case .unary(let function): unary(function, operands[0])
    case .binary(let function): binary(function, operands[0], operands[1])
    case .compare(let comparison): compare(comparison, operands[0], operands[1])
    case .select: select(operands[0], operands[1], operands[2])
    case .convert(let element): convert(operands[0], element)
    case .surrogate: operands[0]  // detach x -> x, and so on: gradients have been taken
    case .dot(let axes): operands.count == 2 ? dot(operands[0], operands[1], axes) : nil
    case .reduce(let reduction, let axes, let order):
      operands.count == 1 && order == .any ? reduce(reduction, operands[0], axes) : nil
    case .broadcast(let axes, let shape): broadcast(operands[0], axes, shape)
    case .reshape(let shape): reshape(operands[0], shape)
    case .transpose(let permutation): transpose(operands[0], permutation)
    case .slice(let axis, let start, let count, let anchor):
      slice(operands[0], axis, start, count, anchor)
    case .pad(let axis, let start, let to, let anchor): pad(operands[0], axis, start, to, anchor)
    case .concat(let axis): concat(operands, axis)
    case .reverse(let axis): reverse(operands[0], axis)
    case .reversePrefix(let axis): reversePrefix(operands[0], operands[1], axis)
    }
  }

  // MARK: Looking at what defines a value

  func type(_ value: ValueID) -> TensorType { builder.graph.type(value) }

  func kind(_ value: ValueID) -> OperationKind? { builder.graph.definingKind(value) }

  /// The axes of the product that a value is, if nothing else is added to it.
  func product(_ value: ValueID) -> (a: ValueID, b: ValueID, axes: DotAxes)? {
    guard case .dot(let axes)? = kind(value), operands(value).count == 2 else { return nil }
    return (operands(value)[0], operands(value)[1], axes)
  }

  /// The operands of the operation that defines a value.
  func operands(_ value: ValueID) -> [ValueID] {
    builder.graph.definingOperation(value).map { builder.graph[$0].operands } ?? []
  }

  func isUsedOnce(_ value: ValueID) -> Bool { uses[value, default: 1] <= 1 }

  /// The number that every element is, if that is known.
  func constant(_ value: ValueID) -> Double? {
    if case .constant(let number, _)? = kind(value) { number } else { nil }
  }

  func unary(_ value: ValueID) -> (function: UnaryFunction, x: ValueID)? {
    if case .unary(let function)? = kind(value) { (function, operands(value)[0]) } else { nil }
  }

  /// `x`, if the value is `-x`.
  func negated(_ value: ValueID) -> ValueID? {
    if let (function, x) = unary(value), function == .negate { x } else { nil }
  }

  func binary(_ value: ValueID) -> (function: BinaryFunction, a: ValueID, b: ValueID)? {
    guard case .binary(let function)? = kind(value) else { return nil }
    let operands = operands(value)
    return (function, operands[0], operands[1])
  }

  /// `(x, c)`, if the value is `x * c` with a constant `c`.
  func scaled(_ value: ValueID) -> (x: ValueID, by: Double)? {
    if let (function, x, b) = binary(value), function == .multiply, let c = constant(b) {
      (x, c)
    } else {
      nil
    }
  }

  func broadcast(_ value: ValueID) -> (x: ValueID, axes: [Int], shape: [Dimension])? {
    guard case .broadcast(let axes, let shape)? = kind(value) else { return nil }
    return (operands(value)[0], axes, shape)
  }

  func transposed(_ value: ValueID) -> (x: ValueID, permutation: [Int])? {
    guard case .transpose(let permutation)? = kind(value) else { return nil }
    return (operands(value)[0], permutation)
  }

  // MARK: Making the usual operations

  func constant(_ number: Double, _ type: TensorType) -> ValueID { builder.constant(number, type) }
  func negate(_ x: ValueID) -> ValueID { make(.unary(.negate), x) }
  func add(_ a: ValueID, _ b: ValueID) -> ValueID { make(.binary(.add), a, b) }
  func subtract(_ a: ValueID, _ b: ValueID) -> ValueID { make(.binary(.subtract), a, b) }
  func multiply(_ a: ValueID, _ b: ValueID) -> ValueID { make(.binary(.multiply), a, b) }
  func scale(_ x: ValueID, by number: Double) -> ValueID { multiply(x, constant(number, type(x))) }
}
