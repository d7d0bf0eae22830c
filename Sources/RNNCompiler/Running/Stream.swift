import RNNGraph
import RNNPasses

/// A model that is run a step, or a few steps, at a time, with the state in the caller's hands.
///
///     let stream = try Stream(program, parameters: parameters)
///     var state = stream.start
///     let y = try stream.step(["x": x], &state)["y"]
///
/// The outputs are, bit for bit, those of a run over the whole sequence without random draws. Any number of states may be carried through
/// one stream, such as one for each conversation. One thread at a time may use a stream.
public final class Stream {
  /// What a stream remembers between two steps: a value, which can be kept, copied and gone back to.
  public struct State: Sendable {
    fileprivate let names: [String]
    fileprivate var tensors: [Tensor]
    /// Whether a step has been made since the start.
    public fileprivate(set) var hasBegun = false

    /// The state of this path, such as `rnn.h`; nil if there is none, or before the first step of a state that the
    /// model itself gives its first value.
    public subscript(name: String) -> Tensor? {
      guard let place = names.firstIndex(of: name), !tensors[place].shape.contains(0) else { return nil }
      return tensors[place]
    }
  }

  /// The state before the first step: zero, or what the model declares.
  public let start: State
  private let first: Part
  private let later: Part
  /// The program of all calls but the first.
  var execution: Execution { later.execution }
  private let model: String

  /// Prepares a model for steps of `program.batch` examples.
  ///
  /// - Parameters:
  ///   - parameters: by their path; they are shared, not copied.
  ///   - steps: the name of the steps that come one at a time, as in `seq(S)`; other sequences are given whole.
  ///   - origin: where the parameters come from, for messages.
  /// - Throws: `InputError` if a step of the model needs later ones, or a parameter is missing or does not fit.
  public convenience init(
    _ program: Program, parameters: [String: Tensor], steps: String = Symbol.steps.name,
    origin: String = "the set of parameters"
  ) throws {
    let whole = try program.compilation(for: .inference)
    let rest = try requested { () throws(RewriteError) in try whole.graph.continued(over: Symbol(steps)) }
    // Most models start from zero and need no second program.
    let isSame = Set(rest.inputs.map(\.name)).isSuperset(of: whole.graph.inputs.map(\.name))
    let later =
      isSame
      ? whole : Compilation(rest, source: program.source, options: program.options, batch: program.batch)
    try self.init(program, whole, later, parameters, Symbol(steps), origin)
  }

  private init(
    _ program: Program, _ whole: Compilation, _ rest: Compilation, _ parameters: [String: Tensor],
    _ steps: Symbol, _ origin: String
  ) throws {
    let first = try Execution(whole, options: program.options, batch: program.batch)
    let later = whole === rest ? first : try Execution(rest, options: program.options, batch: program.batch)
    // The first step may start from states that no later one needs, such as those of an encoder.
    let taken = [first, later].map { $0.graph.inputs.filter { $0.role == .state }.map(\.name) }
    let names = taken[1] + taken[0].filter { !taken[1].contains($0) }
    func part(_ execution: Execution) throws -> Part {
      let graph = execution.graph
      var sizes = KnownSizes()
      for (i, input) in graph.inputs.enumerated() where input.isParameter {
        guard let tensor = parameters[input.name] else {
          throw InputError("\(origin) has no tensor '\(input.name)', which the model needs")
        }
        execution.inputs[i] = try execution.signature.fit(tensor, to: i, sizes: &sizes)
      }
      return Part(execution, states: names, steps: steps)
    }
    self.first = try part(first)
    self.later = whole === rest ? self.first : try part(later)
    model = program.source.name
    let given = first.graph.inputs.filter { $0.role == .state }.map(\.value)
    try AvailableMemory.require(
      bytes: first.graph.byteCount(of: given, [.batch: program.batch]), for: "the states of the model")
    start = State(
      names: names,
      tensors: self.first.states.map { state in
        guard let input = state.input else { return Tensor(.f32, shape: [0]) }
        return Tensor(
          first.signature.elementType(input), shape: first.signature.shape(input, [.batch: program.batch]))
      })
  }

