import RNNLanguage

/// Turns the steps of a unit into statements that compute the same in the same order.
///
/// A value that is used once is written where it is used, if nothing that was computed later would then come before it;
/// every other value gets a name.
struct StatementWriter {
  /// A value that has no name yet; each is computed behind the one before.
  private struct Pending {
    let step: Int
    let expression: Expression
    /// The number of operations in the expression.
    let size: Int
    let place: Place?
  }

  /// The most operations of an expression: lines stay readable, and far from too deep to be read.
  private static let sizeLimit = 24

  private let steps: [Step]
  private let uses: [Int: [Int]]
  private var names: Set<String>
  private var nextNumber = 1
  private var pending: [Pending] = []
  private var resultNames: [Int: [String]] = [:]
  private var statements: [PlacedStatement] = []

  init(_ steps: [Step], names: Set<String>) {
    self.steps = steps
    self.names = names
    var uses: [Int: [Int]] = [:]
    for (index, step) in steps.enumerated() {
      if case .operation(_, let results, _) = step.kind {
        uses[index] = Array(repeating: 0, count: results.count)
      }
      for case .computed(let used, let result) in step.operands { uses[used]?[result] += 1 }
    }
    self.uses = uses
  }

  mutating func run() -> [PlacedStatement] {
    for (index, step) in steps.enumerated() {
      switch step.kind {
      case .declaration(let statement): add(.plain(statement), step.place)
      case .instance(let instance): add(.instance(instance), step.place)
      case .operation(let operands, let results, let form):
        let (expressions, size) = take(operands)
        let expression = Expression(form(expressions))
        if results == [nil], uses[index] == [1] {
          pending.append(Pending(step: index, expression: expression, size: size, place: step.place))
        } else {
          flush(upTo: pending.count)
          define(index, expression, step.place)
        }
      case .action(let operands, let form):
        let (expressions, _) = take(operands)
        flush(upTo: pending.count)
        add(.plain(form(expressions)), step.place)
      }
    }
    flush(upTo: pending.count)
    return statements
  }

  private mutating func add(_ content: PlacedStatement.Content, _ place: Place?) {
    statements.append(PlacedStatement(content: content, place: place))
  }

  /// The expressions of operands, and the number of operations in what uses them.
  ///
  /// Operands that are pending can be written in place if they are the latest pending values, in the same order: what
  /// is written behind them is then computed behind them. An operand that cannot gets a name, and so does what is
  /// pending before it.
  private mutating func take(_ operands: [Value.Term]) -> (expressions: [Expression], size: Int) {
    var wanted: [Int] = []
    for case .computed(let step, _) in operands where resultNames[step] == nil { wanted.append(step) }
    var count = 0
    while count < min(wanted.count, pending.count),
      pending[pending.count - 1 - count].step == wanted[wanted.count - 1 - count]
    {
      count += 1
    }
    var size = pending.suffix(count).reduce(1) { $0 + $1.size }
    if size > Self.sizeLimit { (count, size) = (0, 1) }
    let named = Set(wanted.dropLast(count))
    if !named.isEmpty, let last = pending.lastIndex(where: { named.contains($0.step) }) {
      flush(upTo: last + 1)
    }
    let inlined = Dictionary(
      uniqueKeysWithValues: pending.suffix(count).map { ($0.step, $0.expression) })
    pending.removeLast(count)
    let expressions = operands.map { operand in
      switch operand {
      case .written(let expression): expression
      case .computed(let step, let result):
        inlined[step] ?? Expression(resultNames[step].map { .name($0[result]) } ?? .invalid)
      case .faulty: Expression(.invalid)
      }
    }
    return (expressions, size)
  }

  /// Gives names to the first `count` pending values.
  private mutating func flush(upTo count: Int) {
    let first = pending.prefix(count)
    pending.removeFirst(count)
    for value in first { define(value.step, value.expression, value.place) }
  }

  private mutating func define(_ step: Int, _ expression: Expression, _ place: Place?) {
    guard case .operation(_, let results, _) = steps[step].kind else { return }
    let chosen = results.enumerated().map { index, name in
      name ?? (uses[step]?[index] == 0 ? "_" : freshName())
    }
    resultNames[step] = chosen
    let targets = (chosen.isEmpty ? ["_"] : chosen).map { DefinedName($0) }
    add(.plain(.definition(targets, expression)), place)
  }

  private mutating func freshName() -> String {
    repeat {
      defer { nextNumber += 1 }
      if names.insert("_\(nextNumber)").inserted { return "_\(nextNumber)" }
    } while true
  }
}

extension Step {
  /// The values that it uses.
  fileprivate var operands: [Value.Term] {
    switch kind {
    case .declaration, .instance: []
    case .operation(let operands, _, _): operands
    case .action(let operands, _): operands
    }
  }
}
