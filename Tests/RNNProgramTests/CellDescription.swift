/// A cell that programs may make instances of.
struct CellDescription: Sendable {
  struct Port: Sendable {
    let name: String
    /// In sizes of the cell; `.one` for a value of the step, `.steps` for a whole sequence.
    let type: ValueType
  }

  struct StateDescription: Sendable {
    /// The path below the instance, such as `.inner.h`.
    let path: String
    let shape: [Extent]
    /// Whether the cell says what it is before the first step.
    let isDeclared: Bool
  }

  let name: String
  /// Sizes with the extents that they have if an instance names none.
  let sizes: [(name: String, standard: Extent?)]
  let inputs: [Port]
  let outputs: [(type: ValueType, range: ClosedRange<Double>)]
  /// Own states, then those inside.
  let states: [StateDescription]
  /// Every parameter, with its path below the instance.
  let parameters: [(path: String, shape: [Extent], bound: Double)]
  /// Paths of random draws, with the outputs that tell them.
  let draws: [(path: String, output: Int)]
  /// The cell in the language; nil for one of the standard library.
  let rnn: String?
  let python: String

  var takesSequences: Bool { inputs.contains { $0.type.steps != nil } }
  var isSimple: Bool { outputs.count == 1 && draws.isEmpty }
  /// Whether copies of it can stand side by side.
  var canHaveHeads: Bool { (inputs.map(\.type) + outputs.map(\.type)).allSatisfy(\.isNumber) }
}

/// An instance of a cell in a unit.
struct Instance {
  let name: String
  let cell: CellDescription
  /// The sizes of the cell in those of the unit.
  let sizes: [String: Extent]
  /// How many copies of the cell stand side by side; nil for the cell alone.
  var heads: Extent?
  var applications = 0

  func shape(_ shape: [Extent]) -> [Extent] { [heads].compactMap { $0 } + shape.replacing(sizes) }
  func type(_ type: ValueType) -> ValueType {
    ValueType(shape(type.shape), type.place, token: type.token?.replacing(sizes))
  }

  /// What makes the instance in Python, with its path and parameters.
  func python(path: String) -> String {
    let values = "(" + cell.sizes.map { "\(sizes[$0.name]!.text)," }.joined(separator: " ") + ")"
    let copies = heads.map { "Heads(\($0.text), \(cell.name), " } ?? "\(cell.name)("
    return "\(copies)\(path), P, \(values))"
  }
}
