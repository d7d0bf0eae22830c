import RNNGraph
import RNNSupport

extension BodyChecker {
  /// Checks a call of a function of the language.
  mutating func call(_ builtin: Builtin, _ arguments: [Argument], at site: SourceRange, callee: SourceRange)
    -> [NodeID]?
  {
    for label in arguments.compactMap(\.label) where !builtin.labels.contains(label.text) {
      report(.unknownLabel(label, notes: [Diagnostic.Note("it is used as \(builtin.signature)")]))
      return nil
    }
    let values = arguments.filter { $0.label == nil }.map(\.value)
    guard builtin.argumentCount.contains(values.count) else {
      report(
        .argumentCount(builtin.signature, expected: builtin.argumentCount, found: values.count, at: callee))
      return nil
    }
    switch builtin {
    case .elementwise(let function): return unary(function, values[0], at: site).map { [$0] }
    case .composed(.split): return split(values[0], values[1], at: site)
    case .composed(let composition):
      let labelled = arguments.filter { $0.label != nil }
      if labelled.count > 1, let second = labelled[1].label {
        report(.secondLabel(second, composition.signature))
        return nil
      }
      return callSingle(composition, values, labelled: labelled.first, at: site).map { [$0] }
    }
  }

  private mutating func callSingle(
    _ builtin: Composition, _ values: [Expression], labelled: Argument?, at site: SourceRange
  ) -> NodeID? {
    switch builtin {
    case .relu: relu(values[0], at: site)
    case .square: square(values[0], at: site)
    case .silu: silu(values[0], at: site)
    case .gelu: gelu(values[0], at: site)
    case .clamp: clamp(values[0], values[1], values[2], at: site)
    case .pow: pair(.pow, builtin, values, at: site)
    case .atan2: pair(.atan2, builtin, values, at: site)
    case .logaddexp: pair(.logaddexp, builtin, values, at: site)
    case .max where values.count == 2:
      extremum(.maximum, builtin, values[0], values[1], labelled, at: site)
    case .min where values.count == 2:
      extremum(.minimum, builtin, values[0], values[1], labelled, at: site)
    case .max: along(.reduce(.maximum), builtin, values[0], over: labelled, at: site)
    case .min: along(.reduce(.minimum), builtin, values[0], over: labelled, at: site)
    case .sum: along(.reduce(.sum), builtin, values[0], over: labelled, at: site)
    case .mean: along(.mean, builtin, values[0], over: labelled, at: site)
    case .softmax: along(.softmax(isLogarithmic: false), builtin, values[0], over: labelled, at: site)
    case .logSoftmax: along(.softmax(isLogarithmic: true), builtin, values[0], over: labelled, at: site)
    case .logsumexp: along(.logSumExp, builtin, values[0], over: labelled, at: site)
    case .norm: along(.norm, builtin, values[0], over: labelled, at: site)
    case .dot: dot(values[0], values[1], at: site)
    case .outer: outer(values[0], values[1], at: site)
    case .reshape: reshape(values[0], Array(values.dropFirst()), at: site)
    case .each: each(values, at: site)
    case .where: select(values, at: site)
    case .concat: concat(values, at: site)
    case .onehot: oneHot(values[0], at: site)
    case .argmax: argmax(values[0], at: site)
    case .crossEntropy: crossEntropy(values[0], values[1], smoothing: labelled?.value, at: site)
    case .mse: squaredError(values[0], values[1], at: site)
    case .last: overSteps(.last, builtin, values[0], extent: .example, at: site)
    case .total: overSteps(.total, builtin, values[0], extent: .example, at: site)
    case .reverse: overSteps(.reverse, builtin, values[0], extent: nil, at: site)
    case .softmaxSteps: overSteps(.softmaxOverSteps, builtin, values[0], extent: nil, at: site)
    case .repeat: repeated(values[0], labelled, at: site)
    case .bernoulli: bernoulli(values[0], like: labelled?.value, at: site)
    case .uniform: draw(.uniform, builtin, like: labelled?.value, at: site)
    case .normal: draw(.normal, builtin, like: labelled?.value, at: site)
    case .dropout: dropout(values[0], values[1], at: site)
    case .sample: sample(values[0], at: site)
    case .gumbelSoftmax: gumbelSoftmax(values[0], values[1], at: site)
    case .stopGradient: stopGradient(values[0], at: site)
    case .straightThrough: straightThrough(values[0], values[1], at: site)
    case .clipGradient: clipGradient(values[0], values[1], at: site)
    case .gradient: gradient(values[0], values[1], at: site)
    case .split: nil
    }
  }

