import RNNSupport

extension Diagnostic.Note {
  /// Suggests the nearest of some names, if one is near.
  static func didYouMean(_ name: String, among names: [String]) -> [Diagnostic.Note] {
    nearestName(to: name, among: names).map { [Diagnostic.Note("did you mean '\($0)'?")] } ?? []
  }
}

extension Diagnostic {
  static func redefinition(_ name: String, at site: SourceRange, of old: SourceRange?) -> Diagnostic {
    Diagnostic(
      "redefinition", "'\(name)' is already defined", at: site, notes: [Note("the first definition", at: old)]
    )
  }

  static func importCycle(_ cycle: String, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "import-cycle", "the file imports itself: \(cycle)", at: site,
      notes: [Note("move what both files need into a third one")])
  }

  static func importsTooDeep(at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "too-deep", "files import each other in too long a row", at: site,
      notes: [Note("at most \(Program.importLimit) files stand in a row; one file can import many")])
  }

  static func cellsTooDeep(_ name: String, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "too-deep", "'\(name)' holds cells inside of each other too deeply", at: site,
      notes: [
        Note(
          "at most \(Checker.nestingLimit) levels fit; many layers are instances beside each other in one cell"
        )
      ])
  }

  static func badImport(_ message: String, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "bad-import", message, at: site, notes: [Note("a path is relative to the folder of the importing file")]
    )
  }

  /// - Parameter hint: the way out if no name is near.
  static func unknownName(
    _ name: String, _ what: String, at site: SourceRange, among names: [String], hint: String? = nil
  ) -> Diagnostic {
    let near = Note.didYouMean(name, among: names)
    return Diagnostic(
      "unknown-name", "unknown \(what) '\(name)'", at: site, notes: near.isEmpty ? Note.hint(hint) : near)
  }

  /// - Parameter what: what was looked for, such as `function`.
  static func unknownFunction(_ name: Name, _ what: String, among names: [String]) -> Diagnostic {
    // A word of another language is known, and not one that is mistyped.
    let foreign = ForeignWords.hint(forFunction: name.text)
    let hint =
      foreign
      ?? "a function is declared by 'fn \(name.text)(x) = …'"
      + (what == "function" ? "" : ", a cell by 'cell \(name.text)(sizes) { … }'")
    return unknownName(name.text, what, at: name.range, among: foreign == nil ? names : [], hint: hint)
  }

  static func usedBeforeDefinition(_ name: String, at site: SourceRange, definedAt: SourceRange)
    -> Diagnostic
  {
    Diagnostic(
      "use-before-definition", "'\(name)' is used before it is defined", at: site,
      notes: [Note("it is defined here", at: definedAt)])
  }

  static func unusedName(_ name: String, _ what: String, at site: SourceRange) -> Diagnostic {
    Diagnostic("unused-name", "\(what) '\(name)' is never used", at: site, level: .warning)
  }

  static func notCallable(_ name: String, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "not-callable", "'\(name)' is a value and cannot be called", at: site,
      notes: [Note("an element is \(name)[i], a product is written with '*' or '@'")])
  }

  static func notAValue(_ name: String, _ what: String, at site: SourceRange, hint: String) -> Diagnostic {
    Diagnostic("not-a-value", "'\(name)' is \(what), not a value", at: site, notes: [Note(hint)])
  }

  static func argumentCount(_ signature: String, expected: ClosedRange<Int>, found: Int, at site: SourceRange)
    -> Diagnostic
  {
    let range =
      expected.lowerBound == expected.upperBound
      ? counted(expected.lowerBound, "argument")
      : expected.upperBound == Int.max
        ? "\(counted(expected.lowerBound, "argument")) or more"
        : "\(expected.lowerBound) or \(counted(expected.upperBound, "argument"))"
    return Diagnostic(
      "argument-count", "expected \(range), found \(found)", at: site,
      notes: [Note("it is used as \(signature)")])
  }

  static func unknownLabel(_ label: Name, notes: [Note]) -> Diagnostic {
    Diagnostic("unknown-label", "unknown label '\(label.text):'", at: label.range, notes: notes)
  }

  static func secondLabel(_ label: Name, _ signature: String) -> Diagnostic {
    Diagnostic(
      "argument-count", "'\(label.text):' does not go with the label in front of it", at: label.range,
      notes: [Note("it is used as \(signature)")])
  }

  static func recursion(_ what: String, _ chain: [String], at site: SourceRange) -> Diagnostic {
    let name = chain.first ?? ""
    let message = what == "cell" ? "cell '\(name)' contains itself" : "function '\(name)' calls itself"
    let links = chain.count > 10 ? chain.prefix(5) + ["…"] + chain.suffix(4) : chain[...]
    return Diagnostic(
      "recursion", message, at: site,
      notes: [Note("\(links.joined(separator: " → ")): repetition is over the steps of a sequence only")])
  }

  // MARK: Statements that do not belong

  static func misplaced(_ what: String, in kind: UnitDeclaration.Kind, at site: SourceRange, hint: String)
    -> Diagnostic
  {
    Diagnostic("misplaced", "\(what) does not belong in a \(kind.rawValue)", at: site, notes: [Note(hint)])
  }

  /// A warning: the model is right, but inference asks for what it does not need.
  static func inputOfLoss(_ name: String, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "input-of-loss", "only the loss uses input '\(name)'", at: site, level: .warning,
      notes: [Note("declare it by 'target \(name): …': a program for inference then does without it")])
  }

  static func modelInside(_ name: String, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "misplaced", "'\(name)' is a model and cannot be used inside another", at: site,
      notes: [Note("what is used inside is declared as a cell")])
  }

  static func missingOutput(_ unit: UnitDeclaration) -> Diagnostic {
    Diagnostic(
      "missing-output", "\(unit.kind.rawValue) '\(unit.name.text)' has no output", at: unit.name.range,
      notes: [Note(unit.kind == .cell ? "add 'output h'' or another value" : "add 'output y' or 'loss …'")])
  }

  static func missingInput(_ unit: UnitDeclaration) -> Diagnostic {
    Diagnostic(
      "missing-input", "model '\(unit.name.text)' has no input", at: unit.name.range,
      notes: [Note("add 'input x: seq [I]' or 'input text: seq token(V)'")])
  }

  static func missingInitializer(_ name: Name) -> Diagnostic {
    Diagnostic(
      "missing-initializer", "parameter '\(name.text)' has no initial value", at: name.range,
      notes: [Note("add '= uniform(1 / sqrt(H))', '= normal(0.1)', '= orthogonal', '= zeros' or '= ones'")])
  }

  static func badInitializer(at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "bad-initializer", "expected an initial value", at: site,
      notes: [
        Note(
          "one of uniform(bound), normal(deviation), orthogonal, zeros, ones, and numbers such as 0.1 or 1 / H"
        )
      ])
  }

  // MARK: States

  static func stateNeverAssigned(_ name: Name) -> Diagnostic {
    Diagnostic(
      "state-never-assigned", "state '\(name.text)' is never assigned", at: name.range,
      notes: [Note("add its next value: \(name.text)' = …")])
  }

  static func stateAssignedTwice(_ name: Name, at old: SourceRange) -> Diagnostic {
    Diagnostic(
      "state-assigned-twice", "state '\(name.text)' is assigned twice", at: name.range,
      notes: [Note("the first assignment", at: old)])
  }

  static func assignedWithoutPrime(_ name: Name) -> Diagnostic {
    Diagnostic(
      "redefinition", "'\(name.text)' is a state and cannot be defined again", at: name.range,
      notes: [Note("its next value is written \(name.text)' = …")])
  }

  static func notAState(_ name: String, at site: SourceRange, states: [String]) -> Diagnostic {
    if let keyword = Keyword(rawValue: name) { return keywordAsName(keyword, at: site) }
    let near = Note.didYouMean(name, among: states)
    let hint = Note("only a state has a next value; a state is declared by 'state \(name): [H]'")
    return Diagnostic(
      "not-a-state", "'\(name)' is not a state", at: site, notes: near.isEmpty ? [hint] : near)
  }

  static func neverApplied(_ name: String, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "never-applied", "'\(name)' has a state but is never applied", at: site,
      notes: [Note("apply it in every step: \(name)(x)")])
  }

  static func notYetApplied(_ name: String, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "use-before-definition", "'\(name)' has not been applied yet: it has no next state", at: site,
      notes: [Note("apply it before: y = \(name)(x)")])
  }

  static func appliedTwice(_ name: String, at site: SourceRange, first: SourceRange) -> Diagnostic {
    Diagnostic(
      "state-assigned-twice", "'\(name)' has a state and is applied twice in one step", at: site,
      notes: [Note("the first application", at: first), Note("make a second instance of its cell")])
  }
}
