import RNNCompiler
import RNNTestSupport

extension ProgramGenerator {
  /// An input or target of a model.
  struct Datum {
    let name: String
    let type: ValueType
    let isTarget: Bool

    var rnn: String {
      let steps = type.steps.map { $0 == "T" ? "seq " : "seq(\($0)) " } ?? ""
      return "\(name): \(steps)" + (type.token.map { "token(\($0.text))" } ?? type.shape.text)
    }
  }

  /// Writes a model of random equations with its data; nil if there is nothing to make small.
  func makeModel() -> RandomProgram? {
    let names = Array(["V", "H", "I", "K"].prefix(2 + random.below(3)))
    let sizes = Dictionary(uniqueKeysWithValues: names.map { ($0, random.pick([1, 2, 3, 4, 5, 7, 9])!) })
      .merging(random.chance(0.1) ? ["H": 17] : [:]) { $1 }
    let scope = Scope(self, isModel: true, sizes: sizes, fork())
    let inputs = makeInputs(scope)
    for datum in inputs {
      scope.add(Term(rnn: datum.name, python: datum.name, type: datum.type, range: .within(1)))
      if let steps = datum.type.steps, !scope.sequences.contains(where: { $0.steps == steps }) {
        scope.sequences.append((steps, datum.name))
      }
    }
    for _ in 0..<4 { if scope.applyInStatement() { break } }
    scope.addStatements(3 + random.below(6))
    if random.chance(0.5) { _ = scope.applyInStatement() }
    let targets = makeTargets(scope)
    // Applications count in the order of the text: what comes first is written first.
    guard let means = makeMeans(scope, targets) else { return nil }
    let outputs = makeOutputs(scope)
    if let last = means.last { scope.state.lines.append((last, "")) }
    return outputs.isEmpty ? nil : assemble(scope, inputs + targets, outputs, means)
  }

  private func makeInputs(_ scope: Scope) -> [Datum] {
    func type(_ place: Place) -> ValueType {
      switch random.below(10) {
      case 0..<3: ValueType([], place, token: Extent("V"))
      case 3: ValueType([], place)
      case 4: ValueType([Extent("H"), Extent(2)], place)
      default: ValueType([scope.extent()], place)
      }
    }
    var inputs = [Datum(name: "x", type: type(random.chance(0.9) ? .steps("T") : .one), isTarget: false)]
    if random.chance(0.4) { inputs.append(Datum(name: "y", type: type(.steps("T")), isTarget: false)) }
    if random.chance(0.35) { inputs.append(Datum(name: "s", type: type(.steps("S")), isTarget: false)) }
    if random.chance(0.3) { inputs.append(Datum(name: "z", type: type(.one), isTarget: false)) }
    return random.chance(0.2) ? inputs.reversed() : inputs
  }

  private func makeTargets(_ scope: Scope) -> [Datum] {
    guard random.chance(0.75) else { return [] }
    // A target has steps that an input has.
    let places = scope.sequences.map { Place.steps($0.steps) } + [.one]
    let place = random.pick(places)!
    let type =
      random.chance(0.5)
      ? ValueType([], place, token: Extent("V")) : ValueType([scope.extent()], place)
    return [Datum(name: "wanted", type: type, isTarget: true)]
  }

  /// Results under their names: some values, and all that tell random draws.
  private func makeOutputs(_ scope: Scope) -> [(name: String, rnn: String, term: Term)] {
    var outputs: [(name: String, rnn: String, term: Term)] = []
    for i in 0..<(1 + random.below(3)) {
      let fits: (Term) -> Bool = { $0.type.place != .fixed }
      switch random.below(3) {
      case 0 where i == 0:
        guard let term = scope.operand(1, where: fits), !Self.isName(term) else { continue }
        outputs.append(("output", term.rnn, term))
      case 1:
        guard let term = scope.operand(1, where: fits) else { continue }
        outputs.append(("out\(i)", "out\(i) = \(term.rnn)", term))
      default:
        guard
          let term = scope.operand(
            0, where: { fits($0) && Self.isName($0) && $0.rnn.hasPrefix("v") })
        else { continue }
        if outputs.contains(where: { $0.name == term.rnn }) { continue }
        outputs.append((term.rnn, term.rnn, term))
      }
    }
    for draw in scope.state.draws where !outputs.contains(where: { $0.name == draw.term.rnn }) {
      outputs.append((draw.term.rnn, draw.term.rnn, draw.term))
    }
    return outputs
  }

  private static func isName(_ term: Term) -> Bool { term.rnn.allSatisfy { $0.isLetter || $0.isNumber } }

  // MARK: Text and data

  private func assemble(
    _ scope: Scope, _ data: [Datum], _ outputs: [(name: String, rnn: String, term: Term)],
    _ means: Means
  ) -> RandomProgram {
    let batch = 1 + random.below(4)
    let (tensors, ragged, lengths) = makeTensors(scope, data, batch)
    let sizes = scope.sizes.sorted { $0.key < $1.key }
    // Some sizes are given when compiling.
    let given = sizes.filter { _ in random.chance(0.3) }
    let header = sizes.map { size in
      given.contains { $0.key == size.key } ? size.key : "\(size.key) = \(size.value)"
    }
    var lines = data.map { "\($0.isTarget ? "target" : "input") \($0.rnn)" }
    lines += scope.parameterLines + scope.state.lines.map(\.rnn)
    lines += outputs.map { "output \($0.rnn)" }
    let known = cells.reduce(into: [CellDescription]()) { list, cell in
      if !list.contains(where: { $0.name == cell.name }) { list.append(cell) }
    }
    let rnn =
      (functions.map(\.rnn) + known.compactMap(\.rnn)).joined(separator: "\n")
      + "\nmodel Random(\(header.joined(separator: ", "))) {\n" + lines.map { "    \($0)\n" }.joined() + "}\n"
    let python = model(scope, data, outputs, means, batch, lengths)
    let texts = functions.map(\.python) + known.map(\.python).filter { !$0.isEmpty } + [python]
    return RandomProgram(
      rnn: rnn, python: texts.joined(separator: "\n\n"),
      sizes: Dictionary(uniqueKeysWithValues: given.map { ($0.key, $0.value) }), batch: batch, ragged: ragged,
      tensors: tensors, draws: scope.state.draws.map(\.term.rnn), hasLoss: true)
  }