  // MARK: Elements

  private mutating func unary(_ function: UnaryFunction, _ value: Expression, at site: SourceRange) -> NodeID?
  {
    guard let x = checkNumber(value) else { return nil }
    return add(.unary(function), [x], type(x), at: site)
  }

  private mutating func relu(_ value: Expression, at site: SourceRange) -> NodeID? {
    guard let x = checkNumber(value), let zero = literal(0, at: site) else { return nil }
    return add(.binary(.maximum), [x, zero], type(x), at: site)
  }

  private mutating func square(_ value: Expression, at site: SourceRange) -> NodeID? {
    guard let x = checkNumber(value) else { return nil }
    return add(.binary(.multiply), [x, x], type(x), at: site)
  }

  /// `x * sigmoid(x)`.
  private mutating func silu(_ value: Expression, at site: SourceRange) -> NodeID? {
    guard let x = checkNumber(value), let share = add(.unary(.sigmoid), [x], type(x), at: site) else {
      return nil
    }
    return add(.binary(.multiply), [x, share], type(x), at: site)
  }

  /// `x * (0.5 * erf(x / √2) + 0.5)`.
  private mutating func gelu(_ value: Expression, at site: SourceRange) -> NodeID? {
    guard let x = checkNumber(value), let root = literal(0.5.squareRoot(), at: site),
      let half = literal(0.5, at: site)
    else { return nil }
    guard let scaled = add(.binary(.multiply), [x, root], type(x), at: site),
      let error = add(.unary(.erf), [scaled], type(x), at: site),
      let halved = add(.binary(.multiply), [error, half], type(x), at: site),
      let share = add(.binary(.add), [halved, half], type(x), at: site)
    else { return nil }
    return add(.binary(.multiply), [x, share], type(x), at: site)
  }

  /// `where(x < low, low, x)`, and so on with `high`: unlike that of `min(max(x, low), high)`, its derivative is 1 at the
  /// limits.
  private mutating func clamp(
    _ value: Expression, _ low: Expression, _ high: Expression, at site: SourceRange
  ) -> NodeID? {
    let (x, lower, upper) = (checkNumber(value), checkNumber(low), checkNumber(high))
    guard let x, let lower, let upper else { return nil }
    if let first = number(lower), let second = number(upper), first > second {
      report(.limitsCross(first, second, at: low.range))
      return nil
    }
    func limit(_ checker: inout BodyChecker, _ x: NodeID, to limit: NodeID, isBelow: Bool) -> NodeID? {
      guard let type = checker.commonType("clamp", x, limit, at: site) else { return nil }
      let mask = ValueType(.mask, type.shape, type.extent)
      let isBeyond = checker.add(.compare(.less), isBelow ? [x, limit] : [limit, x], mask, at: site)
      return isBeyond.flatMap { checker.add(.select, [$0, limit, x], type, at: site) }
    }
    return limit(&self, x, to: lower, isBelow: true).flatMap {
      limit(&self, $0, to: upper, isBelow: false)
    }
  }

  private mutating func extremum(
    _ function: BinaryFunction, _ builtin: Composition, _ left: Expression, _ right: Expression,
    _ labelled: Argument?, at site: SourceRange
  ) -> NodeID? {
    if let label = labelled?.label {
      report(.axisOfTwoValues(label, builtin.rawValue))
      return nil
    }
    return pair(function, builtin, [left, right], at: site)
  }

