import RNNTestSupport

/// The inside of a cell, model or function that is being written: the names that there are, and the statements so far.
///
/// An expression that turns out not to fit is taken back with all that it declared: `state` is a value.
final class Scope {
  /// What a statement or expression may add.
  struct State {
    /// Named values, parameters too, oldest first.
    var pool: [Term] = []
    /// Statements in both languages.
    var lines: [(rnn: String, python: String)] = []
    var parameters: [Parameter] = []
    var instances: [Instance] = []
    /// Random draws: the path below this unit, and the name of the value that must be put out to tell them.
    var draws: [(path: String, term: Term)] = []
    /// How often each name of the pool is read.
    var uses: [String: Int] = [:]
    var counter = 0
  }

  struct Parameter {
    let name: String
    let shape: [Extent]
    /// Elements lie between minus this and this.
    let bound: Double
  }

  let program: ProgramGenerator
  let isModel: Bool
  /// The sizes of the unit, with numbers that they may have.
  let sizes: [String: Int]
  var random: SplitMix64
  var state = State()
  /// In a model, the first input of each number of steps.
  var sequences: [(steps: String, name: String)] = []
  /// Functions allow elementwise expressions of their parameters alone.
  var isFunction = false

  init(_ program: ProgramGenerator, isModel: Bool, sizes: [String: Int], _ random: SplitMix64) {
    self.program = program
    self.isModel = isModel
    self.sizes = sizes
    self.random = random
  }

  // MARK: Names

  func fresh(_ prefix: String) -> String {
    state.counter += 1
    return "\(prefix)\(state.counter)"
  }

  /// Names a term in a statement of its own, and lets others read it.
  @discardableResult
  func define(_ term: Term) -> Term {
    let name = fresh("v")
    state.lines.append(("\(name) = \(term.rnn)", "\(name) = \(term.python)"))
    return add(Term(rnn: name, python: name, type: term.type, range: term.range))
  }

  @discardableResult
  func add(_ term: Term) -> Term {
    state.pool.append(term)
    return term
  }

  func use(_ term: Term) -> Term {
    state.uses[term.rnn, default: 0] += 1
    return term
  }

  var unused: [Term] { state.pool.filter { state.uses[$0.rnn] == nil } }

  /// A new parameter of the unit.
  func parameter(_ shape: [Extent], isZero: Bool = false) -> Term {
    let name = fresh(shape.count > 1 ? "W" : "b")
    let columns = shape.count > 1 ? Double(shape[shape.count - 1].value(sizes)) : 1
    let bound = isZero ? 0 : 1 / columns.squareRoot()
    state.parameters.append(Parameter(name: name, shape: shape, bound: bound))
    let term = Term(
      rnn: name, python: isModel ? "P[\"\(name)\"]" : "c.\(name)", type: ValueType(shape, .fixed),
      range: .within(bound))
    // What has an infinite derivative is read once.
    return isZero ? term : use(add(term))
  }

  /// An extent made of the sizes of the unit.
  func extent() -> Extent {
    let name = random.pick(sizes.keys.sorted()).map { Extent($0) } ?? Extent(3)
    switch random.below(8) {
    case 0: return 2 * name
    case 1: return Extent(1 + random.below(4))
    case 2: return name + Extent(1)
    default: return name
    }
  }

  // MARK: Expressions

  /// Takes back what an attempt added if it gave nothing.
  func attempt<Result>(_ make: () -> Result?) -> Result? {
    let saved = state
    if let result = make() { return result }
    state = saved
    return nil
  }

  /// A random expression, nested this deep at most.
  func grow(_ depth: Int) -> Term? {
    for _ in 0..<6 {
      let construct = Construct.pick(&random, for: self)
      if let term = attempt({ construct.make(self, depth) }) { return calm(term) }
    }
    return nil
  }

  /// An operand: a name, or an expression in its place.
  func operand(_ depth: Int, where fits: (Term) -> Bool = { $0.type.isNumber }) -> Term? {
    if depth > 0, random.chance(0.4),
      let term = attempt({ grow(depth - 1).flatMap { fits($0) ? $0 : nil } })
    {
      return term
    }
    let fitting = state.pool.filter(fits)
    let fresh = fitting.filter { state.uses[$0.rnn] == nil }
    return random.pick(!fresh.isEmpty && random.chance(0.5) ? fresh : fitting).map(use)
  }

  /// The term, squashed if its elements may be large.
  func calm(_ term: Term, bound: Double = 6) -> Term {
    guard term.type.isNumber, term.bound > bound else { return term }
    switch random.below(4) {
    case 0: return .call("sin", [term], term.type, .within(1))
    case 1 where term.bound < 40:
      let factor = (bound / term.bound * 100).rounded(.down) / 100
      return .binary(
        "*", "multiply", .product, .number(factor), term, term.type, term.range.through { $0 * factor })
    default: return .call("tanh", [term], term.type, .within(1))
    }
  }

  /// A number with a few digits, so that sums with it meet no kink by chance.
  func literal(_ range: ClosedRange<Double> = 0.1...1.5) -> Term {
    .number(((Double.random(in: range, using: &random) * 1000).rounded() * 1000 + 137) / 1e6)
  }

  /// A number, or one made of a size.
  func number() -> Term {
    guard random.chance(0.2), let size = random.pick(sizes.keys.sorted()) else { return literal() }
    let type = ValueType([], .fixed)
    return random.chance(0.5)
      ? Term(
        rnn: "1 / sqrt(\(size))", python: "(1 / square_root(\(size)))", level: .product, type: type,
        range: 0.2...1)
      : Term(rnn: "\(size) / 10", python: "(\(size) / 10)", level: .product, type: type, range: 0.1...1.8)
  }

