import RNNGraph

/// What the backward scan of one forward scan reads of it.
///
/// Note [Saved values]: a forward value is handed to the backward scan on first demand, at the least cost in memory:
/// - an invariant or a sequence of the forward scan becomes one of the backward scan;
/// - a value that depends on invariants and constants only, or that an operation which moves or marks elements makes
///   of another value, is computed again;
/// - any other value, and a carry, is a residual: the forward scan stacks it in one more output, unless an output
///   stacks it already, and that output is a sequence of the backward scan.
final class Tape {
  /// The body of the backward scan.
  let region: RegionID
  private let builder: GraphBuilder
  private let forward: ScanAttributes
  private var known: [ValueID: ValueID] = [:]
  private var isInvariant: [ValueID: Bool] = [:]

  /// Arguments of the backward body, with the forward operand that each stands for.
  private(set) var invariants: [(argument: ValueID, operand: Int)] = []
  /// Arguments of the backward body, with the forward operand whose element each is.
  private(set) var sequences: [(argument: ValueID, operand: Int)] = []
  /// Arguments of the backward body, with the value of the forward body that each stands for.
  private(set) var residuals: [(argument: ValueID, value: ValueID)] = []

  /// Starts with nothing read.
  init(of forward: ScanAttributes, _ builder: GraphBuilder) {
    self.forward = forward
    self.builder = builder
    region = builder.makeBody()
  }

  /// A value of the backward body that equals a value of the forward body.
  ///
  /// - Requires: the builder stands at the end of the backward body.
  func read(_ value: ValueID) -> ValueID {
    if let known = known[value] { return known }
    let copy =
      switch builder.graph[value].definition {
      case .argument(_, let index): readArgument(index, value)
      case .result(let id, _): readResult(builder.graph[id], value)
      }
    known[value] = copy
    return copy
  }

  /// Renames forward values.
  func replace(_ map: [ValueID: ValueID]) {
    for (i, residual) in residuals.enumerated() { residuals[i].value = map[residual.value] ?? residual.value }
    for (old, new) in map { known[new] = known.removeValue(forKey: old) }
  }

  private func readArgument(_ index: Int, _ value: ValueID) -> ValueID {
    if index >= forward.invariants && index < forward.invariants + forward.carries { return save(value) }
    let argument = builder.addArgument(builder.type(value), to: region)
    if index < forward.invariants {
      invariants.append((argument, index))
    } else {
      sequences.append((argument, index))
    }
    return argument
  }

  private func readResult(_ operation: Operation, _ value: ValueID) -> ValueID {
    switch operation.kind {
    case .detach: return read(operation.operands[0])
    case .broadcast, .reshape, .convert, .oneHot:
      return builder.add(operation.kind, operation.operands.map(read))[0]
    case .constant, .size, .iota, .random, .unary, .binary, .compare, .select, .dot, .reduce, .transpose,
      .slice, .pad,
      .concat,
      .reverse, .reversePrefix, .gather, .scatterAdd, .scan:
      return dependsOnInvariantsOnly(value)
        ? builder.add(operation.kind, operation.operands.map(read))[0] : save(value)
    }
  }

  private func save(_ value: ValueID) -> ValueID {
    let argument = builder.addArgument(builder.type(value), to: region)
    residuals.append((argument, value))
    return argument
  }

  /// Whether a forward value is the same in every step and no scan computes it.
  private func dependsOnInvariantsOnly(_ value: ValueID) -> Bool {
    if let known = isInvariant[value] { return known }
    let answer =
      switch builder.graph[value].definition {
      case .argument(_, let index): index < forward.invariants
      case .result(let id, _):
        if case .scan = builder.graph[id].kind {
          false
        } else {
          builder.graph[id].operands.allSatisfy(dependsOnInvariantsOnly)
        }
      }
    isInvariant[value] = answer
    return answer
  }
}
