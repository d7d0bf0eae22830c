import RNNGraph
import RNNSupport

/// Computes all elements of a constant when compiling.
///
/// Each part of the formula is computed for all elements at once, or once if it is the same for all.
struct ConstantEvaluator {
  /// The values of a part of the formula at the elements of the constant.
  enum Numbers {
    case one(Double)
    case all([Double])
    /// The outcomes of a comparison.
    case masks(Bool, [Bool])
  }

  private let checker: Checker
  private var module: Int
  private let shape: [Int]
  private let notes: [Diagnostic.Note]
  /// What names mean: sizes, indices, numbers, and constants of the same shape; in a function, its parameters.
  var names: [String: Numbers] = [:]
  /// The constants before this one, whose elements can be taken.
  var constants: [String: (shape: [Int], numbers: [Double])] = [:]
  /// The names of the body that are not known when compiling, and where they are declared.
  var known: [String: SourceRange] = [:]
  /// Those that are at fault, and reported.
  var faulty: Set<String> = []
  /// The names of the body that the formula has.
  private(set) var used: Set<String> = []
  /// The functions that are being written out.
  private var functions: [DeclarationID] = []

  init(_ checker: Checker, module: Int, shape: [Int], _ notes: [Diagnostic.Note]) {
    self.checker = checker
    self.module = module
    self.shape = shape
    self.notes = notes
  }

  private var count: Int { shape.reduce(1, *) }

  /// Lets the indices count along the axes, from 0.
  mutating func addIndices(_ indices: [String]) {
    for (axis, index) in indices.enumerated() {
      let inner = shape.dropFirst(axis + 1).reduce(1, *)
      names[index] = .all((0..<count).map { Double($0 / inner % shape[axis]) })
    }
  }

  /// The numbers of all elements, the last axis contiguous; nil after a report.
  mutating func elements(_ expression: Expression) -> [Double]? {
    if case .tuple = expression.kind { return list(expression, shape[...]) }
    switch value(expression) {
    case nil: return nil
    case .one(let number): return Array(repeating: number, count: count)
    case .all(let numbers): return numbers
    case .masks: return fail(.notANumber(ValueType(.mask, shape, .constant), at: expression.range))
    }
  }

  private func fail<Result>(_ diagnostic: Diagnostic) -> Result? {
    checker.report(diagnostic.adding(notes))
    return nil
  }

  /// Numbers in parentheses, as many as an axis has, each of which may be such a list for the next axis.
  private mutating func list(_ expression: Expression, _ shape: ArraySlice<Int>) -> [Double]? {
    // A list of one value is the value: parentheses around it say nothing.
    if shape.first == 1 { return list(expression, shape.dropFirst()) }
    guard case .tuple(let items) = expression.kind, let extent = shape.first else {
      guard shape.isEmpty else {
        return fail(.listExpected(Array(shape), at: expression.range))
      }
      switch value(expression) {
      case nil: return nil
      case .one(let number): return [number]
      case .all, .masks: return fail(.elementOfList(at: expression.range))
      }
    }
    guard items.count == extent else {
      return fail(.listCount(items.count, extent, at: expression.range))
    }
    var numbers: [Double] = []
    for item in items {
      guard let inner = list(item, shape.dropFirst()) else { return nil }
      numbers += inner
    }
    return numbers
  }

  private mutating func value(_ expression: Expression) -> Numbers? {
    let site = expression.range
    switch expression.kind {
    case .number(let number): return .one(number)
    case .name(let name): return self.name(name, at: site)
    case .negate(let operand): return number(operand).map { map($0) { -$0 } }
    case .binary(let operation, let left, let right):
      guard let a = number(left), let b = number(right) else { return nil }
      return binary(operation, a, b, at: site)
    case .call(let name, let arguments): return call(name, arguments, at: site)
    case .element: return element(expression)
    case .tuple, .slice, .member, .next, .text: return fail(.notAFormula(at: site))
    case .invalid: return nil
    }
  }

  /// A value that must be of numbers.
  private mutating func number(_ expression: Expression) -> Numbers? {
    guard let value = value(expression) else { return nil }
    if case .masks = value { return fail(.notANumber(ValueType(.mask, [], .constant), at: expression.range)) }
    return value
  }

  private mutating func name(_ name: String, at site: SourceRange) -> Numbers? {
    if known[name] != nil { used.insert(name) }
    if let value = names[name] { return value }
    if let constant = constants[name] {
      return fail(
        .shapesDiffer(
          "a formula of elements", ValueType(shape, .constant), ValueType(constant.shape, .constant), at: site
        ))
    }
    switch name {
    case "zeros": return .one(0)
    case "ones": return .one(1)
    default: break
    }
    if faulty.contains(name) { return nil }
    if let declaration = known[name] {
      return fail(.notKnownWhenCompiling(name, at: site, declaredAt: declaration))
    }
    let hint = "a formula has numbers, sizes, indices and other constants: const A[i, j]: [N, N] = i - j"
    return fail(.unknownName(name, "name", at: site, among: Array(names.keys), hint: hint))
  }