  func shifted(_ term: Term) -> Term {
    let shift = literal(0.05...0.7)
    return random.chance(0.5)
      ? .binary("+", "add", .sum, term, shift, term.type, term.range.through { $0 + shift.bound })
      : .binary("-", "subtract", .sum, term, shift, term.type, term.range.through { $0 - shift.bound })
  }

  /// A vector, mostly with a parameter added, so that equal elements such as a state's zeros do not stay equal.
  func spread(_ vector: Term) -> Term {
    if random.chance(0.1) { return vector }
    let shift = parameter(vector.type.shape)
    return .binary("+", "add", .sum, vector, shift, vector.type, .within(vector.bound + shift.bound))
  }

  func scaled(_ term: Term, by factor: Double) -> Term {
    .binary(
      "*", "multiply", .product, .number(factor), term, term.type, term.range.through { $0 * factor })
  }

  // MARK: Values of a wanted type

  /// A value of this shape and place, from what there is.
  func value(_ shape: [Extent], _ place: Place, bound: Double = 2, depth: Int = 1) -> Term? {
    let wanted = ValueType(shape, place)
    if random.chance(0.7), let term = operand(depth, where: { $0.type == wanted }) {
      return calm(term, bound: bound)
    }
    return attempt { convert(to: wanted, depth) }.map { calm($0, bound: bound) }
      ?? operand(0, where: { $0.type == wanted }).map { calm($0, bound: bound) }
  }

  private func convert(to wanted: ValueType, _ depth: Int) -> Term? {
    switch wanted.shape.count {
    case 0:
      guard let vector = source(wanted.place, depth, where: \.isVector) else { return nil }
      switch random.below(3) {
      case 0:
        return .call("mean", python: "mean_of", [vector], wanted, vector.range)
      case 1:
        let weight = parameter(vector.type.shape)
        return .call("dot", [weight, vector], wanted, .within(vector.bound * width(vector)))
      default:
        return .call(
          "sum", python: "sum_of", [.call("sin", [vector], vector.type, .within(1))], wanted,
          .within(width(vector)))
      }
    case 1:
      if random.chance(0.15), let scalar = source(wanted.place, depth, where: \.isScalar) {
        let weight = parameter(wanted.shape)
        return .binary(
          "*", "multiply", .product, weight, scalar, wanted, .within(weight.bound * scalar.bound))
      }
      guard let vector = source(wanted.place, depth, where: \.isVector) else { return nil }
      let weight = parameter([wanted.shape[0], vector.type.shape[0]])
      let product = Term.binary(
        "@", "matmul", .product, weight, vector, wanted,
        .within(width(vector) * weight.bound * vector.bound))
      guard random.chance(0.5) else { return product }
      let bias = parameter(wanted.shape)
      return .binary(
        "+", "add", .sum, product, bias, wanted, .within(product.bound + bias.bound))
    case 2... where random.chance(0.5):
      guard let row = value(Array(wanted.shape.dropFirst()), wanted.place, depth: depth) else { return nil }
      return row.rows(wanted.shape[0])
    default:
      guard let scalar = source(wanted.place, depth, where: \.isScalar) else { return nil }
      let weight = parameter(wanted.shape)
      return .binary("*", "multiply", .product, weight, scalar, wanted, .within(weight.bound * scalar.bound))
    }
  }

  /// A value of the place, or one that is brought there.
  private func source(_ place: Place, _ depth: Int, where fits: (ValueType) -> Bool) -> Term? {
    if let term = operand(depth, where: { $0.type.place == place && fits($0.type) }) { return term }
    switch place {
    case .fixed: return nil
    case .one:
      guard let term = operand(0, where: { $0.type.steps != nil && fits($0.type) }) else { return nil }
      return random.chance(0.5) ? last(term) : calm(total(term))
    case .steps(let steps):
      guard let term = operand(0, where: { $0.type.place == .one && fits($0.type) }) else { return nil }
      return repeated(term, over: steps)
    }
  }

  /// About how many elements the term's vector has.
  func width(_ term: Term) -> Double { Double(term.type.shape.last?.value(sizes) ?? 1) }

  func last(_ term: Term) -> Term {
    Term(
      rnn: "last(\(term.rnn))", python: "last(\(term.python), \(term.type.shape.python))",
      type: ValueType(term.type.shape, .one), range: term.range.union(0...0))
  }

  func total(_ term: Term) -> Term {
    Term(
      rnn: "total(\(term.rnn))", python: "total(\(term.python), \(term.type.shape.python))",
      type: ValueType(term.type.shape, .one), range: .within(6 * term.bound))
  }

  /// The term at every step, if the unit has such steps.
  func repeated(_ term: Term, over steps: String) -> Term? {
    let type = ValueType(term.type.shape, .steps(steps))
    let isPlain = steps == "T" || sequences.count == 1
    if isPlain, random.chance(0.5), let named = sequences.first(where: { $0.steps == steps }) {
      return Term(
        rnn: "repeat(\(term.rnn))", python: "repeat(\(term.python), \(named.name))", type: type,
        range: term.range)
    }
    guard let like = operand(0, where: { $0.type.place == .steps(steps) }) else { return nil }
    return Term(
      rnn: "repeat(\(term.rnn), like: \(like.rnn))", python: "repeat(\(term.python), \(like.python))",
      type: type, range: term.range)
  }
}
