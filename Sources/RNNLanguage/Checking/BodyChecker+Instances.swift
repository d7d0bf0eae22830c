import RNNSupport

// Statements that make instances: `rnn = LSTM(I, H)`, and `rnn = heads(n, LSTM(I, H))` for n copies side by side.
extension BodyChecker {
  /// What an instance is made of: a cell, and the numbers of copies.
  private typealias Made = (cell: CheckedCell, heads: [Int])

  /// The function of a call that makes copies of a cell.
  static let copier = "heads"
  private static let signature = "heads(n, Cell(…))"

  /// Whether an expression makes an instance where a name is defined by it.
  func makesInstance(_ expression: Expression) -> Bool {
    guard case .call(let callee, _) = expression.kind else { return false }
    return unit(callee) != nil || isCopier(callee)
  }

  /// Defines a name as the instance that an expression makes.
  mutating func defineInstance(_ name: Name, _ value: Expression) {
    guard let made = make(value) else {
      hasFaults = true
      define(name, .faulty, kind: nil)
      return
    }
    let instance = CheckedInstance(name: name.text, cell: made.cell, heads: made.heads, site: name.range)
    instances.append(Instance(name: name, checked: instance, firstState: stateCount))
    stateCount += made.cell.states.count
    define(name, .instance(instances.count - 1), kind: "instance")
  }

  /// The cell or model of a call, if it is one.
  private func unit(_ callee: Name) -> (id: DeclarationID, declaration: UnitDeclaration)? {
    guard scope.names[callee.text] == nil,
      let id = checker.program.lookup(callee.text, in: scope.module),
      case .unit(let unit) = checker.program[id]
    else { return nil }
    return (id, unit)
  }

  private func isCopier(_ callee: Name) -> Bool {
    if case .instance? = scope.names[callee.text]?.entity { return false }
    return callee.text == Self.copier && checker.program.lookup(callee.text, in: scope.module) == nil
  }

  /// What an expression that makes an instance makes it of; nil after a report.
  private mutating func make(_ expression: Expression) -> Made? {
    guard case .call(let callee, let arguments) = expression.kind else { return nil }
    if let (id, declaration) = unit(callee) {
      return checker.instantiate(id, declaration, callee, arguments, sizes: sizes, sizesNote).map { ($0, []) }
    }
    if let label = arguments.compactMap(\.label).first {
      report(.unknownLabel(label, notes: [Diagnostic.Note("it is used as \(Self.signature)")]))
      return nil
    }
    guard arguments.count == 2 else {
      report(.argumentCount(Self.signature, expected: 2...2, found: arguments.count, at: callee.range))
      return nil
    }
    let (count, source) = (evaluator.size(arguments[0].value), arguments[1].value)
    guard makesInstance(source) else {
      reportNotACell(source)
      return nil
    }
    guard let inner = make(source), let count else { return nil }
    if let fault = inner.cell.faultOfHeads(at: source.range) {
      report(fault)
      return nil
    }
    let heads = [count] + inner.heads
    let together = CheckedInstance(name: "", cell: inner.cell, heads: heads, site: expression.range)
    guard together.volume != nil else {
      reportShape(.tooLarge(at: arguments[0].value.range))
      return nil
    }
    return (inner.cell, heads)
  }

  private mutating func reportNotACell(_ expression: Expression) {
    switch expression.kind {
    case .invalid:
      hasFaults = true
    case .call(let name, _)
    where isUnknown(name.text) && scope.names[name.text] == nil:
      let (scope, program) = (scope, checker.program)
      let known = checker.names(forReportAt: name.range) {
        StandardLibrary.names + program.names(in: scope.module) { if case .unit = $0 { true } else { false } }
      }
      report(.unknownFunction(name, "cell", among: known))
    default:
      report(.notACell(at: expression.range))
    }
  }
}

extension CheckedCell {
  /// Why there cannot be several copies of it side by side, if so.
  fileprivate func faultOfHeads(at site: SourceRange) -> Diagnostic? {
    if let input = inputs.first(where: { $0.type.element != .number }) {
      return .tokenOfHeads(
        "its input '\(input.name)' is \(input.type.described)", at: site,
        way: "make numbers of it outside, by onehot or an embedding, and declare the input as numbers, as in"
          + " \(input.name): [V]", Diagnostic.Note("the input is declared here", at: input.site))
    }
    if let output = outputs.first(where: { type($0.node).element != .number }) {
      let node = nodes[output.node.index]
      return .tokenOfHeads(
        "its output is \(node.type.step)", at: site,
        way: "put the numbers out that it is computed from, and take each head's token outside: argmax(y[0])",
        Diagnostic.Note("the output is computed here", at: node.site))
    }
    return nil
  }
}

extension CheckedInstance {
  /// How a value becomes what all heads together take, of which each takes `type`.
  func headNotes(_ found: ValueType, for type: ValueType) -> [Diagnostic.Note] {
    guard let count = heads.first, found.element == .number else { return [] }
    let (one, all) = (ValueType(heads.dropFirst() + type.shape, .example), heads + type.shape)
    var note = "each of \(counted(count, "head")) takes \(one.step)"
    if found.shape == one.shape {
      note += ": repeat(x, rows: \(count)) gives all the same"
    } else if found.shape.volume == all.volume {
      note += ": reshape(x, \(all.map(String.init).joined(separator: ", "))) gives each its part"
    }
    return [Diagnostic.Note(note)]
  }
}

extension Diagnostic {
  fileprivate static func notACell(at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "not-a-cell", "expected a cell and its sizes", at: site,
      notes: [Note("heads(n, Cell(…)) makes n copies of a cell, as in heads(8, LSTM(H, H))")])
  }

  fileprivate static func tokenOfHeads(_ what: String, at site: SourceRange, way: String, _ note: Note)
    -> Diagnostic
  {
    Diagnostic(
      "token-heads", "the cell cannot be made into heads: \(what), and tokens have no axis for the heads",
      at: site, notes: [Note(way), note])
  }

  /// A call that makes instances, in the place of a value.
  static func headsAreNoValue(_ name: Name) -> Diagnostic {
    notAValue(
      name.text, "what makes copies of a cell", at: name.range,
      hint: "name them first, in a cell or model: inner = heads(n, Cell(…)), then apply them: inner(x)")
  }
}
