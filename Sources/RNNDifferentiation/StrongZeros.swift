import RNNGraph

/// Where a product of an adjoint and a derivative needs a strong zero.
///
/// Note [Strong zeros]: a value that reaches the loss only through branches that are not taken has the adjoint 0. What
/// that adjoint is multiplied by on its way back may be infinite or NaN: `sqrt(x)` has no finite derivative where
/// `where(x > 0, sqrt(x), x)` does not take it. Floating-point arithmetic has 0 · inf = NaN; a strong zero is one with
/// 0 · x = 0 for every x. A rule asks for it where both of these hold:
/// - the adjoint may have zeros in it because something is not reached: every way to the loss leads through `select`,
///   an extremum, a slice that leaves elements out, rows picked by ids, or a factor that is 0 whatever the parameters
///   are (`Density`);
/// - the factor may not be finite: it is made by a function that has poles, ends or an exponential's growth, or by a
///   product of two unbounded values (`Magnitude`). Products of matrices and sums are taken for finite, if what they
///   read is.
///
/// An adjoint that is not zero is multiplied as ever, so an infinite derivative of a branch that is taken stays infinite.
struct StrongZeros {
  private let density: Density
  private let magnitude: Magnitudes

  /// Looks at a graph, or a region that is being written, between selected values and the loss.
  init(of graph: Graph, _ activity: Activity, loss: ValueID, in root: RegionID = .entry) {
    density = Density(of: graph, activity, loss: loss, in: root)
    magnitude = Magnitudes(of: graph, in: root)
  }

  /// Whether the adjoint of `result` may be zero where `factor` is not finite.
  func isNeeded(adjointOf result: ValueID, times factor: ValueID) -> Bool {
    !density.isDense(result) && magnitude[factor] == .partial
  }
}

/// How large a value can get while inputs and parameters are finite.
private enum Magnitude: Int, Comparable {
  /// Within limits that do not depend on the inputs.
  case bounded
  /// As large as what it is made of.
  case moderate
  /// Perhaps infinite or NaN.
  case partial

  static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// The magnitude of every value of a graph.
///
/// Magnitudes only rise, and each rise is handed on to the readers once, so the work is linear in the graph.
private struct Magnitudes {
  private let graph: Graph
  private var magnitudes: [Magnitude]
  private var risen: [ValueID] = []

  subscript(value: ValueID) -> Magnitude { magnitudes[value.index] }

  init(of graph: Graph, in root: RegionID) {
    self.graph = graph
    magnitudes = Array(repeating: .bounded, count: graph.valueCount)
    let uses = Uses(graph, in: root)
    for argument in graph[root].arguments { raise(argument, to: .moderate) }
    for region in graph.regions(from: root) {
      for id in graph[region].operations {
        let operation = graph[id]
        if case .scan(let scan) = operation.kind {
          for carry in graph[scan.body].arguments.dropFirst(scan.invariants).prefix(scan.carries) {
            raise(carry, to: .moderate)
          }
        } else {
          raise(operation.result, to: leastMagnitude(of: operation))
        }
      }
    }
    while let value = risen.popLast() {
      let magnitude = self[value]
      for (user, place) in uses.operands[value.index] { pass(value, magnitude, to: user, place) }
      for (id, index) in uses.results[value] ?? [] {
        guard case .scan(let scan) = graph[id].kind else { continue }
        raise(graph[id].results[index], to: magnitude)
        if index < scan.carries { raise(graph[scan.body].arguments[scan.invariants + index], to: magnitude) }
      }
    }
  }

  private mutating func raise(_ value: ValueID, to magnitude: Magnitude) {
    guard magnitude > magnitudes[value.index] else { return }
    magnitudes[value.index] = magnitude
    risen.append(value)
  }

  private mutating func pass(_ value: ValueID, _ magnitude: Magnitude, to user: OperationID, _ place: Int) {
    let operation = graph[user]
    guard case .scan(let scan) = operation.kind else {
      return raise(operation.result, to: magnitudeHandedOn(by: operation, from: value, magnitude))
    }
    raise(graph[scan.body].arguments[place], to: magnitude)
    let carry = place - scan.invariants
    // Without a step the final carry is the initial one.
    if (0..<scan.carries).contains(carry) { raise(operation.results[carry], to: magnitude) }
  }

