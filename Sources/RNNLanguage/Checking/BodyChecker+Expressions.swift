import RNNGraph
import RNNSupport

extension BodyChecker {
  /// The value of an expression; nil after a report.
  mutating func check(_ expression: Expression) -> NodeID? {
    guard let values = checkValues(expression) else { return nil }
    if values.count == 1 { return values[0] }
    report(.severalValues(values.count, at: expression.range))
    return nil
  }

  /// The values of an expression, several only for a split or a cell with several outputs; nil after a report.
  mutating func checkValues(_ expression: Expression) -> [NodeID]? {
    nested(at: expression.range) { checker in
      switch expression.kind {
      case .call(let name, let arguments): checker.checkCall(name, arguments, at: expression.range)
      default: checker.checkSingle(expression).map { [$0] }
      }
    }
  }

  private mutating func checkSingle(_ expression: Expression) -> NodeID? {
    let site = expression.range
    switch expression.kind {
    case .number(let value): return literal(value, at: site)
    case .name(let name): return checkName(name, at: site)
    case .next(let name): return checkNext(name, at: site)
    case .negate(let operand):
      guard let operand = checkNumber(operand) else { return nil }
      return add(.unary(.negate), [operand], type(operand), at: site)
    case .binary(.equal, let left, let right):
      return compareAlike(.compare(.equal), left, right, at: site)
    case .binary(.notEqual, let left, let right):
      return compareAlike(.notEqual, left, right, at: site)
    case .binary(let operation, let left, let right):
      let (a, b) = (checkNumber(left), checkNumber(right))
      guard let a, let b else { return nil }
      return checkBinary(operation, a, b, at: site)
    case .element(let base, let index): return checkElement(base, index, at: site)
    case .slice(let base, let start, let end): return checkSlice(base, start, end, at: site)
    case .member(let base, let name, let isNext): return checkMember(base, name, isNext: isNext, at: site)
    case .tuple(let elements):
      report(.severalValues(elements.count, at: site))
      return nil
    case .text:
      report(.textAsValue(at: site))
      return nil
    case .invalid:
      hasFaults = true
      return nil
    case .call: return check(expression)
    }
  }

  mutating func literal(_ value: Double, at site: SourceRange) -> NodeID? {
    add(.literal(value), ValueType([], .constant), at: site)
  }

  private mutating func checkName(_ name: String, at site: SourceRange) -> NodeID? {
    if name == "training", isFree(name) { return add(.training, ValueType([], .constant), at: site) }
    switch lookup(name, at: site) {
    case nil, .faulty?: return nil
    case .value(let node)?: return node
    case .size(let value)?: return literal(Double(value), at: site)
    case .instance(let index)?:
      let cell = instances[index].cell
      let arguments = cell.inputs.map(\.name).joined(separator: ", ")
      report(
        .notAValue(name, "an instance of \(cell.name)", at: site, hint: "apply it: \(name)(\(arguments))"))
      return nil
    }
  }

  private mutating func checkNext(_ name: String, at site: SourceRange) -> NodeID? {
    guard scope.calls.isEmpty, let number = stateNumbers[name] else {
      if !unit.isIncomplete { reportNotAState(name, at: site) }
      return nil
    }
    if let next = states[number].next { return next.node }
    hasFaults = true
    // One that is never assigned is reported where the state is declared.
    if let later = nextDefinitions[name] {
      report(.usedBeforeDefinition("\(name)'", at: site, definedAt: later))
    }
    return nil
  }

  /// The value of an expression that must be of numbers; nil after a report.
  mutating func checkNumber(_ expression: Expression) -> NodeID? {
    check(expression).flatMap { number($0, at: expression.range) }
  }

  /// A value that must be of numbers; nil after a report.
  mutating func number(_ node: NodeID, at site: SourceRange) -> NodeID? {
    if type(node).element == .number { return node }
    report(.notANumber(type(node), at: site))
    return nil
  }

  /// The value of an expression that must be a vector; nil after a report.
  mutating func checkVector(_ expression: Expression, of function: String) -> NodeID? {
    guard let node = checkNumber(expression) else { return nil }
    guard type(node).shape.count == 1 else {
      return reportShape(
        .wrongType(
          "the argument of \(function)", expected: "a vector", found: type(node), at: expression.range))
    }
    return node
  }

  /// Over what a value repeats that is computed from others; nil after a report.
  mutating func join(_ extents: [Extent], at site: SourceRange) -> Extent? {
    var result = Extent.constant
    for extent in extents where extent != .constant && extent != result {
      guard result == .constant else {
        report(.extentsDiffer(result, extent, at: site))
        return nil
      }
      result = extent
    }
    return result
  }

  mutating func join(_ values: [NodeID], at site: SourceRange) -> Extent? {
    join(values.map { type($0).extent }, at: site)
  }

  // MARK: Operators