  /// `A[i][j]` of another constant.
  private mutating func element(_ expression: Expression) -> Numbers? {
    var (base, indices) = (expression, [Expression]())
    while case .element(let inner, let index) = base.kind {
      indices.insert(index, at: 0)
      base = inner
    }
    guard case .name(let name) = base.kind else { return fail(.notAFormula(at: expression.range)) }
    guard let constant = constants[name] else {
      return self.name(name, at: base.range) == nil ? nil : fail(.notAFormula(at: expression.range))
    }
    used.insert(name)
    guard indices.count == constant.shape.count else {
      return fail(.indexCountOfElement(name, constant.shape, at: expression.range))
    }
    var places: Numbers = .one(0)
    for (index, extent) in zip(indices, constant.shape) {
      guard let place = number(index) else { return nil }
      if let wrong = place.first(where: { !($0 >= 0 && $0 < Double(extent) && $0 == $0.rounded()) }) {
        return fail(.outOfRange("the place \(spelled(wrong))", of: extent, at: index.range))
      }
      places = map(places, place) { $0 * Double(extent) + $1 }
    }
    return map(places) { constant.numbers[Int($0)] }
  }

  // MARK: Calls

  private mutating func call(_ name: Name, _ arguments: [Argument], at site: SourceRange) -> Numbers? {
    if let id = checker.program.lookup(name.text, in: module),
      case .function(let function) = checker.program[id]
    {
      return inline(function, id, arguments, at: name.range)
    }
    if let draw = Draw(rawValue: name.text) { return self.draw(draw, arguments, at: site) }
    if name.text == "file" { return file(arguments, at: site) }
    guard let builtin = Builtin(rawValue: name.text) else {
      let known = Builtin.names + Draw.allCases.map(\.rawValue) + ["file"]
      return fail(.unknownFunction(name, "function", among: known))
    }
    if let label = arguments.compactMap(\.label).first {
      return fail(.unknownLabel(label, notes: [Diagnostic.Note("it is used as \(builtin.signature)")]))
    }
    guard builtin.argumentCount.contains(arguments.count) else {
      return fail(
        .argumentCount(
          builtin.signature, expected: builtin.argumentCount, found: arguments.count, at: name.range))
    }
    if case .composed(.where) = builtin { return select(arguments.map(\.value)) }
    var values: [Numbers] = []
    for argument in arguments {
      guard let value = number(argument.value) else { return nil }
      values.append(value)
    }
    return apply(builtin, values) ?? fail(.notElementwise(name))
  }

  /// A function of the language, element by element; nil of one that is not.
  private func apply(_ builtin: Builtin, _ x: [Numbers]) -> Numbers? {
    switch builtin {
    case .elementwise(let function): return map(x[0], function.evaluate)
    case .composed(let composition):
      switch (composition, x.count) {
      case (.relu, 1): return map(x[0]) { max($0, 0) }
      case (.square, 1): return map(x[0]) { $0 * $0 }
      case (.silu, 1): return map(x[0]) { $0 * UnaryFunction.sigmoid.evaluate($0) }
      case (.gelu, 1):
        return map(x[0]) { $0 * (0.5 * UnaryFunction.erf.evaluate($0 * 0.5.squareRoot()) + 0.5) }
      case (.clamp, 3):
        let raised = map(x[0], x[1]) { $0 < $1 ? $1 : $0 }
        return map(raised, x[2]) { $1 < $0 ? $1 : $0 }
      case (.pow, 2): return map(x[0], x[1], BinaryFunction.pow.evaluate)
      case (.atan2, 2): return map(x[0], x[1], BinaryFunction.atan2.evaluate)
      case (.logaddexp, 2): return map(x[0], x[1], BinaryFunction.logaddexp.evaluate)
      case (.max, 2): return map(x[0], x[1], BinaryFunction.maximum.evaluate)
      case (.min, 2): return map(x[0], x[1], BinaryFunction.minimum.evaluate)
      default: return nil
      }
    }
  }

  private mutating func select(_ arguments: [Expression]) -> Numbers? {
    guard let condition = value(arguments[0]), let a = number(arguments[1]), let b = number(arguments[2])
    else {
      return nil
    }
    guard case .masks(let isOne, let masks) = condition else {
      return fail(
        .wrongType(
          "the condition", expected: "a mask such as i < j", found: ValueType([], .constant),
          at: arguments[0].range))
    }
    if isOne { return masks[0] ? a : b }
    let (first, second) = (a.elements(count), b.elements(count))
    return .all(masks.indices.map { masks[$0] ? first[$0] : second[$0] })
  }