  /// A function of two values, element by element.
  private mutating func pair(
    _ function: BinaryFunction, _ builtin: Composition, _ values: [Expression], at site: SourceRange
  ) -> NodeID? {
    let (a, b) = (checkNumber(values[0]), checkNumber(values[1]))
    guard let a, let b else { return nil }
    return elementwise(function, builtin.rawValue, a, b, at: site)
  }

  private mutating func select(_ values: [Expression], at site: SourceRange) -> NodeID? {
    let (mask, choices) = (check(values[0]), checkAlike(values[1], values[2]))
    guard let mask, let (a, b) = choices else { return nil }
    guard type(mask).element == .mask else {
      return reportShape(
        .wrongType(
          "the condition", expected: "a mask such as x > 0", found: type(mask), at: values[0].range))
    }
    guard var result = commonType("where", a, b, at: site) else { return nil }
    let condition = type(mask)
    guard condition.shape == result.shape || condition.isScalar || result.isScalar else {
      return reportShape(.shapesDiffer("a condition and its values", condition, result, at: site))
    }
    guard let extent = join([mask, a, b], at: site) else { return nil }
    result = ValueType(type(a).element, result.isScalar ? condition.shape : result.shape, extent)
    return add(.select, [mask, a, b], result, at: site)
  }

  // MARK: Vectors

  private mutating func dot(_ left: Expression, _ right: Expression, at site: SourceRange) -> NodeID? {
    let (a, b) = (checkVector(left, of: "dot"), checkVector(right, of: "dot"))
    guard let a, let b else { return nil }
    guard let product = elementwise(.multiply, "dot", a, b, at: site) else { return nil }
    return add(.along(axis: 0, .reduce(.sum)), [product], ValueType([], type(product).extent), at: site)
  }

  private mutating func concat(_ values: [Expression], at site: SourceRange) -> NodeID? {
    let parts = values.map { checkNumber($0) }
    var nodes: [NodeID] = []
    var count = 0
    for (part, value) in zip(parts, values) {
      guard let part else { return nil }
      let found = type(part).shape
      guard let extent = found.first, let first = nodes.first.map({ type($0).shape }) ?? Optional(found),
        first.dropFirst() == found.dropFirst()
      else {
        return reportShape(
          .wrongType(
            "a part of concat", expected: "vectors, or matrices with rows of one length", found: type(part),
            at: value.range))
      }
      nodes.append(part)
      count += extent
    }
    guard let first = nodes.first, let extent = join(nodes, at: site) else { return nil }
    return add(.concat, nodes, ValueType([count] + type(first).shape.dropFirst(), extent), at: site)
  }

  private mutating func split(_ value: Expression, _ count: Expression, at site: SourceRange) -> [NodeID]? {
    let (x, parts) = (checkNumber(value), evaluator.size(count))
    guard let x, let parts else {
      hasFaults = true
      return nil
    }
    guard let extent = type(x).shape.first else {
      reportShape(
        .wrongType("the argument of split", expected: "a vector or matrix", found: type(x), at: value.range))
      return nil
    }
    guard extent % parts == 0 else {
      reportShape(.notDivisible(extent, by: parts, at: site))
      return nil
    }
    let part = extent / parts
    let result = ValueType([part] + type(x).shape.dropFirst(), type(x).extent)
    var nodes: [NodeID] = []
    for index in 0..<parts {
      guard let node = add(.slice(start: index * part, count: part), [x], result, at: site) else {
        return nil
      }
      nodes.append(node)
    }
    return nodes
  }

  // MARK: Tokens and losses

  private mutating func oneHot(_ value: Expression, at site: SourceRange) -> NodeID? {
    guard let token = check(value) else { return nil }
    guard case .token(let size) = type(token).element else {
      return reportShape(
        .wrongType("the argument of onehot", expected: "a token", found: type(token), at: value.range))
    }
    return add(.oneHot, [token], ValueType([size], type(token).extent), at: site)
  }

