import RNNTestSupport

// MARK: - Constants

extension Construct {
  static let constants: [Construct] = [
    // const C1[i, j]: [H, I] = where(i < j, 0.3, -0.7) / (i + j + 1)
    Construct(2) { scope, _ in
      let shape = scope.random.chance(0.5) ? [scope.extent()] : [scope.extent(), scope.extent()]
      let name = scope.fresh("C")
      let (a, b) = (scope.literal().rnn, scope.literal(1...2).rnn)
      let column = shape.count == 2 ? "j" : "1"
      let (rnn, python) =
        switch scope.random.below(4) {
        case 0:
          (
            "where(i < \(column), \(a), -\(b)) / (i + \(column) + 1)",
            "(\(a) if i < \(column) else -\(b)) / (i + \(column) + 1)"
          )
        case 1: ("(\(a) * i - \(b)) / (\(column) + i + \(b))", "(\(a) * i - \(b)) / (\(column) + i + \(b))")
        case 2: ("sqrt(i + 1) / (2 + \(column)) - \(a)", "(i + 1) ** 0.5 / (2 + \(column)) - \(a)")
        default: ("pow(-\(a) / 2, i) * \(b)", "(-\(a) / 2) ** i * \(b)")
        }
      let isPlain = scope.random.chance(0.2)
      let indices = shape.count == 2 ? "i, j" : "i"
      scope.state.lines.append(
        (
          isPlain
            ? "const \(name): \(shape.text) = \(a)" : "const \(name)[\(indices)]: \(shape.text) = \(rnn)",
          "\(name) = table(\(shape.python), lambda \(indices): \(isPlain ? a : python))"
        ))
      return Term(
        rnn: name, python: name, type: ValueType(shape, .fixed), range: .within(isPlain ? 1.5 : 4))
    }
  ]
}
