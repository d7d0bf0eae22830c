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
    Diagnostic(
      "shape", "the shapes of \(what) differ: \(left.step) and \(right.step)", at: site,
      notes: [Note("operands have the same shape, or one is a scalar")])
  }

  static func doesNotMultiply(_ left: ValueType, _ right: ValueType, at site: SourceRange) -> Diagnostic {
    let fit: String
    switch (left.shape.count, right.shape.count) {
    case (1, 1): fit = "dot(a, b) is the product of two vectors, a * b multiplies their elements"
    case (0, _), (_, 0): fit = "a scalar multiplies with '*'"
    case (2, _): fit = "on the right of \(left.step), [\(left.shape[1])] or [\(left.shape[1]), n] would fit"
    default: fit = "on the right of \(left.step), [\(left.shape[0]), n] would fit"
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

  static func notANumber(_ found: ValueType, at site: SourceRange) -> Diagnostic {
    let hint =
      if case .token = found.element {
        "onehot(x), or a row E[x] of a parameter E, makes numbers of a token"
      } else {
        "where(condition, 1, 0) makes numbers of a mask"
      }
    return Diagnostic("shape", "expected numbers, found \(found.described)", at: site, notes: [Note(hint)])
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
      notes: [Note("repeat(v) is the value v at every step, last(s) the last value of the sequence s")])
  }

  static func notASequence(_ function: String, _ found: ValueType, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "steps", "\(function) needs a sequence, found \(found.described)", at: site,
      notes: [Note("a sequence is an input 'seq [I]', or what comes of one")])
  }

  static func outOfRange(_ what: String, of extent: Int, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "out-of-range", "\(what) is not inside 0 up to \(extent)", at: site,
      notes: [Note("counting starts at 0, and the end of a slice is not part of it")])
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
