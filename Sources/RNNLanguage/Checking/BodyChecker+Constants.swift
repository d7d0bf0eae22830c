import RNNGraph
import RNNSupport

// Constants: numbers that are computed when compiling, and that no training changes.
extension BodyChecker {
  /// The most elements of a constant: they stand in the program.
  static let constantLimit = 1 << 22

  mutating func declareConstants(_ groups: [DeclarationGroup], _ value: Expression?) {
    if value == nil { report(.missingConstant(groups[0].names[0])) }
    for group in groups {
      let type = checkType(group.type, of: .const)
      for name in group.names {
        scope.equation = name.text
        guard let type, let value, !value.isInvalid,
          let numbers = constant(name, group.indices[name.text] ?? [], type.shape, value)
        else {
          hasFaults = true
          define(name, .faulty, kind: nil)
          continue
        }
        define(name, addConstant(name, type, numbers).map(Entity.value) ?? .faulty, kind: "constant")
      }
    }
  }

  private mutating func addConstant(_ name: Name, _ type: ValueType, _ numbers: [Double]) -> NodeID? {
    // A number is one wherever one must be known when compiling.
    if type.isScalar { return literal(numbers[0], at: name.range) }
    constants.append(
      CheckedConstant(
        name: name.text, shape: type.shape, table: NumberTable(numbers), site: name.range))
    return add(.parameter(name.text), type, at: name.range)
  }

  /// The numbers of a constant; nil after a report.
  private mutating func constant(
    _ name: Name, _ indices: [Name], _ shape: [Int], _ value: Expression
  ) -> [Double]? {
    let count = shape.reduce(1, *)
    guard count <= Self.constantLimit else {
      reportShape(.constantTooLarge(name, count))
      return nil
    }
    guard indices.isEmpty || indices.count == shape.count else {
      reportShape(.indexCount(name, indices.count, shape))
      return nil
    }
    var seen: [String: SourceRange] = [:]
    for index in indices {
      if let old = seen.updateValue(index.range, forKey: index.text) ?? scope.names[index.text]?.site {
        report(.redefinition(index.text, at: index.range, of: old))
        return nil
      }
    }
    var evaluator = ConstantEvaluator(checker, module: scope.module, shape: shape, sizesNote)
    for (name, size) in sizes { evaluator.names[name] = .one(Double(size)) }
    for constant in constants {
      evaluator.constants[constant.name] = (constant.shape, constant.table.numbers)
      if constant.shape == shape { evaluator.names[constant.name] = .all(constant.table.numbers) }
    }
    for (name, binding) in scope.names {
      if case .value(let node) = binding.entity, let number = number(node) {
        evaluator.names[name] = .one(number)
      }
      if case .faulty = binding.entity { evaluator.faulty.insert(name) }
      evaluator.known[name] = binding.site
    }
    evaluator.addIndices(indices.map(\.text))
    guard let numbers = evaluator.elements(value) else {
      hasFaults = true
      return nil
    }
    for used in evaluator.used { _ = lookup(used, at: value.range) }
    if let place = numbers.firstIndex(where: \.isNaN) {
      reportShape(.constantIsNotANumber(name, place, shape, at: value.range))
      return nil
    }
    return numbers
  }
}

extension Diagnostic {
  fileprivate static func missingConstant(_ name: Name) -> Diagnostic {
    Diagnostic(
      "missing-constant", "constant '\(name.text)' has no value", at: name.range,
      notes: [
        Note(
          "add a formula, numbers, a draw or a tensor of a file: '\(name.text)[i]: [N] = 1 / (i + 1)', '= (0.1, 0.2)',"
            + " '= normal(0.1, seed: 3)', '= file(\"mean.safetensors\", \"mean\")'")
      ])
  }

  fileprivate static func constantTooLarge(_ name: Name, _ count: Int) -> Diagnostic {
    Diagnostic(
      "too-large", "constant '\(name.text)' has \(counted(count, "element"))", at: name.range,
      notes: [Note("at most \(BodyChecker.constantLimit) fit, since they are a part of the program")])
  }

  fileprivate static func indexCount(_ name: Name, _ count: Int, _ shape: [Int]) -> Diagnostic {
    Diagnostic(
      "index-count",
      "\(count == 1 ? "1 index" : "\(count) indices") for a constant of shape \(shape.bracketed)",
      at: name.range, notes: [Note("each axis has an index, which counts from 0")])
  }

  fileprivate static func constantIsNotANumber(
    _ name: Name, _ place: Int, _ shape: [Int], at site: SourceRange
  ) -> Diagnostic {
    var (rest, indices) = (place, [Int]())
    for extent in shape.reversed() {
      indices.insert(rest % extent, at: 0)
      rest /= extent
    }
    let element = shape.isEmpty ? "'\(name.text)'" : "\(name.text)\(indices.bracketed)"
    return Diagnostic(
      "not-a-number", "\(element) is not a number", at: site,
      notes: [Note("such as 0 / 0, or log of a negative number")])
  }
}