  /// What an operation gives at least, whatever it reads.
  private func leastMagnitude(of operation: Operation) -> Magnitude {
    switch operation.kind {
    case .constant(let number, _): number.isFinite ? .bounded : .partial
    case .table(let table, _): table.numbers.allSatisfy(\.isFinite) ? .bounded : .partial
    case .unary(let function): function.traits.contains(.partial) ? .partial : .bounded
    case .binary(.divide): isNonzero(operation.operands[1]) ? .bounded : .partial
    case .binary(let function) where function.traits.contains(.partial): .partial
    case .size, .dot, .scatterAdd, .reduce: .moderate
    case .iota, .random, .binary, .compare, .select, .convert, .surrogate, .broadcast, .reshape, .transpose,
      .slice,
      .pad, .concat, .reverse, .reversePrefix, .oneHot, .gather, .scan:
      .bounded
    }
  }

  private func isNonzero(_ value: ValueID) -> Bool {
    guard let id = graph.definingOperation(value) else { return false }
    let kind = graph[id].kind
    if case .constant(let number, _) = kind { return number != 0 }
    if case .table(let table, _) = kind { return !table.numbers.contains(0) }
    if case .size = kind { return true }
    return kind.traits.contains(.moving) && isNonzero(graph[id].operands[0])
  }

  /// What an operation gives because of one of the values that it reads.
  private func magnitudeHandedOn(
    by operation: Operation, from value: ValueID, _ magnitude: Magnitude
  ) -> Magnitude {
    switch operation.kind {
    case .unary(let function) where function.traits.contains(.bounded):
      return magnitude == .partial ? .partial : .bounded
    case .binary(.multiply):
      return operation.operands.allSatisfy { self[$0] >= .moderate } ? .partial : magnitude
    case .surrogate: return value == operation.operands[0] ? magnitude : .bounded
    case .compare, .oneHot, .random, .constant, .table, .size, .iota: return .bounded
    case .unary, .binary, .select, .convert, .dot, .reduce, .broadcast, .reshape, .transpose, .slice, .pad,
      .concat, .reverse, .reversePrefix, .gather, .scatterAdd:
      return magnitude
    case .scan: preconditionFailure("a scan hands magnitudes on to its body")
    }
  }
}

/// Which adjoints have no zeros but those of arithmetic.
///
/// An adjoint is a sum over the readers of its value, and it is dense if one of the terms is. Every adjoint counts as
/// dense until its last dense term is gone. Around a loop that is right by induction: a carry's adjoint is that of the
/// final value in the last step, and that of the step behind it in every other, so its term is dense if both are.
private struct Density {
  private var isDenseValue: [Bool]

  func isDense(_ value: ValueID) -> Bool { isDenseValue[value.index] }

  init(of graph: Graph, _ activity: Activity, loss: ValueID, in root: RegionID) {
    var terms = Terms(graph, activity)
    terms.collect(in: root)
    terms.count[loss.index] += 1
    isDenseValue = Array(repeating: true, count: graph.valueCount)
    var sparse = (0..<graph.valueCount).filter { terms.count[$0] == 0 }
    for value in sparse { isDenseValue[value] = false }
    while let value = sparse.popLast() {
      for target in terms.dependents[value] {
        let receiver: Int
        switch target {
        case .term(let index): receiver = index
        case .together(let group):
          if terms.groups[group].isGone { continue }
          terms.groups[group].isGone = true
          receiver = terms.groups[group].receiver
        }
        terms.count[receiver] -= 1
        if terms.count[receiver] == 0 {
          isDenseValue[receiver] = false
          sparse.append(receiver)
        }
      }
    }
  }

  /// The dense terms of all adjoints, and the adjoints that each of them depends on.
  private struct Terms {
    /// What goes when an adjoint turns out not to be dense.
    enum Dependent {
      /// A term of this value's adjoint.
      case term(Int)
      /// A term that needs several dense adjoints.
      case together(Int)
    }

    let graph: Graph
    let activity: Activity
    /// The number of dense terms of each value's adjoint.
    var count: [Int]
    var dependents: [[Dependent]]
    var groups: [(receiver: Int, isGone: Bool)] = []
    /// The slices of each value.
    private var slices: [ValueID: [(axis: Int, range: Range<Int>, result: ValueID)]] = [:]

    init(_ graph: Graph, _ activity: Activity) {
      self.graph = graph
      self.activity = activity
      count = Array(repeating: 0, count: graph.valueCount)
      dependents = Array(repeating: [], count: graph.valueCount)
    }

