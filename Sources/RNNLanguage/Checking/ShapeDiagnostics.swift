import RNNSupport

extension Diagnostic {
  // MARK: Sizes

  static func notASize(at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "not-a-size", "expected a size", at: site,
      notes: [Note("a size is made of whole numbers, names of sizes and + - * /")])
  }

  static func notDivisible(_ value: Int, by divisor: Int, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "not-divisible", "\(value) is not divisible by \(divisor)", at: site,
      notes: divisor > 1 ? [Note("the nearest sizes that are: \(multiples(of: divisor, near: value))")] : [])
  }

  private static func multiples(of divisor: Int, near value: Int) -> String {
    let below = value / divisor * divisor
    return below > 0 ? "\(below) and \(below + divisor)" : "\(below + divisor)"
  }

  static func notPositive(_ value: Int, at site: SourceRange, name: String? = nil) -> Diagnostic {
    let subject = name.map { "size '\($0)'" } ?? "a size"
    return Diagnostic(
      "size-not-positive", "\(subject) must be positive, found \(value)", at: site)
  }

  static func tooLarge(at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "too-large", "the size is too large", at: site, notes: [Note("a tensor holds at most 2^40 numbers")])
  }

  static func tooManyOperations(_ unit: UnitDeclaration) -> Diagnostic {
    Diagnostic(
      "too-large", "\(unit.kind.rawValue) '\(unit.name.text)' has too many operations", at: unit.name.range,
      notes: [Note("cells and functions are written out wherever they are used")])
  }

  static func missingSize(_ name: Name, of unit: UnitDeclaration) -> Diagnostic {
    Diagnostic(
      "missing-size", "size '\(name.text)' of model '\(unit.name.text)' has no value", at: name.range,
      notes: [Note("give it a default, '\(name.text) = 256', or set it: --set \(name.text)=256")])
  }

  static func missingSizeArgument(_ name: Name, of unit: UnitDeclaration, at site: SourceRange) -> Diagnostic
  {
    Diagnostic(
      "argument-count", "size '\(name.text)' of cell '\(unit.name.text)' is not given", at: site,
      notes: [Note("it has no default", at: name.range)])
  }

  static func unknownSize(_ name: String, of unit: UnitDeclaration) -> Diagnostic {
    let sizes = unit.sizes.map(\.name.text)
    let list = sizes.isEmpty ? "it has no sizes" : "its sizes are \(sizes.joined(separator: ", "))"
    return Diagnostic(
      "unknown-size", "model '\(unit.name.text)' has no size '\(name)'", at: nil,
      notes: Note.didYouMean(name, among: sizes) + [Note(list, at: unit.name.range)])
  }

  // MARK: Shapes

  static func shapesDiffer(_ what: String, _ left: ValueType, _ right: ValueType, at site: SourceRange)
    -> Diagnostic
  {
    let isProduct = what == "'*'" && left.product(right) != nil
    return Diagnostic(
      "shape", "the shapes of \(what) differ: \(left.step) and \(right.step)", at: site,
      notes: [
        Note(
          isProduct
            ? "'@' is the product of matrices and vectors: \(left.step) @ \(right.step) would fit"
            : "operands have the same shape, or one is a scalar")
      ])
  }

  static func doesNotMultiply(_ left: ValueType, _ right: ValueType, at site: SourceRange) -> Diagnostic {
    let fit: String
    switch (left.shape.count, right.shape.count) {
    case (1, 1): fit = "dot(a, b) is the product of two vectors, a * b multiplies their elements"
    case (0, _), (_, 0): fit = "a scalar multiplies with '*'"
    case (let rank, let other):
      let isVector = rank == 1 || other > rank
      let stack = left.shape.dropLast(isVector ? 1 : 2).map { "\($0), " }.joined()
      let (vector, matrix) = ("[\(stack)\(left.shape[rank - 1])]", "[\(stack)\(left.shape[rank - 1]), n]")
      fit = "on the right of \(left.step), \(isVector ? matrix : "\(vector) or \(matrix)") would fit"
    }
    return Diagnostic(
      "shape", "'@' cannot multiply \(left.step) by \(right.step)", at: site, notes: [Note(fit)])
  }

  static func wrongType(
    _ what: String, expected: String, found: ValueType, at site: SourceRange, notes: [Note] = []
  ) -> Diagnostic {
    Diagnostic(
      "shape", "\(what) must be \(expected), found \(found.described)", at: site, notes: notes)
  }

  /// The value that stands behind `over:` is no axis.
  static func notAnAxis(_ expression: Expression) -> Diagnostic {
    let axes = MatrixAxis.allCases.map(\.rawValue)
    guard case .name(let name) = expression.kind else {
      return Diagnostic(
        "not-an-axis", "expected an axis", at: expression.range,
        notes: [Note("an axis is \(axes.joined(separator: " or "))")])
    }
    return unknownName(
      name, "axis", at: expression.range, among: axes, hint: "an axis is \(axes.joined(separator: " or "))")
  }

  static func axisOfTwoValues(_ label: Name, _ function: String) -> Diagnostic {
    Diagnostic(
      "argument-count", "'\(label.text):' needs one value, and here are two", at: label.range,
      notes: [
        Note(
          "\(function)(a, b) goes element by element, \(function)(x, over: rows) along an axis of a matrix")
      ])
  }

  static func doesNotHold(_ shape: [Int], _ found: ValueType, at site: SourceRange) -> Diagnostic {
    func volume(_ shape: [Int]) -> String { counted(shape.reduce(1, *), "element") }
    return Diagnostic(
      "shape", "\(found.step) has \(volume(found.shape)), and \(shape.bracketed) has \(volume(shape))",
      at: site,
      notes: [Note("reshape keeps all elements: the product of the sizes stays the same")])
  }

  static func notANumber(_ found: ValueType, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "shape", "expected numbers, found \(found.described)", at: site,
      notes: Note.numbers(of: found, for: ValueType([], .constant)))
  }

  /// A warning, since it computes something.
  static func softmaxTwice(at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "softmax-twice", "cross_entropy applies softmax itself, and here to the result of another one",
      at: site,
      level: .warning,
      notes: [
        Note(
          "give it what stands inside of the softmax: with output softmax(y), the loss is cross_entropy(y, next)"
        )
      ])
  }

  static func extentsDiffer(_ left: Extent, _ right: Extent, at site: SourceRange) -> Diagnostic {
    if case .steps(let a) = left, case .steps(let b) = right {
      return Diagnostic(
        "steps", "sequences of \(a) steps and of \(b) steps do not combine", at: site,
        notes: [Note("sequences have equal lengths if they are declared with the same name, as in seq(\(a))")]
      )
    }
    return Diagnostic(
      "steps", "a sequence and a single value do not combine", at: site,
      notes: [
        Note("repeat(v, like: s) is the value v at every step of the sequence s, last(s) the last value of s")
      ])
  }

  static func notASequence(_ function: String, _ found: ValueType, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "steps", "\(function) needs a sequence, found \(found.described)", at: site,
      notes: [Note("a sequence is an input 'seq [I]', or what comes of one")])
  }

  static func sequenceInsideCell(_ name: String, hasState: Bool, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "steps",
      "'\(name)' \(hasState ? "has a state" : "takes whole sequences") and cannot run along a sequence inside a cell",
      at: site,
      notes: [Note("run it in the model, and hand what it gives to this cell as an input 'seq [H]'")])
  }

  static func notOneStep(_ what: String, _ found: ValueType, at site: SourceRange) -> Diagnostic {
    wrongType(
      what, expected: "a single value", found: found, at: site,
      notes: [Note("last(s), total(s) and s weighted by softmax_steps make a single value of a sequence s")])
  }

  static func outOfRange(_ what: String, of extent: Int, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "out-of-range", "\(what) is not inside 0 up to \(extent)", at: site,
      notes: [Note("counting starts at 0, and the end of a slice is not part of it")])
  }

  static func tooManyPlaces(_ function: String, _ count: Int, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "too-large", "\(function) chooses among at most 2^24 elements, found \(count)", at: site)
  }

  // MARK: Tokens

  static func notOrthogonal(_ name: String, _ type: ValueType, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "bad-initializer", "only a matrix can be orthogonal, and '\(name)' is \(type.step)", at: site,
      notes: [Note("uniform(bound) and normal(deviation) fill a parameter of any shape")])
  }

  static func tokensDiffer(_ left: ValueType, _ right: ValueType, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "shape", "\(left.step) and \(right.step) are not the same kind of token", at: site,
      notes: [Note("tokens are alike if they are below the same size")])
  }

  static func notAToken(_ found: ValueType, beside token: ValueType, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "shape", "expected a token or its number, found \(found.described)", at: site,
      notes: [Note("beside \(token.step) stands another one, or a number that is known when compiling")])
  }

  static func tokenOutOfRange(_ number: Double, _ size: Int, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "out-of-range", "\(spelled(number)) is not a token(\(size))", at: site,
      notes: [Note("tokens are the whole numbers from 0 to \(size - 1)")])
  }

  static func straightThroughShapes(_ hard: ValueType, _ soft: ValueType, at site: SourceRange) -> Diagnostic
  {
    Diagnostic(
      "shape", "the shapes of straight_through differ: \(hard.step) and \(soft.step)", at: site,
      notes: [
        Note(
          "each element of the first operand takes the derivative of one of the second: they have the same shape"
        )
      ])
  }

  static func limitsCross(_ low: Double, _ high: Double, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "limits", "the lower limit \(spelled(low)) is above the upper one, \(spelled(high))", at: site,
      notes: [Note("it is used as clamp(x, low, high)")])
  }

  // MARK: Random numbers

  static func notInRange(_ what: String, expected: String, found: String, at site: SourceRange)
    -> Diagnostic
  {
    Diagnostic(
      "not-in-range", "\(what) must be \(expected), found \(found)", at: site,
      notes: [Note("it is known when compiling: made of numbers, sizes and + - * /")])
  }

  static func missingLike(_ draw: Composition, at site: SourceRange) -> Diagnostic {
    let usage = draw == .bernoulli ? "bernoulli(0.5, like: x)" : draw.signature
    return Diagnostic(
      "argument-count", "\(draw.rawValue) does not know how many numbers to draw", at: site,
      notes: [Note("say it by a value of the same shape: \(usage)")])
  }

  static func seedTaken(at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "redefinition", "'seed' cannot be a name in a model that draws random numbers", at: site,
      notes: [Note("the program has an input of this name, from which all random numbers come")])
  }

  static func valueCount(names: Int, values: Int, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "value-count", "\(counted(names, "name")) for \(counted(values, "value"))", at: site,
      notes: [
        Note(values == 1 ? "split(x, \(names)) makes \(names) values" : "'_' stands for a value not needed")
      ])
  }

  static func severalValues(_ count: Int, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "value-count", "\(count) values where one is needed", at: site,
      notes: [Note("name them first: a, b = …")])
  }
}

