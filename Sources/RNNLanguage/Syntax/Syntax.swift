import RNNSupport

/// A name as it stands in the source.
public struct Name: Sendable {
  /// The name, without the prime of a next state.
  public let text: String
  /// Its place.
  public let range: SourceRange
}

/// A parsed file.
public struct SyntaxFile: Sendable {
  /// The latest version of the language; a file that names none is in version 1. A listing that `RNNBuilder` prints has to
  /// name it once there is another.
  public static let latestLanguage = 1

  /// The text it was parsed from.
  public let source: SourceFile
  /// The version of the language that the file names, if it does.
  public let language: Int?
  /// Its declarations in the order of the text.
  public let declarations: [Declaration]
}

/// A declaration of a file.
public enum Declaration: Sendable {
  case importation(ImportDeclaration)
  case function(FunctionDeclaration)
  case unit(UnitDeclaration)

  /// The name that it brings into the file, if it brings one itself.
  var name: Name? {
    switch self {
    case .importation: nil
    case .function(let function): function.name
    case .unit(let unit): unit.name
    }
  }
}

/// `import "path"`.
public struct ImportDeclaration: Sendable {
  /// The path, relative to the importing file.
  public let path: String
  /// The place of the path.
  public let range: SourceRange
}

/// `fn name(parameters) = body`.
public struct FunctionDeclaration: Sendable {
  public let name: Name
  public let parameters: [Name]
  public let body: Expression
}

/// A cell or a model.
public struct UnitDeclaration: Sendable {
  /// Which of the two.
  public enum Kind: String, Sendable {
    case cell
    case model
  }

  public let kind: Kind
  public let name: Name
  public let sizes: [SizeParameter]
  public let statements: [Statement]
  /// Whether parts were dropped because they could not be parsed: names may be missing.
  public let isIncomplete: Bool
}

/// A size of a cell or a model, with its default.
public struct SizeParameter: Sendable {
  public let name: Name
  public let defaultValue: Expression?
}

/// A statement of a cell or a model.
public struct Statement: Sendable {
  /// What it says.
  public enum Kind: Sendable {
    /// `param a, b: [H], c: [I] = initial` and the like.
    case declaration(DeclarationRole, [DeclarationGroup], initial: Expression?)
    /// `a, b' = value`.
    case definition([DefinedName], Expression)
    /// `output a, name = b`.
    case output([OutputItem])
    /// `loss value`.
    case loss(MeanItem)
    /// `measure name = value`.
    case measure(MeanItem)
  }

  public let kind: Kind
  public let range: SourceRange
}

/// What a declaration inside a cell or model declares.
public enum DeclarationRole: String, Sendable {
  case param, const, input, target, state
}

/// Names of one type.
public struct DeclarationGroup: Sendable {
  public let names: [Name]
  /// What other programs call them, by the names that have such a word: `weight_ih` of `W as weight_ih`.
  public let otherNames: [String: Name]
  /// The indices of constants that have some, `i` and `j` of `A[i, j]`, by the names of these.
  public let indices: [String: [Name]]
  public let type: TypeSyntax

  package init(
    names: [Name], otherNames: [String: Name] = [:], indices: [String: [Name]] = [:], type: TypeSyntax
  ) {
    self.names = names
    self.otherNames = otherNames
    self.indices = indices
    self.type = type
  }
}

/// A type as written: `[H]`, `token(V)`, with `seq` or `seq(S)` in front of it for a sequence.
public struct TypeSyntax: Sendable {
  /// What stands in one step.
  public enum Kind: Sendable {
    case tensor([Expression])
    case token(Expression)
    /// Could not be parsed, and was reported.
    case invalid
  }

  public let kind: Kind
  public let isSequence: Bool
  /// `S` of `seq(S)`.
  public let length: Name?
  public let range: SourceRange
}

/// A name on the left of a definition.
public struct DefinedName: Sendable {
  public let name: Name
  /// Whether it has a prime: the next value of a state.
  public let isNext: Bool
}

/// A value whose mean over steps and examples is made small or reported, `name = value, weights: w`.
public struct MeanItem: Sendable {
  public let name: Name?
  public let value: Expression
  public let weights: Expression?
}

/// A value handed out, with the name it is given.
public struct OutputItem: Sendable {
  public let name: Name?
  public let value: Expression
}

/// A binary operator.
public enum BinaryOperator: String, Sendable {
  case add = "+"
  case subtract = "-"
  case multiply = "*"
  case divide = "/"
  case product = "@"
  case less = "<"
  case greater = ">"
  case lessOrEqual = "<="
  case greaterOrEqual = ">="
  case equal = "=="
  case notEqual = "!="

  /// How tightly it binds; all but comparisons, which do not chain, group to the left.
  var precedence: Int {
    switch self {
    case .less, .greater, .lessOrEqual, .greaterOrEqual, .equal, .notEqual: 1
    case .add, .subtract: 2
    case .multiply, .divide, .product: 3
    }
  }

  var isComparison: Bool { precedence == 1 }
}

/// An argument of a call, with its label if it has one.
public struct Argument: Sendable {
  public let label: Name?
  public let value: Expression
}

/// An expression.
public struct Expression: Sendable {
  /// What it computes.
  public indirect enum Kind: Sendable {
    case number(Double)
    /// `"path"`.
    case text(String)
    case name(String)
    /// `h'`: the next value of a state.
    case next(String)
    case negate(Expression)
    case binary(BinaryOperator, Expression, Expression)
    case call(Name, [Argument])
    /// `x[i]`.
    case element(Expression, Expression)
    /// `x[a:b]`, where either end may be missing.
    case slice(Expression, Expression?, Expression?)
    /// `a.b`, or `a.b'`.
    case member(Expression, Name, isNext: Bool)
    /// `(a, b)`.
    case tuple([Expression])
    /// Could not be parsed, and was reported.
    case invalid
  }

  public let kind: Kind
  public let range: SourceRange
  /// The number of levels of nesting, which the parser bounds, so that recursion over expressions is safe.
  package let depth: Int

  package init(_ kind: Kind, _ range: SourceRange) {
    self.kind = kind
    self.range = range
    depth = 1 + (kind.children.map(\.depth).max() ?? 0)
  }
}

extension Expression.Kind {
  /// The expressions directly inside.
  package var children: [Expression] {
    switch self {
    case .number, .text, .name, .next, .invalid: []
    case .negate(let operand), .member(let operand, _, _): [operand]
    case .binary(_, let left, let right), .element(let left, let right): [left, right]
    case .call(_, let arguments): arguments.map(\.value)
    case .slice(let base, let start, let end): [base] + [start, end].compactMap { $0 }
    case .tuple(let elements): elements
    }
  }
}

extension Expression.Kind {
  /// The same with other expressions inside, as many as `children` gives.
  package func replacingChildren(_ new: [Expression]) -> Expression.Kind {
    switch self {
    case .number, .text, .name, .next, .invalid: return self
    case .negate: return .negate(new[0])
    case .member(_, let name, let isNext): return .member(new[0], name, isNext: isNext)
    case .binary(let operation, _, _): return .binary(operation, new[0], new[1])
    case .element: return .element(new[0], new[1])
    case .call(let name, let arguments):
      return .call(name, zip(arguments, new).map { Argument(label: $0.label, value: $1) })
    case .slice(_, let start, let end):
      return .slice(
        new[0], start == nil ? nil : new[1], end == nil ? nil : new[new.count - 1])
    case .tuple: return .tuple(new)
    }
  }
}
