import RNNGraph

// Cells applied to values: in one step, to all steps at once, or in a loop.
extension BodyLowering {
  /// Applies an instance to its operands.
  func apply(_ application: Application, _ operands: [LoweredValue]) -> LoweredValue {
    let instance = cell.instances[application.instance]
    let inputs = Array(operands.prefix(application.inputCount))
    let given = Array(operands.dropFirst(application.inputCount))
    let parameters = environment.parameters.of(instance.name)
    let rows = application.rows.map { [Dimension.fixed($0)] } ?? []
    var states: [LoweredValue] = []
    if let model, !instance.cell.states.isEmpty {
      states = model.initialStates(of: instance, application, given: given, parameters)
    } else if !instance.cell.states.isEmpty {
      let first = firstStates[application.instance]
      states = Array(environment.states[first..<(first + instance.cell.states.count)])
    }
    let inner = Environment(
      parameters: parameters, inputs: inputs, states: states, surroundings: environment.surroundings)
    let result: LoweredValue
    if let steps = application.steps, instance.cell.runsStepByStep {
      result = scan(instance, over: symbol(steps), inner)
    } else {
      let extent = application.steps.map(Extent.steps) ?? .example
      result = step(instance, inner, lead: lead(extent), rows: rows)
    }
    if let model, !isRepetition, case .application(_, let final) = result {
      model.addFinalStates(final, of: instance, application)
    }
    return result
  }

  /// Computes an instance where the values stand: one step, or all steps of a cell without state at once.
  ///
  /// Heads, and rows that it is applied to one by one, are leading axes inside, and own ones outside.
  private func step(
    _ instance: CheckedInstance, _ environment: Environment, lead: [Dimension], rows: [Dimension] = []
  ) -> LoweredValue {
    var inner = environment
    inner.inputs = environment.inputs.map { $0.leading(rows.count) }
    if !rows.isEmpty {
      inner.parameters = environment.parameters.values(of: instance.cell) { value in
        // What is the same for everything has no axes for the rows to stand behind.
        let axes = value.axes(in: builder)
        guard case .tensor(let id, let lead) = value, lead > 0 else { return value }
        let places = axes.all.indices.map { $0 < lead ? $0 : $0 + rows.count }
        return .tensor(
          builder.broadcast(id, axes: places, shape: axes.lead + rows + axes.own), lead: lead + rows.count)
      }
    }
    let body = body(of: instance, inner, lead: lead + rows, shared: heads.isEmpty ? [] : rows)
    func outside(_ value: LoweredValue) -> LoweredValue {
      outsideOfHeads(value, of: instance, lead: lead + rows).leading(-rows.count)
    }
    return .application(outputs: body.outputs.map(outside), states: body.nextStates.map(outside))
  }

  /// What a function gives for each row of some values, which are heads inside of it.
  func each(_ instance: CheckedInstance, _ rows: [LoweredValue], _ type: ValueType) -> LoweredValue {
    let inner = Environment(
      parameters: environment.parameters, inputs: rows, states: [], surroundings: environment.surroundings)
    let body = body(of: instance, inner, lead: lead, symbols: symbols)
    return outsideOfHeads(body.outputs[0], of: instance, lead: lead(type.extent))
  }

  /// The values of an instance's body, in which its heads are leading axes.
  ///
  /// - Parameter shared: axes of its parameters between the heads around it and its own.
  private func body(
    of instance: CheckedInstance, _ environment: Environment, lead: [Dimension], shared: [Dimension] = [],
    symbols: [String: Symbol] = [:]
  ) -> BodyLowering {
    let copies = instance.heads.map(Dimension.fixed)
    var inner = environment
    inner.inputs = environment.inputs.map { $0.leading(copies.count) }
    inner.states = environment.states.map { $0.leading(copies.count) }
    if !copies.isEmpty {
      inner.parameters = environment.parameters.values(of: instance.cell) { $0.leading(copies.count) }
    }
    var body = BodyLowering(
      instance.cell, context, inner, lead: lead + copies, heads: heads + shared + copies, symbols: symbols)
    body.run()
    return body
  }

  /// A value of an instance's body, with its heads as own axes.
  private func outsideOfHeads(_ value: LoweredValue, of instance: CheckedInstance, lead: [Dimension])
    -> LoweredValue
  {
    led(value, by: lead + instance.heads.map(Dimension.fixed)).leading(-instance.heads.count)
  }

