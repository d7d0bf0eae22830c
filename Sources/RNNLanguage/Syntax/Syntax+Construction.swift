import RNNSupport

// Syntax that a program makes, in order to print it: it has no place until the printed text is parsed.

extension SourceRange {
  fileprivate static let unwritten = SourceRange(SourceFile(name: "", text: ""), from: 0, to: 0)
}

extension Name {
  package init(_ text: String) { self.init(text: text, range: .unwritten) }

  /// Whether a text is a name, and no keyword.
  package static func isValid(_ text: String) -> Bool {
    var lexer = Lexer(SourceFile(name: "", text: text))
    return lexer.run().first?.kind == .name(text)
  }
}

extension Expression {
  package init(_ kind: Kind) { self.init(kind, .unwritten) }
}

extension Argument {
  package init(_ value: Expression, label: String? = nil) {
    self.init(label: label.map { Name($0) }, value: value)
  }
}

extension TypeSyntax {
  package init(_ kind: Kind, isSequence: Bool = false, length: String? = nil) {
    self.init(kind: kind, isSequence: isSequence, length: length.map { Name($0) }, range: .unwritten)
  }
}

extension DeclarationGroup {
  package init(
    _ name: String, otherName: String? = nil, indices: [String] = [], _ type: TypeSyntax
  ) {
    self.init(
      names: [Name(name)], otherNames: otherName.map { [name: Name($0)] } ?? [:],
      indices: indices.isEmpty ? [:] : [name: indices.map { Name($0) }], type: type)
  }

  /// The same for some of the names, and of another type.
  package func with(names: [Name]? = nil, type: TypeSyntax? = nil) -> DeclarationGroup {
    DeclarationGroup(
      names: names ?? self.names, otherNames: otherNames, indices: indices, type: type ?? self.type)
  }
}

extension TypeSyntax {
  /// The same with other sizes.
  package func with(_ kind: Kind) -> TypeSyntax {
    TypeSyntax(kind: kind, isSequence: isSequence, length: length, range: range)
  }
}

extension OutputItem {
  /// The same with another value.
  package func with(_ value: Expression) -> OutputItem { OutputItem(name: name, value: value) }
}

extension SizeParameter {
  /// The same with another default.
  package func with(_ value: Expression?) -> SizeParameter { SizeParameter(name: name, defaultValue: value) }
}

extension DefinedName {
  package init(_ name: String, isNext: Bool = false) { self.init(name: Name(name), isNext: isNext) }
}

extension OutputItem {
  package init(_ value: Expression, name: String? = nil) {
    self.init(name: name.map { Name($0) }, value: value)
  }
}

extension MeanItem {
  package init(_ value: Expression, name: String? = nil, weights: Expression? = nil) {
    self.init(name: name.map { Name($0) }, value: value, weights: weights)
  }

  /// The same with other expressions.
  package func mapping(_ change: (Expression) -> Expression) -> MeanItem {
    MeanItem(name: name, value: change(value), weights: weights.map(change))
  }
}

extension Statement {
  package init(_ kind: Kind) { self.init(kind: kind, range: .unwritten) }
}

extension SizeParameter {
  package init(_ name: String, default value: Expression?) {
    self.init(name: Name(name), defaultValue: value)
  }
}

extension UnitDeclaration {
  package init(_ kind: Kind, _ name: String, _ sizes: [SizeParameter], _ statements: [Statement]) {
    self.init(
      kind: kind, name: Name(name), sizes: sizes, statements: statements, isIncomplete: false)
  }
}

extension FunctionDeclaration {
  package init(_ name: Name, _ parameters: [Name], _ body: Expression) {
    self.init(name: name, parameters: parameters, body: body)
  }
}

extension ImportDeclaration {
  package init(path: String) { self.init(path: path, range: .unwritten) }
}

extension SyntaxFile {
  package init(_ declarations: [Declaration]) {
    self.init(source: SourceFile(name: "", text: ""), language: nil, declarations: declarations)
  }
}

/// The words and limits of the language.
package enum Words {
  /// The most cells inside of each other.
  package static let nestingLimit = Checker.nestingLimit
  /// The names of its functions.
  package static let functions = Builtin.names + [copier]
  /// The function that makes copies of a cell.
  package static let copier = BodyChecker.copier
  /// Its keywords.
  package static let keywords = Keyword.allCases.map(\.rawValue)
}