  private mutating func argmax(_ value: Expression, at site: SourceRange) -> NodeID? {
    checkVector(value, of: "argmax").flatMap { argmax($0, of: "argmax", value, at: site) }
  }

  /// The place of the greatest element of a vector that an expression has given to a function.
  mutating func argmax(_ x: NodeID, of function: String, _ value: Expression, at site: SourceRange) -> NodeID?
  {
    // Places are found as numbers, and `f32` tells them apart up to here.
    guard type(x).shape[0] <= 1 << 24 else {
      return reportShape(.tooManyPlaces(function, type(x).shape[0], at: value.range))
    }
    return add(.argmax, [x], ValueType(.token(type(x).shape[0]), [], type(x).extent), at: site)
  }

  private mutating func crossEntropy(
    _ logits: Expression, _ target: Expression, smoothing: Expression?, at site: SourceRange
  ) -> NodeID? {
    let (x, token) = (checkVector(logits, of: "cross_entropy"), checkTarget(target))
    var share: Double? = 0
    if let smoothing {
      share = checkConstant(smoothing, "the smoothing", "a number from 0 to 1") { $0 >= 0 && $0 <= 1 }
    }
    guard let x, let token, let share else { return nil }
    guard case .token(let size) = type(token).element else {
      return reportShape(
        .wrongType(
          "the second argument of cross_entropy", expected: "a token", found: type(token), at: target.range))
    }
    guard type(x).shape == [size] else {
      return reportShape(
        .wrongType(
          "the logits", expected: "[\(size)] for \(type(token).step)", found: type(x), at: logits.range))
    }
    guard let extent = join([x, token], at: site) else { return nil }
    if isSoftmax(x) { report(.softmaxTwice(at: logits.range)) }
    return add(.crossEntropy(smoothing: share), [x, token], ValueType([], extent), at: site)
  }

  /// The value that a loss compares with; a name that is not known is one of a target that is not declared.
  private mutating func checkTarget(_ expression: Expression) -> NodeID? {
    guard case .name(let name) = expression.kind, isModel, scope.calls.isEmpty, isUnknown(name) else {
      return check(expression)
    }
    let (names, definitions) = (scope.names, definitions)
    let known = checker.names(forReportAt: expression.range) { Array(names.keys) + definitions.keys }
    let hint =
      "what a loss compares with is declared, as in 'target \(name): seq token(V)' or 'target \(name): seq [H]'"
    report(.unknownName(name, "name", at: expression.range, among: known).adding([Diagnostic.Note(hint)]))
    return nil
  }

  /// Whether a value is what softmax gives, here or as the output of a cell.
  private func isSoftmax(_ node: NodeID) -> Bool {
    var (nodes, node) = (nodes, nodes[node.index])
    var instances = instances.map(\.cell)
    while true {
      switch node.operation {
      case .along(_, .softmax(isLogarithmic: false)): return true
      case .last, .reverse, .repeated: node = nodes[node.operands[0].index]
      case .result(let output):
        guard case .apply(let application) = nodes[node.operands[0].index].operation else { return false }
        let cell = instances[application.instance]
        (nodes, instances) = (cell.nodes, cell.instances.map(\.cell))
        node = cell.nodes[cell.outputs[output].node.index]
      default: return false
      }
    }
  }

  private mutating func squaredError(_ left: Expression, _ right: Expression, at site: SourceRange) -> NodeID?
  {
    let (a, b) = (checkNumber(left), checkTarget(right).flatMap { number($0, at: right.range) })
    guard let a, let b else { return nil }
    guard type(a).shape == type(b).shape else {
      return reportShape(.shapesDiffer("mse", type(a), type(b), at: site))
    }
    guard let extent = join([a, b], at: site) else { return nil }
    return add(.squaredError, [a, b], ValueType([], extent), at: site)
  }
}