  /// Repeats a value along leading axes that it lacks.
  private func led(_ value: LoweredValue, by lead: [Dimension]) -> LoweredValue {
    let axes = Axes(lead: lead, own: value.axes(in: builder).own)
    return .tensor(builder.conform(value, to: axes, element), lead: lead.count)
  }

  /// Where a step of a loop finds an input.
  private enum InputSource {
    case invariant(Int, lead: Int)
    case sequence(Int)
    case itself(LoweredValue)
  }

  /// Runs a cell along a sequence: parameters are the same in every step, states go from step to step.
  ///
  /// An example whose sequence has ended keeps its states, and its outputs are 0.
  private func scan(_ instance: CheckedInstance, over steps: Symbol, _ environment: Environment)
    -> LoweredValue
  {
    let cell = instance.cell
    let outside = environment.surroundings
    let paths = cell.tensorPaths().sorted()
    let leads = paths.map { environment.parameters[$0].axes(in: builder).lead.count }
    var invariants = paths.map { tensor(environment.parameters[$0]) }
    var sequences: [ValueID] = []
    let isRagged = outside.lengths[steps] != nil && !environment.states.isEmpty
    var known: Set<Symbol> = isRagged ? [steps] : []
    // An input that is a parameter is the same in every step, and so is a sequence taken whole; a number stays one.
    let sources = zip(cell.inputs, environment.inputs).map { input, value -> InputSource in
      switch value {
      case .tensor(let id, let lead) where lead == 0 || input.type.isSequence:
        if lead > 0, let length = builder.type(id).shape[0].symbol { known.insert(length) }
        invariants.append(id)
        return .invariant(invariants.count - 1, lead: lead)
      case .tensor(let id, _):
        sequences.append(id)
        return .sequence(sequences.count - 1)
      case .literal, .application: return .itself(value)
      }
    }
    let ragged = known.filter { outside.lengths[$0] != nil }.sorted()
    let firstLengths = invariants.count
    invariants += ragged.compactMap { outside.lengths[$0] }
    let seed = cell.isRandom ? outside.seed : nil
    invariants += [seed].compactMap { $0 }
    let isCounted = isRagged || seed != nil
    if isCounted { sequences.append(builder.iota(.symbol(steps), .i32)) }
    let carries = environment.states.map { state in
      let axes = state.axes(in: builder)
      return builder.conform(state, to: Axes(lead: [.batch], own: axes.own), element)
    }
    let results = builder.scan(steps: steps, invariants: invariants, carries: carries, sequences: sequences) {
      invariants, carries, elements in
      let inputs = sources.map { source -> LoweredValue in
        switch source {
        case .invariant(let index, let lead): .tensor(invariants[index], lead: lead)
        case .sequence(let index): .tensor(elements[index], lead: 1)
        case .itself(let value): value
        }
      }
      let surroundings = Surroundings(
        lengths: Dictionary(uniqueKeysWithValues: zip(ragged, invariants[firstLengths...])),
        seed: seed == nil ? nil : invariants.last, step: isCounted ? elements.last : nil)
      let inner = Environment(
        parameters: Parameters(
          Dictionary(uniqueKeysWithValues: zip(paths, zip(invariants, leads).map { .tensor($0, lead: $1) }))),
        inputs: inputs,
        states: carries.map { .tensor($0, lead: 1) }, surroundings: surroundings)
      guard case .application(let outputs, let states) = step(instance, inner, lead: [.batch]) else {
        preconditionFailure("a step is an application")
      }
      let (next, results) = (states.map(tensor), outputs.map(tensor))
      guard isRagged, let step = surroundings.step, let lengths = surroundings.lengths[steps] else {
        return (next, results)
      }
      let isValid = builder.compare(.less, builder.broadcast(scalar: step, like: lengths), lengths)
      return (
        zip(next, carries).map { builder.masked($0, by: isValid, else: $1) },
        results.map { builder.masked($0, by: isValid) }
      )
    }
    return .application(
      outputs: results.outputs.map { .tensor($0, lead: 2) },
      states: results.carries.map { .tensor($0, lead: 1) })
  }
}