extension Diagnostic.Note {
  /// How a value becomes the numbers that are expected, if it holds none.
  static func numbers(of found: ValueType, for expected: ValueType) -> [Diagnostic.Note] {
    switch (found.element, expected.element) {
    case (.token(let size), .number):
      [
        Diagnostic.Note(
          "onehot(x) makes a vector of \(size) numbers of a token, Embedding(\(size), D) or E[x], a row of a parameter E, one"
            + " that is learned")
      ]
    case (.mask, .number): [Diagnostic.Note("where(condition, 1, 0) makes numbers of a mask")]
    case (.number, .token): [Diagnostic.Note("argmax(x) is the token of the greatest element of x")]
    default: []
    }
  }
}

extension [Diagnostic.Note] {
  /// How a function over elements takes a value of a shape that it was not given in the right way.
  static func fitting(_ builtin: Composition, _ function: AxisFunction, _ shape: [Int]) -> Self {
    let name = builtin.rawValue
    switch shape.count {
    case 0: return []
    case 1: return [Diagnostic.Note("\(name)(x) without 'over:' goes over the elements of a vector")]
    case 2:
      let (rows, columns) =
        function.keepsAxis
        ? ("takes each column of a matrix", "each row") : ("gives a number for each column", "for each row")
      return [Diagnostic.Note("\(name)(x, over: rows) \(rows), \(name)(x, over: columns) \(columns)")]
    default:
      let matrix = "reshape(x, \(shape[0]), \(shape.dropFirst().reduce(1, *)))"
      return [Diagnostic.Note("\(matrix) is a matrix of the same elements, x[0] the first part of x")]
    }
  }
}