  private func model(
    _ scope: Scope, _ data: [Datum], _ outputs: [(name: String, rnn: String, term: Term)],
    _ means: Means, _ batch: Int, _ lengths: [String: String]
  ) -> String {
    func quoted(_ text: String?) -> String { text.map { "\"\($0)\"" } ?? "None" }
    let parameters = scope.allParameters.map { "\"\($0.path.dropFirst())\"" }
    let inputs = data.map {
      "\"\($0.name)\": (\(quoted($0.type.steps)), \($0.type.token == nil ? "False" : "True"))"
    }
    let results = outputs.map { "\"\($0.name)\": \(quoted($0.term.type.steps))" }
    let ragged = lengths.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \"\($0.value)\"" }
    var lines = ["P = run.parameters"]
    lines += scope.sizes.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)" }
    lines += data.map { "\($0.name) = run.data[\"\($0.name)\"]" }
    lines += scope.state.lines.map(\.python).filter { !$0.isEmpty }
    lines += outputs.enumerated().map { "result\($0) = \($1.term.python)" }
    let pairs = outputs.enumerated().map { "\"\($1.name)\": result\($0)" }
    lines.append("return {\(pairs.joined(separator: ", "))}, [\(means.python.joined(separator: ", "))]")
    return """
      BATCH = \(batch)
      PARAMETERS = [\(parameters.joined(separator: ", "))]
      DATA = {\(inputs.joined(separator: ", "))}
      LENGTHS = {\(ragged.joined(separator: ", "))}
      OUTPUTS = {\(results.joined(separator: ", "))}
      MEANS = [\(means.kinds.joined(separator: ", "))]


      def model(run):

      """ + lines.map { "    \($0)\n" }.joined()
  }

  private func makeTensors(
    _ scope: Scope, _ data: [Datum], _ batch: Int
  ) -> (tensors: [String: Tensor], ragged: Set<String>, lengths: [String: String]) {
    var tensors: [String: Tensor] = [:]
    func numbers(_ shape: [Int], bound: Double = 1) -> Tensor {
      let count = shape.reduce(1, *)
      return Tensor((0..<count).map { _ in (2 * random.unit() - 1) * bound }, shape: shape)
    }
    let steps = ["T": 1 + random.below(6), "S": 1 + random.below(4)]
    for datum in data {
      var shape = [batch] + datum.type.shape.map { $0.value(scope.sizes) }
      if let name = datum.type.steps { shape = [steps[name]!] + shape }
      if let count = datum.type.token?.value(scope.sizes) {
        let ids = (0..<shape.reduce(1, *)).map { _ in Int32(random.below(count)) }
        tensors[datum.name] = Tensor(ids, shape: shape)
      } else {
        tensors[datum.name] = numbers(shape)
      }
    }
    for parameter in scope.allParameters {
      let shape = parameter.shape.map { $0.value(scope.sizes) }
      tensors[String(parameter.path.dropFirst())] = numbers(shape, bound: parameter.bound)
    }
    for instance in scope.state.instances {
      for application in 0..<instance.applications {
        for state in instance.cell.states where !state.isDeclared && random.chance(0.7) {
          let name = application == 0 ? instance.name : "\(instance.name)@\(application + 1)"
          tensors[name + state.path] = numbers(
            [batch] + instance.shape(state.shape).map { $0.value(scope.sizes) })
        }
      }
    }
    var (ragged, lengths) = (Set<String>(), [String: String]())
    for sequence in scope.sequences where random.chance(options.partialFunctions ? 0.7 : 0.4) {
      ragged.insert(sequence.steps)
      lengths[sequence.steps] = sequence.name + ".lengths"
      let limit = steps[sequence.steps]!
      var counts = (0..<batch).map { _ in Int32(random.below(limit + 1)) }
      // A loss needs a step of one example at least.
      counts[random.below(batch)] = Int32(1 + random.below(limit))
      tensors[sequence.name + ".lengths"] = Tensor(counts, shape: [batch])
      // What stands past the end does not matter.
      for datum in data where datum.type.steps == sequence.steps && datum.type.token == nil {
        tensors[datum.name] = try! tensors[datum.name]!.filled(past: counts, with: random.pick([-300, 300])!)
      }
    }
    return (tensors, ragged, lengths)
  }
}

extension Tensor {
  /// The sequences with a number in place of all that is past their ends.
  fileprivate func filled(past lengths: [Int32], with number: Double) throws -> Tensor {
    var result = self
    let (batch, row) = (shape[1], shape[2...].reduce(1, *))
    try result.withUnsafeMutableElements(as: Double.self) { elements in
      for (i, _) in elements.enumerated() where i / row / batch >= Int(lengths[i / row % batch]) {
        elements[i] = number
      }
    }
    return result
  }
}