  private mutating func checkBinary(
    _ operation: BinaryOperator, _ a: NodeID, _ b: NodeID, at site: SourceRange
  )
    -> NodeID?
  {
    switch operation {
    case .add: elementwise(.add, "'+'", a, b, at: site)
    case .subtract: elementwise(.subtract, "'-'", a, b, at: site)
    case .multiply: elementwise(.multiply, "'*'", a, b, at: site)
    case .divide: elementwise(.divide, "'/'", a, b, at: site)
    case .less: compare(.compare(.less), a, b, at: site)
    case .lessOrEqual: compare(.compare(.lessOrEqual), a, b, at: site)
    case .greater: compare(.compare(.less), b, a, at: site)
    case .greaterOrEqual: compare(.compare(.lessOrEqual), b, a, at: site)
    case .equal: compare(.compare(.equal), a, b, at: site)
    case .notEqual: compare(.notEqual, a, b, at: site)
    case .product: product(a, b, at: site)
    }
  }

  mutating func elementwise(
    _ function: BinaryFunction, _ what: String, _ a: NodeID, _ b: NodeID, at site: SourceRange
  ) -> NodeID? {
    guard let result = commonType(what, a, b, at: site) else { return nil }
    return add(.binary(function), [a, b], result, at: site)
  }

  private mutating func compare(
    _ comparison: CheckedOperation, _ a: NodeID, _ b: NodeID, at site: SourceRange
  )
    -> NodeID?
  {
    guard var result = commonType("a comparison", a, b, at: site) else { return nil }
    result.element = .mask
    return add(comparison, [a, b], result, at: site)
  }

  private mutating func compareAlike(
    _ comparison: CheckedOperation, _ left: Expression, _ right: Expression, at site: SourceRange
  ) -> NodeID? {
    guard let (a, b) = checkAlike(left, right) else { return nil }
    return compare(comparison, a, b, at: site)
  }

  /// Two values that are both numbers or both tokens below one size; nil after a report.
  ///
  /// Beside a token, a number that is known when compiling is a token.
  mutating func checkAlike(_ left: Expression, _ right: Expression) -> (NodeID, NodeID)? {
    let (a, b) = (check(left), check(right))
    guard let a, let b else { return nil }
    switch (type(a).element, type(b).element) {
    case (.number, .number): return (a, b)
    case (.mask, _):
      report(.notANumber(type(a), at: left.range))
      return nil
    case (_, .mask):
      report(.notANumber(type(b), at: right.range))
      return nil
    case (.token, .number): return token(b, like: a, at: right.range).map { (a, $0) }
    case (.number, .token): return token(a, like: b, at: left.range).map { ($0, b) }
    case (.token(let first), .token(let second)):
      if first == second { return (a, b) }
      reportShape(.tokensDiffer(type(a), type(b), at: right.range))
      return nil
    }
  }

  /// The token that a number stands for; nil after a report.
  private mutating func token(_ node: NodeID, like other: NodeID, at site: SourceRange) -> NodeID? {
    guard case .token(let size) = type(other).element, let number = number(node) else {
      report(.notAToken(type(node), beside: type(other), at: site))
      return nil
    }
    guard number == number.rounded(), number >= 0, number < Double(size) else {
      return reportShape(.tokenOutOfRange(number, size, at: site))
    }
    return add(.literal(number), ValueType(.token(size), [], .constant), at: site)
  }

  /// The type of what is computed element by element; nil after a report.
  mutating func commonType(_ what: String, _ a: NodeID, _ b: NodeID, at site: SourceRange) -> ValueType? {
    let (left, right) = (type(a), type(b))
    guard left.shape == right.shape || left.isScalar || right.isScalar else {
      reportShape(.shapesDiffer(what, left, right, at: site))
      return nil
    }
    guard let extent = join([a, b], at: site) else { return nil }
    return ValueType(left.isScalar ? right.shape : left.shape, extent)
  }

  private mutating func product(_ a: NodeID, _ b: NodeID, at site: SourceRange) -> NodeID? {
    guard let shape = type(a).product(type(b)) else {
      return reportShape(.doesNotMultiply(type(a), type(b), at: site))
    }
    guard let extent = join([a, b], at: site) else { return nil }
    let stack = type(a).productStack(type(b))
    return add(.product(stack: stack.count), [a, b], ValueType(shape, extent), at: site)
  }

  // MARK: Parts

  private mutating func checkElement(_ base: Expression, _ index: Expression, at site: SourceRange) -> NodeID?
  {
    guard let base = checkNumber(base) else { return nil }
    let found = type(base)
    guard let extent = found.shape.first else {
      return reportShape(
        .wrongType("what has elements", expected: "a vector or matrix", found: found, at: site))
    }
    let rest = Array(found.shape.dropFirst())
    let evaluator = evaluator
    if evaluator.isSize(index) {
      guard let place = evaluator.integer(index) else { return nil }
      guard place >= 0, place < extent else {
        return reportShape(.outOfRange("the place \(place)", of: extent, at: index.range))
      }
      return add(.element(place), [base], ValueType(rest, found.extent), at: site)
    }
    guard let token = check(index) else { return nil }
    guard case .token(let size) = type(token).element else {
      return reportShape(
        .wrongType(
          "what stands in '[ ]'", expected: "a place or a token", found: type(token), at: index.range))
    }
    guard size == extent else {
      return reportShape(
        .wrongType(
          "the token", expected: "token(\(extent)) for \(counted(extent, "row"))", found: type(token),
          at: index.range))
    }
    guard found.extent == .constant else {
      return reportShape(
        Diagnostic(
          "shape", "only rows of a parameter or a constant are found by a token", at: site,
          notes: [Diagnostic.Note("onehot(token) @ m is a row of any matrix m")]))
    }
    return add(.lookup, [base, token], ValueType(rest, type(token).extent), at: site)
  }

