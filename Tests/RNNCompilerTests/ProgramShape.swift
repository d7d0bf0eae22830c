import Testing

/// Shapes of programs that can be of any size.
enum ProgramShape: String, CaseIterable, CustomTestStringConvertible {
  /// Each value depends on the one before.
  case chain
  /// Each value depends on the one before in two ways.
  case ladder
  /// The same, of what is there when the program begins.
  case ladderOfInputs
  /// The same in a step of a loop.
  case ladderInCell
  /// Many values depend on one, and one on these.
  case fan
  /// Values are put together by twos.
  case tree
  /// Each step of a loop has many states.
  case states
  /// A loop over what the loop before gives.
  case cells
  /// Cells in a step of a loop.
  case cellsInCell
  /// Many values are handed out.
  case outputs
  /// Functions that call functions.
  case functions
  /// Sums, of which each waits for the one before.
  case sums
  /// Products with one input, and one sum of them.
  case products
  /// Parts of a vector, and a vector of them.
  case parts
  /// Steps of a differential equation.
  case solver

  var testDescription: String { rawValue }

  /// A model of about `size` operations, with a loss unless it is a ladder of inputs or has many outputs.
  func source(_ size: Int) -> String {
    switch self {
    case .chain: model(chain("tanh($)", size), "x * p")
    case .ladder: model(chain("$ + tanh($)", size / 2), "x * p")
    case .ladderOfInputs:
      "model Scaling {\n input x: [4]\n y0 = x\n\(chain("$ + tanh($)", size / 2))output y\n}"
    case .ladderInCell: cell(chain("$ + 0.5 * sin($)", size / 4), "h * p + x")
    case .fan:
      model(
        (0..<(size / 2)).map { "a\($0) = y0 * \($0).5\n" }.joined() + "s0 = a0\n"
          + chain("$ + a#", size / 2 - 1, "s") + "y = s\n", "x * p")
    case .tree: model(tree(size / 2), "x * p")
    case .states: states(size / 3)
    case .cells:
      loops(
        (1...(size / 12)).map { "c\($0) = RNN(4, 4)\n" }.joined() + "y0 = x\n" + chain("c#($)", size / 12))
    case .cellsInCell:
      "cell C {\ninput x: [4]\n" + (1...(size / 12)).map { "c\($0) = RNN(4, 4)\n" }.joined() + "y0 = x\n"
        + chain("c#($)", size / 12) + "output y\n}\n" + loops("c = C()\ny = c(x)\n")
    case .outputs:
      "model Scaling {\ninput x: [4]\ny0 = sin(x)\n"
        + (0..<size).map { "a\($0) = y0 * \($0).5\noutput a\($0)\n" }.joined() + "}"
    case .functions: functions(size / 2)
    case .sums: model(chain("$ / (1 + sum($ * $))", size / 5), "x * p")
    case .products:
      model(
        "param \((1...(size / 3)).map { "W\($0)" }.joined(separator: ", ")): [4, 4] = uniform(1)\n"
          + chain("$ + tanh(W# @ x)", size / 3), "x * p")
    case .parts: parts(size / 3)
    case .solver:
      cell(
        chain("step($, x[0])", size / 20), "h * p",
        "fn slope(y) = sin(y) - 0.1 * y\n"
          + "fn end(y, a, b, c, d, t) = y + t * (a + 2 * b + 2 * c + d) / 6\n"
          + "fn third(y, a, b, c, t) = end(y, a, b, c, slope(y + t * c), t)\n"
          + "fn second(y, a, b, t) = third(y, a, b, slope(y + 0.5 * t * b), t)\n"
          + "fn first(y, a, t) = second(y, a, slope(y + 0.5 * t * a), t)\n"
          + "fn step(y, t) = first(y, slope(y), t)\n")
    }
  }

  /// Definitions of `NAME1`, `NAME2` and so on, each by the one before, which is `$`, and its number, which is `#`; the
  /// last one is `NAME`, too.
  private func chain(_ formula: String, _ count: Int, _ name: String = "y") -> String {
    var text = ""
    for i in 1...max(count, 1) {
      let right = formula.split(separator: "$", omittingEmptySubsequences: false).joined(
        separator: "\(name)\(i - 1)")
      text +=
        "\(name)\(i) = "
        + right.split(separator: "#", omittingEmptySubsequences: false).joined(
          separator: "\(i)") + "\n"
    }
    return text + "\(name) = \(name)\(max(count, 1))\n"
  }

  private func model(_ body: String, _ first: String, _ input: String = "[4]", parameter: String = "[4]")
    -> String
  {
    """
    model Scaling {
    input x: \(input)
    param p: \(parameter) = uniform(1)
    y0 = \(first)
    \(body)output y
    loss mean(y * y)
    }
    """
  }

  /// A model of one loop whose step computes `y` of `y0`.
  private func cell(_ body: String, _ first: String, _ declarations: String = "") -> String {
    declarations + "cell C {\nparam p: [4] = uniform(1)\ninput x: [4]\nstate h: [4]\ny0 = \(first)\n" + body
      + "h' = y\noutput h'\n}\n" + loops("c = C()\ny = c(x)\n")
  }

  private func loops(_ body: String) -> String {
    "model Scaling {\ninput x: seq [4]\n" + body + "output y\nloss mean(y * y)\n}"
  }

  private func tree(_ size: Int) -> String {
    var width = 1
    while 2 * width <= size { width *= 2 }
    var text = (0..<width).map { "a0_\($0) = sin(y0 + \($0).5)\n" }.joined()
    var level = 0
    while width > 1 {
      width /= 2
      level += 1
      for i in 0..<width { text += "a\(level)_\(i) = a\(level - 1)_\(2 * i) * a\(level - 1)_\(2 * i + 1)\n" }
    }
    return text + "y = a\(level)_0\n"
  }

  private func states(_ count: Int) -> String {
    "cell C {\nparam p: [4] = uniform(1)\ninput x: [4]\n" + (0..<count).map { "state h\($0): [4]\n" }.joined()
      + "h0' = x * p\n" + (1..<count).map { "h\($0)' = sin(h\($0 - 1) + h\($0))\n" }.joined()
      + "output h\(count - 1)'\n}\n" + loops("c = C()\ny = c(x)\n")
  }

  private func functions(_ size: Int) -> String {
    var (text, count, depth) = ("fn f0(x) = x + x * 0.5\n", 1, 0)
    while 2 * count <= size {
      depth += 1
      count *= 2
      text += "fn f\(depth)(x) = f\(depth - 1)(f\(depth - 1)(x))\n"
    }
    return text + model("y = f\(depth)(y0)\n", "x * p")
  }

  private func parts(_ count: Int) -> String {
    let names = (1...count).map { "a\($0)" }.joined(separator: ", ")
    return model(
      "\(names) = split(y0, \(count))\n" + (1...count).map { "b\($0) = tanh(a\($0))\n" }.joined()
        + "y = concat(\((1...count).map { "b\($0)" }.joined(separator: ", ")))\n", "x * p", "[\(count)]",
      parameter: "[\(count)]")
  }
}
