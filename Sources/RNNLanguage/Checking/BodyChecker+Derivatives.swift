import RNNGraph
import RNNSupport

// The derivative of a value of the step by another one.
extension BodyChecker {
  /// The derivative of a scalar by a value that it is computed from.
  mutating func gradient(_ value: Expression, _ source: Expression, at site: SourceRange) -> NodeID? {
    let (y, x) = (checkNumber(value), checkNumber(source))
    guard let y, let x else { return nil }
    guard type(y).isScalar else { return reportShape(.derivativeOfMany(type(y), at: value.range)) }
    guard number(x) == nil else {
      report(.derivativeByNumber(at: source.range))
      return nil
    }
    let dependence = Dependence(
      nodes: nodes, instances: instances.map { ($0.name.text, $0.cell, $0.firstState) })
    guard !dependence.path(from: x, to: y, .values).isEmpty else {
      report(.independent(source.text, at: source.range))
      return nil
    }
    let path = dependence.path(from: x, to: y, .derivatives)
    guard !path.isEmpty else {
      report(.noDerivative(source.text, at: source.range))
      return nil
    }
    guard let extent = extent(ofDerivativeOf: y, by: x, path, at: site) else { return nil }
    // Its operations are about as many as those of what it differentiates, and again as many to differentiate.
    let weight = path.reduce(0) { sum, index in
      switch nodes[index].operation {
      case .apply(let application): sum + instances[application.instance].cell.weight
      case .gradient(let weight): sum + weight
      default: sum + 1
      }
    }
    guard reserve(min(3 * weight, Checker.bodyLimit)) else { return nil }
    return add(.gradient(weight: 3 * weight), [y, x], type(x).with(extent: extent), at: site)
  }

  /// Over what a derivative repeats; nil after a report if it is not one of each example and step.
  private mutating func extent(
    ofDerivativeOf y: NodeID, by x: NodeID, _ path: [Int], at site: SourceRange
  ) -> Extent? {
    let (of, by) = (type(y).extent, type(x).extent)
    guard of.isSequence else { return by == .constant ? of : by }
    guard by == of || by == .constant else {
      report(.derivativeOfSteps(of, by, at: site))
      return nil
    }
    for index in path where mixesSteps(nodes[index]) {
      report(.derivativeAcrossSteps(nodes[index].site, at: site))
      return nil
    }
    return of
  }

  /// Whether a step of the result is made of other steps of the operands.
  private func mixesSteps(_ node: CheckedNode) -> Bool {
    switch node.operation {
    case .last, .total, .reverse, .softmaxOverSteps, .repeated: true
    case .apply(let application):
      application.steps != nil && instances[application.instance].cell.runsStepByStep
    default: false
    }
  }
}

extension Expression {
  /// What a message calls it.
  fileprivate var text: String? {
    switch kind {
    case .name(let name): name
    case .next(let name): "\(name)'"
    default: nil
    }
  }
}

extension Diagnostic {
  fileprivate static func derivativeOfMany(_ found: ValueType, at site: SourceRange) -> Diagnostic {
    wrongType(
      "what grad differentiates", expected: "a scalar", found: found, at: site,
      notes: [Note("sum(x), mean(x), dot(a, b) and x[i] make a scalar of a vector")])
  }

  fileprivate static func derivativeByNumber(at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "no-derivative", "there is no derivative by a number that is known when compiling", at: site,
      notes: [Note("grad(e, x) differentiates by a state, an input, a parameter or a definition x")])
  }

  fileprivate static func independent(_ name: String?, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "no-derivative",
      "what grad differentiates is not computed from \(name.map { "'\($0)'" } ?? "this value")", at: site,
      notes: [
        Note(
          name == nil
            ? "give the value a name, and compute with the name: p = …, then grad(f(p), p)"
            : "grad(e, x) needs an e that reads x: name e behind x, as in e = sum(square(x))")
      ])
  }

  fileprivate static func noDerivative(_ name: String?, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "no-derivative",
      "no derivative flows to \(name.map { "'\($0)'" } ?? "this value") from what grad differentiates",
      at: site,
      notes: [
        Note(
          "it is read only through an argmax, a comparison, stop_gradient or another function without a derivative;"
            + " straight_through(hard, soft) gives one a derivative")
      ])
  }

  fileprivate static func derivativeOfSteps(_ of: Extent, _ by: Extent, at site: SourceRange) -> Diagnostic {
    let note =
      if case .example = by {
        "name what is repeated, r = repeat(v, like: s), and differentiate by r; or differentiate total(e)"
      } else {
        "differentiate a single value, such as total(e) or last(e)"
      }
    return Diagnostic(
      "steps",
      by.isSequence
        ? "grad differentiates each step by itself, and the two sequences have different steps"
        : "grad differentiates each step by itself, and the second value is the same at all steps", at: site,
      notes: [Note(note)])
  }

  fileprivate static func derivativeAcrossSteps(_ other: SourceRange, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "steps", "grad differentiates each step by itself, and these values depend on other steps", at: site,
      notes: [
        Note("here they do", at: other),
        Note("differentiate a single value, such as total(e) or last(e), or do it inside of a cell"),
      ])
  }
}