    mutating func collect(in root: RegionID) {
      for region in graph.regions(from: root) {
        for id in graph[region].operations { collect(from: graph[id]) }
      }
      for (value, parts) in slices { collect(parts, of: value) }
    }

    private mutating func add(from result: ValueID, to operand: ValueID) {
      guard activity.isActive(result), activity.isActive(operand) else { return }
      count[operand.index] += 1
      dependents[result.index].append(.term(operand.index))
    }

    private mutating func addTogether(from results: [ValueID], to operand: ValueID) {
      guard results.allSatisfy(activity.isActive), activity.isActive(operand) else { return }
      count[operand.index] += 1
      groups.append((operand.index, false))
      for result in results { dependents[result.index].append(.together(groups.count - 1)) }
    }

    private mutating func collect(from operation: Operation) {
      let operands = operation.operands
      switch operation.kind {
      case .scan(let scan): collect(from: operation, scan)
      case .binary(.multiply), .dot:
        let (a, b) = (operands[0], operands[1])
        if !isFixedFactor(b) { add(from: operation.result, to: a) }
        if !isFixedFactor(a) { add(from: operation.result, to: b) }
        if let start = operation.start { add(from: operation.result, to: start) }
      case .slice(let axis, let start, let count, let anchor):
        guard anchor == .front, let extent = graph.type(operands[0]).shape[axis].fixed else { return }
        slices[operands[0], default: []].append(
          (axis, start..<min(start + count, extent), operation.result))
      case .unary(let function) where function.traits.contains(.kinked): break
      case .binary(let function) where function.traits.contains(.kinked): break
      // A factor of the derivative may be 0: the other operand, or what is not a power's to have.
      case .binary(.pow), .binary(.atan2): break
      case .reduce(.maximum, _, _), .reduce(.minimum, _, _), .select, .gather: break
      case .surrogate(let surrogate):
        if let source = surrogate.source { add(from: operation.result, to: operands[source]) }
      case .constant, .table, .size, .iota, .random, .compare, .oneHot: break
      case .unary, .binary, .convert, .reduce(.sum, _, _), .broadcast, .reshape, .transpose, .pad, .concat,
        .reverse,
        .reversePrefix, .scatterAdd:
        for operand in operands { add(from: operation.result, to: operand) }
      }
    }

    /// Whether a factor may be 0 for reasons that no parameter changes: a mask, or data.
    private func isFixedFactor(_ value: ValueID) -> Bool {
      if let id = graph.definingOperation(value) {
        let kind = graph[id].kind
        if case .constant(let number, _) = kind { return number == 0 }
        if case .table(let table, _) = kind { return table.numbers.contains(0) }
        if case .size = kind { return false }
        if case .convert = kind { return isFixedFactor(graph[id].operands[0]) }
        if kind.traits.contains(.moving) { return isFixedFactor(graph[id].operands[0]) }
      }
      return !activity.isVarying(value) || isData(value)
    }

    private func isData(_ value: ValueID) -> Bool {
      guard case .argument(.entry, let index) = graph[value].definition else { return false }
      switch graph.inputs[index].role {
      case .data, .target: return true
      case .parameter, .state, .hyperparameter, .optimizer, .lengths, .seed: return false
      }
    }

    private mutating func collect(from operation: Operation, _ scan: ScanAttributes) {
      let body = graph[scan.body]
      for (argument, operand) in zip(body.arguments, operation.operands) { add(from: argument, to: operand) }
      for index in 0..<scan.carries {
        let argument = body.arguments[scan.invariants + index]
        addTogether(from: [operation.results[index], argument], to: body.results[index])
      }
      for (result, inner) in zip(operation.results, body.results).dropFirst(scan.carries) {
        add(from: result, to: inner)
      }
    }

    /// Slices that leave nothing out are one dense term together.
    private mutating func collect(
      _ parts: [(axis: Int, range: Range<Int>, result: ValueID)], of value: ValueID
    ) {
      let byAxis = Dictionary(grouping: parts.filter { activity.isActive($0.result) }, by: \.axis)
      for (axis, parts) in byAxis {
        var end = 0
        for part in parts.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
          if part.range.lowerBound > end { break }
          end = max(end, part.range.upperBound)
        }
        if let extent = graph.type(value).shape[axis].fixed, end >= extent {
          return addTogether(from: parts.map(\.result), to: value)
        }
      }
    }
  }
}