  /// A state to begin with, in which some of the states that the caller gives are not zero.
  ///
  /// - Throws: `InputError` if there is no such state, or a tensor does not fit.
  public func start(from tensors: [String: Tensor]) throws -> State {
    var state = start
    var sizes = KnownSizes()
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      guard let place = state.names.firstIndex(of: name), let input = first.states[place].input else {
        let known = zip(state.names, first.states).filter { $1.input != nil }.map(\.0)
        throw InputError(
          "model '\(model)' takes no state '\(name)'",
          note: known.isEmpty ? "it takes none" : "it takes \(known.joined(separator: ", "))")
      }
      state.tensors[place] = try first.execution.signature.fit(tensor, to: input, sizes: &sizes)
    }
    return state
  }

  /// Reads one step of each sequence, `[B, …]`, and gives the outputs of this step.
  ///
  /// - Throws: `InputError` if a tensor is missing or does not fit.
  public func step(_ inputs: [String: Tensor], _ state: inout State) throws -> [String: Tensor] {
    try call(inputs, &state, isStep: true)
  }

  /// Reads some steps of each sequence, `[T, B, …]`, and gives the outputs of these steps.
  ///
  /// - Throws: `InputError` if a tensor is missing or does not fit.
  public func run(_ inputs: [String: Tensor], _ state: inout State) throws -> [String: Tensor] {
    try call(inputs, &state, isStep: false)
  }

  private func call(
    _ inputs: [String: Tensor], _ state: inout State, isStep: Bool
  ) throws -> [String: Tensor] {
    precondition(state.names == start.names, "the state is that of another stream")
    let part = state.hasBegun ? later : first
    let execution = part.execution
    try part.setInputs(inputs, isStep: isStep)
    part.forgetResults()
    // States are moved, not copied: the memory of the old one becomes that of the next new one.
    part.exchangeStates(with: &state.tensors)
    do {
      try execution.run()
    } catch {
      part.exchangeStates(with: &state.tensors)
      throw error
    }
    for (place, ends) in part.states.enumerated() {
      guard let output = ends.output else { continue }
      if let input = ends.input {
        execution.swapInput(input, withOutput: output)
      } else {
        state.tensors[place] = execution.outputs[output]
      }
    }
    part.exchangeStates(with: &state.tensors)
    state.hasBegun = true
    return try part.takeResults(isStep: isStep)
  }
}

/// One of the two programs of a stream: that of the first call, and that of all later ones.
///
/// A call with the shapes of the one before allocates nothing, unless the caller still holds what that one gave.
private final class Part {
  let execution: Execution
  /// For each state of the stream, its input and its output.
  let states: [(input: Int?, output: Int?)]
  /// The inputs that are given with each call, and whether they have an axis of the steps that are streamed.
  private let data: [(number: Int, name: String, isStreamed: Bool)]
  /// The outputs of the model, and whether they have an axis of the steps that are streamed.
  private let outputs: [(number: Int, isStreamed: Bool, place: Dictionary<String, Tensor>.Index)]
  /// What the last call gave.
  private var results: [String: Tensor] = [:]
  /// The shapes of outputs without that axis.
  private var shapesOfStep: [[Int]] = []
  /// Stands where there is no tensor.
  private let nothing = Tensor(.f32, shape: [0])

  init(_ execution: Execution, states names: [String], steps: Symbol) {
    self.execution = execution
    let graph = execution.graph
    states = names.map { name in
      (execution.inputNumber(name), graph.outputs.firstIndex { $0.name == name && $0.role == .state })
    }
    func isStreamed(_ value: ValueID) -> Bool { graph.type(value).shape.first == .symbol(steps) }
    data = graph.inputs.enumerated().filter { !$1.isParameter && $1.role != .state }.map {
      ($0, $1.name, isStreamed($1.value))
    }
    let given = graph.outputs.enumerated().filter { $1.role == .output }
    var results: [String: Tensor] = [:]
    for (_, output) in given { results[output.name] = nothing }
    self.results = results
    outputs = given.map { ($0, isStreamed($1.value), results.index(forKey: $1.name)!) }
  }

  /// Checks the tensors of a call and makes them inputs.
  ///
  /// - Parameter isStep: whether those of sequences lack the axis of steps.
  func setInputs(_ given: [String: Tensor], isStep: Bool) throws {
    if execution.sizes.isEmpty { return try fitInputs(given, isStep: isStep) }
    for (number, name, isStreamed) in data {
      guard let tensor = given[name],
        try execution.replaceInput(number, with: tensor, isStep: isStep && isStreamed)
      else { return try fitInputs(given, isStep: isStep) }
    }
  }

  private func fitInputs(_ given: [String: Tensor], isStep: Bool) throws {
    var sizes = KnownSizes()
    let fitting = try data.map { number, name, isStreamed in
      guard var tensor = given[name] else {
        throw InputError(
          "the step has no tensor '\(name)', which the model needs as \(execution.signature.description(number))"
        )
      }
      if isStep, isStreamed { tensor = try tensor.reshaped(to: [1] + tensor.shape) }
      return try execution.signature.fit(tensor, to: number, sizes: &sizes)
    }
    try execution.setSizes(sizes.sizes)
    for (entry, tensor) in zip(data, fitting) { execution.inputs[entry.number] = tensor }
    shapesOfStep = outputs.map { Array(execution.outputs[$0.number].shape.dropFirst()) }
  }

  /// Exchanges the states that the program takes for those of a stream.
  func exchangeStates(with tensors: inout [Tensor]) {
    for (place, ends) in states.enumerated() {
      if let input = ends.input { swap(&execution.inputs[input], &tensors[place]) }
    }
  }

  /// Leaves the memory of outputs to the program, as far as nobody else holds it.
  func forgetResults() {
    for output in outputs { results.values[output.place] = nothing }
  }

  /// The outputs of the last call by their names.
  func takeResults(isStep: Bool) throws -> [String: Tensor] {
    for (i, output) in outputs.enumerated() {
      let tensor = execution.outputs[output.number]
      results.values[output.place] =
        isStep && output.isStreamed ? try tensor.reshaped(to: shapesOfStep[i]) : tensor
    }
    return results
  }
}
