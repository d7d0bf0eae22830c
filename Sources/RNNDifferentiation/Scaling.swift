import RNNGraph

/// How a loss changes with the size of one parameter, all others left as they are.
///
/// `power(of: p)` is k if the loss at `c · p`, for every c > 0, is `a + cᵏ · b`, whatever the data: then training makes
/// `p` small, or large if k is negative, and learns nothing by it.
struct Scaling {
  /// How a value changes where a parameter is multiplied by c > 0.
  fileprivate enum Change: Hashable {
    /// It is 0.
    case zero
    /// Not at all.
    case none
    /// It is multiplied by this power of c.
    case power(Double)
    /// It is a part that does not change and one that is multiplied by this power of c.
    case affine(Double)
    /// In another way.
    case other
  }

  private let graph: Graph
  private let loss: ValueID
  private let derivatives: Activity
  /// Whether something that is neither linear nor a power stands between a value and the loss.
  private var isBent: [Bool]

  /// Finds out what stands between each value and the loss.
  init(of graph: Graph, to loss: ValueID, _ derivatives: Activity) {
    self.graph = graph
    self.loss = loss
    self.derivatives = derivatives
    isBent = Array(repeating: false, count: graph.valueCount)
    markBent(in: .entry)
  }

  /// The power of the parameter's size by which the loss, or a part of it, changes; nil if it changes in another way.
  func power(of parameter: ValueID) -> Double? {
    var changes = Array(repeating: Change.none, count: graph.valueCount)
    changes[parameter.index] = .power(1)
    evaluate(.entry, &changes)
    switch changes[loss.index] {
    case .power(let power), .affine(let power): return power
    case .zero, .none, .other: return nil
    }
  }

  /// Whether `power(of:)` may give something, which takes a walk over the graph to know.
  func isCandidate(_ parameter: ValueID) -> Bool { !isBent[parameter.index] }

  // MARK: What is bent

  private mutating func markBent(in region: RegionID) {
    for id in graph[region].operations.reversed() {
      let operation = graph[id]
      guard case .scan(let scan) = operation.kind else {
        if derivatives.isMattering(operation.result),
          isBent[operation.result.index] || operation.kind.isBent
        {
          for operand in operation.operands { isBent[operand.index] = true }
        }
        continue
      }
      let body = graph[scan.body]
      for (result, inner) in zip(operation.results, body.results) { bend(inner, with: result) }
      let carries = zip(body.arguments.dropFirst(scan.invariants), body.results).prefix(scan.carries)
      var isStable = false
      while !isStable {
        markBent(in: scan.body)
        isStable = true
        for (argument, next) in carries where isBent[argument.index] && !isBent[next.index] {
          isBent[next.index] = true
          isStable = false
        }
      }
      for (argument, operand) in zip(body.arguments, operation.operands) { bend(operand, with: argument) }
    }
  }

  private mutating func bend(_ value: ValueID, with other: ValueID) {
    if isBent[other.index] { isBent[value.index] = true }
  }

  // MARK: How values change

  private func evaluate(_ region: RegionID, _ changes: inout [Change]) {
    for id in graph[region].operations {
      let operation = graph[id]
      if case .scan(let scan) = operation.kind {
        evaluate(scan, operation, &changes)
      } else {
        changes[operation.result.index] = change(of: operation, operation.operands.map { changes[$0.index] })
      }
    }
  }

  private func evaluate(_ scan: ScanAttributes, _ operation: Operation, _ changes: inout [Change]) {
    let body = graph[scan.body]
    for (argument, operand) in zip(body.arguments, operation.operands) {
      changes[argument.index] = changes[operand.index]
    }
    let carries = Array(zip(body.arguments.dropFirst(scan.invariants), body.results).prefix(scan.carries))
    // Each carry changes a few times at most; what has not settled by then changes in another way.
    for round in 0..<8 {
      evaluate(scan.body, &changes)
      var isStable = true
      for (argument, next) in carries {
        let joined = Change.sum(changes[argument.index], changes[next.index])
        if joined == changes[argument.index] { continue }
        changes[argument.index] = round < 6 ? joined : .other
        isStable = false
      }
      if isStable { break }
    }
    for (result, (argument, _)) in zip(operation.results, carries) {
      changes[result.index] = changes[argument.index]
    }
    for (result, inner) in zip(operation.results, body.results).dropFirst(scan.carries) {
      changes[result.index] = changes[inner.index]
    }
  }