  /// Writes a function of the program out in place of its call.
  private mutating func inline(
    _ function: FunctionDeclaration, _ id: DeclarationID, _ arguments: [Argument], at site: SourceRange
  ) -> Numbers? {
    if function.isInvalid || checker.faultyFunctions.contains(id) || functions.contains(id) { return nil }
    let count = function.parameters.count
    guard arguments.count == count, arguments.allSatisfy({ $0.label == nil }) else {
      return fail(
        .argumentCount(function.signature, expected: count...count, found: arguments.count, at: site))
    }
    var inner = self
    inner.names = [:]
    inner.known = [:]
    inner.faulty = []
    inner.constants = [:]
    inner.module = id.module
    inner.functions.append(id)
    for (parameter, argument) in zip(function.parameters, arguments) {
      guard let value = value(argument.value) else { return nil }
      inner.names[parameter.text] = value
    }
    return inner.value(function.body)
  }

  // MARK: Draws and files

  private enum Draw: String, CaseIterable { case uniform, normal, orthogonal }

  /// Random numbers, which follow from the seed that is written and from their places.
  private mutating func draw(_ draw: Draw, _ arguments: [Argument], at site: SourceRange) -> Numbers? {
    let values = arguments.filter { $0.label == nil }
    guard values.count <= (draw == .orthogonal ? 0 : 1), arguments.count == values.count + 1,
      let argument = arguments.first(where: { $0.label?.text == "seed" })
    else { return fail(.badDraw(draw.rawValue, at: site)) }
    guard case .one(let seed)? = number(argument.value), let whole = UInt64(exactly: seed) else {
      return fail(.badSeed(at: argument.value.range))
    }
    var scale: Double?
    if let value = values.first {
      guard case .one(let number)? = number(value.value), number >= 0 else {
        return fail(.badScale(draw.rawValue, at: value.value.range))
      }
      scale = number
    }
    var stream = RandomStream(seed: whole, name: "constant \(draw.rawValue)")
    switch draw {
    case .uniform:
      return .all((0..<count).map { _ in scale.map { (2 * stream.uniform() - 1) * $0 } ?? stream.uniform() })
    case .normal: return .all((0..<count).map { _ in stream.normal() * (scale ?? 1) })
    case .orthogonal:
      guard shape.count == 2 else {
        return fail(
          .wrongType(
            "an orthogonal constant", expected: "a matrix", found: ValueType(shape, .constant), at: site))
      }
      return .all(stream.orthogonal(rows: shape[0], columns: shape[1]))
    }
  }

  /// The tensor of a file.
  private func file(_ arguments: [Argument], at site: SourceRange) -> Numbers? {
    guard arguments.count == 2, arguments.allSatisfy({ $0.label == nil }),
      case .text(let path) = arguments[0].value.kind, case .text(let name) = arguments[1].value.kind
    else { return fail(.badFile(at: site)) }
    let tensor: FileTensor
    do throws(DiagnosticError) {
      tensor = try checker.program.tensor(path, name, in: module)
    } catch {
      let message = error.diagnostics.sorted.first?.message ?? "cannot read '\(path)'"
      return fail(.unreadableTensor(message, at: site))
    }
    guard tensor.shape == shape else {
      return fail(
        .wrongType(
          "tensor '\(name)'", expected: shape.bracketed, found: ValueType(tensor.shape, .constant), at: site))
    }
    return .all(tensor.numbers)
  }

  // MARK: Elements

  private func binary(_ operation: BinaryOperator, _ a: Numbers, _ b: Numbers, at site: SourceRange)
    -> Numbers?
  {
    switch operation {
    case .add: map(a, b, +)
    case .subtract: map(a, b, -)
    case .multiply: map(a, b, *)
    case .divide: map(a, b, /)
    case .less: compare(a, b, <)
    case .lessOrEqual: compare(a, b, <=)
    case .greater: compare(a, b, >)
    case .greaterOrEqual: compare(a, b, >=)
    case .equal: compare(a, b, ==)
    case .notEqual: compare(a, b, !=)
    case .product: fail(.notAFormula(at: site))
    }
  }

  private func map(_ x: Numbers, _ function: (Double) -> Double) -> Numbers {
    if case .one(let number) = x { return .one(function(number)) }
    return .all(x.elements(count).map(function))
  }

  private func map(_ a: Numbers, _ b: Numbers, _ function: (Double, Double) -> Double) -> Numbers {
    if case .one(let first) = a, case .one(let second) = b { return .one(function(first, second)) }
    return .all(zip(a.elements(count), b.elements(count)).map(function))
  }

  private func compare(_ a: Numbers, _ b: Numbers, _ holds: (Double, Double) -> Bool) -> Numbers {
    if case .one(let first) = a, case .one(let second) = b { return .masks(true, [holds(first, second)]) }
    return .masks(false, zip(a.elements(count), b.elements(count)).map(holds))
  }
}

extension ConstantEvaluator.Numbers {
  /// The number at each element.
  fileprivate func elements(_ count: Int) -> [Double] {
    switch self {
    case .one(let number): Array(repeating: number, count: count)
    case .all(let numbers): numbers
    case .masks: preconditionFailure("a mask is no number")
    }
  }

  fileprivate func first(where isWanted: (Double) -> Bool) -> Double? {
    switch self {
    case .one(let number): isWanted(number) ? number : nil
    case .all(let numbers): numbers.first(where: isWanted)
    case .masks: nil
    }
  }
}