  private mutating func checkSlice(
    _ base: Expression, _ start: Expression?, _ end: Expression?, at site: SourceRange
  )
    -> NodeID?
  {
    guard let base = checkNumber(base) else { return nil }
    let found = type(base)
    guard let extent = found.shape.first else {
      return reportShape(.wrongType("what has parts", expected: "a vector or matrix", found: found, at: site))
    }
    let evaluator = evaluator
    let from = start.map { evaluator.integer($0) } ?? 0
    let to = end.map { evaluator.integer($0) } ?? extent
    guard let from, let to else {
      hasFaults = true
      return nil
    }
    guard from >= 0, from < to, to <= extent else {
      return reportShape(.outOfRange("the slice \(from):\(to)", of: extent, at: site))
    }
    let type = ValueType([to - from] + found.shape.dropFirst(), found.extent)
    return add(.slice(start: from, count: to - from), [base], type, at: site)
  }

  // MARK: Members

  private mutating func checkMember(_ base: Expression, _ name: Name, isNext: Bool, at site: SourceRange)
    -> NodeID?
  {
    let isTranspose = name.text == "T" && !isNext
    if let path = instancePath(base), !isTranspose || resolveInstance(path) != nil {
      return checkInstanceMember(path, name, isNext: isNext, at: site)
    }
    guard isTranspose else {
      if check(base) != nil {
        report(
          .unknownName(name.text, "member", at: name.range, among: ["T"])
            .adding([Diagnostic.Note("m.T is the transpose of the matrix m")]))
      }
      return nil
    }
    guard let operand = checkNumber(base) else { return nil }
    let found = type(operand)
    guard found.shape.count > 1 else {
      return reportShape(.wrongType("what is transposed", expected: "a matrix", found: found, at: site))
    }
    let result = ValueType(found.shape.dropLast(2) + found.shape.suffix(2).reversed(), found.extent)
    return add(.transpose, [operand], result, at: site)
  }

  /// The names of `a.b.c` if `a` is an instance.
  private func instancePath(_ expression: Expression) -> [String]? {
    switch expression.kind {
    case .name(let name):
      if case .instance? = scope.names[name]?.entity { return [name] }
      return nil
    case .member(let base, let name, isNext: false): return instancePath(base).map { $0 + [name.text] }
    default: return nil
    }
  }

  /// The cell of the instance at a path that starts in the body.
  private func resolveInstance(_ path: [String]) -> CheckedCell? {
    guard let first = path.first, case .instance(let index)? = scope.names[first]?.entity else { return nil }
    return instances[index].checked.instance(path.dropFirst())?.cell
  }

  private mutating func checkInstanceMember(
    _ path: [String], _ name: Name, isNext: Bool, at site: SourceRange
  )
    -> NodeID?
  {
    guard case .instance(let index)? = lookup(path[0], at: site) else { return nil }
    let instance = instances[index]
    let inner = path.dropFirst()
    guard let (cell, heads) = instance.checked.instance(inner) else {
      let names = instance.cell.instances.map(\.name)
      report(.unknownName(path.joined(separator: "."), "instance", at: site, among: names))
      return nil
    }
    if !isNext, let parameter = cell.parameters.first(where: { $0.name == name.text }) {
      let fullPath = (path + [name.text]).joined(separator: ".")
      return add(.parameter(fullPath), ValueType(heads + parameter.shape, .constant), at: site)
    }
    if !isNext, let constant = cell.constants.first(where: { $0.name == name.text }) {
      let fullPath = (path + [name.text]).joined(separator: ".")
      return add(.parameter(fullPath), ValueType(heads + constant.shape, .constant), at: site)
    }
    let statePath = (inner + [name.text]).joined(separator: ".")
    guard let state = instance.cell.states.firstIndex(where: { $0.name == statePath }) else {
      let names = isNext ? [] : cell.parameters.map(\.name) + cell.constants.map(\.name)
      report(.unknownName(name.text, "member", at: name.range, among: names + cell.states.map(\.name)))
      return nil
    }
    let shape = instance.checked.states[state].shape
    if isNext {
      guard let application = instance.applications.last else {
        report(.notYetApplied(path[0], at: site))
        return nil
      }
      return add(.nextState(state), [application], ValueType(shape, .example), at: site)
    }
    if isModel {
      report(
        .misplaced(
          "the previous value of a state", in: .model, at: site,
          hint: "the value after the last step is \(path.joined(separator: ".")).\(name.text)'"))
      return nil
    }
    return add(.state(instance.firstState + state), ValueType(shape, .example), at: site)
  }
}