  private func change(of operation: Operation, _ operands: [Change]) -> Change {
    let isFixed = operands.allSatisfy { $0 == .none || $0 == .zero }
    switch operation.kind {
    case .constant(let number, _): return number == 0 ? .zero : .none
    case .table, .size, .iota, .random: return .none
    // What is derived, not what it is, decides where training goes.
    case .surrogate(let surrogate):
      return surrogate.source.map { operands[$0] == .none || operands[$0] == .zero } ?? true ? .none : .other
    case .unary(let function):
      if function.traits.contains(.linear) { return operands[0] }
      return function.degree.map { operands[0].raised(to: $0) } ?? (isFixed ? .none : .other)
    case .binary(let function):
      switch function {
      case .add, .subtract: return .sum(operands[0], operands[1])
      case .multiply: return .product(operands[0], operands[1])
      case .divide: return .product(operands[0], operands[1].raised(to: -1))
      case .maximum, .minimum: return .extremum(operands[0], operands[1])
      case .pow:
        if case .constant(let exponent, _)? = graph.definingKind(operation.operands[1]) {
          return operands[0].raised(to: exponent)
        }
        return isFixed ? .none : .other
      case .atan2, .logaddexp: return isFixed ? .none : .other
      }
    case .compare: return Change.extremum(operands[0], operands[1]).raised(to: 0)
    case .select:
      return operands[0] == .none || operands[0] == .zero ? .sum(operands[1], operands[2]) : .other
    case .dot:
      return operands.dropFirst(2).reduce(.product(operands[0], operands[1]), Change.sum)
    case .reduce(.sum, _, _), .concat: return operands.reduce(.zero, Change.sum)
    case .reduce(.maximum, _, _), .reduce(.minimum, _, _): return .extremum(operands[0], operands[0])
    case .broadcast, .reshape, .transpose, .slice, .pad, .reverse: return operands[0]
    case .convert(let element):
      return isFixed || element.isFloat && graph.type(operation.operands[0]).element.isFloat
        ? operands[0] : .other
    case .reversePrefix, .gather:
      return operands[1] == .none || operands[1] == .zero ? operands[0] : .other
    case .oneHot: return isFixed ? .none : .other
    case .scatterAdd:
      return operands[0] == .none || operands[0] == .zero
        ? operands.dropFirst().reduce(.zero, Change.sum) : .other
    case .scan: preconditionFailure("a scan has several results")
    }
  }
}

extension Scaling.Change {
  /// Of the sum of two values, or of one that is either of both.
  fileprivate static func sum(_ a: Self, _ b: Self) -> Self {
    switch (a, b) {
    case (.other, _), (_, .other): .other
    case (.zero, let x), (let x, .zero): x
    case (.none, .none): .none
    case (.none, .power(let k)), (.power(let k), .none): .affine(k)
    case (.none, .affine(let k)), (.affine(let k), .none): .affine(k)
    case (.power(let j), .power(let k)): j == k ? .power(k) : .other
    case (.affine(let j), .affine(let k)), (.affine(let j), .power(let k)), (.power(let j), .affine(let k)):
      j == k ? .affine(k) : .other
    }
  }

  /// Of the product of two values.
  fileprivate static func product(_ a: Self, _ b: Self) -> Self {
    switch (a, b) {
    case (.other, _), (_, .other): .other
    case (.zero, _), (_, .zero): .zero
    case (.none, let x), (let x, .none): x
    case (.power(let j), .power(let k)): j + k == 0 ? .none : .power(j + k)
    case (.affine, _), (_, .affine): .other
    }
  }

  /// Of the greater or smaller of two values.
  fileprivate static func extremum(_ a: Self, _ b: Self) -> Self {
    switch sum(a, b) {
    case .affine: .other
    case let change: change
    }
  }

  /// Of a power of the value, or of its sign for 0.
  fileprivate func raised(to exponent: Double) -> Self {
    switch self {
    case .none: .none
    case .zero: exponent > 0 ? .zero : .none
    case .power(let k): k * exponent == 0 ? .none : .power(k * exponent)
    case .affine, .other: .other
    }
  }
}

extension OperationKind {
  /// Whether a float operand that is multiplied by c gives what is not multiplied by a power of it.
  fileprivate var isBent: Bool {
    if case .unary(let function) = self { function.degree == nil } else { false }
  }
}
