import RNNGraph
import RNNSupport

// What a body must have, and what is in it without a use.
extension BodyChecker {
  /// The states of the body and of its instances; those of an instance go by their path.
  func allStates() -> [CheckedState] {
    let own = states.map { state in
      CheckedState(
        name: state.name.text, shape: state.shape, initial: state.initial, site: state.name.range)
    }
    guard !isModel else { return own }
    return own
      + instances.flatMap { instance in
        instance.checked.states.map { state in
          var initial = state.initial
          if case .parameter(let path) = initial { initial = .parameter("\(instance.name.text).\(path)") }
          return CheckedState(
            name: "\(instance.name.text).\(state.name)", shape: state.shape, initial: initial,
            site: state.site)
        }
      }
  }

  /// The next values of all states of a cell; reports those that have none.
  mutating func checkStates() -> [NodeID] {
    guard !isModel, !unit.isIncomplete else { return [] }
    var next: [NodeID] = []
    for state in states {
      if let assigned = state.next {
        if let node = assigned.node { next.append(node) } else { hasFaults = true }
      } else if !state.isFaulty {
        report(.stateNeverAssigned(state.name))
      }
    }
    for instance in instances where !instance.cell.states.isEmpty {
      guard let application = instance.applications.first else {
        if !instance.isApplied { report(.neverApplied(instance.name.text, at: instance.name.range)) }
        continue
      }
      for (index, state) in instance.checked.states.enumerated() {
        let type = ValueType(state.shape, .example)
        let node = add(.nextState(index), [application], type, at: nodes[application.index].site)
        if let node { next.append(node) }
      }
    }
    return next
  }

  mutating func checkCompleteness() {
    let hasOutput = unit.statements.contains { statement in
      switch statement.kind {
      case .output: true
      case .loss: isModel
      case .declaration, .definition, .measure: false
      }
    }
    if !hasOutput { report(.missingOutput(unit)) }
    let hasInput = unit.statements.contains { statement in
      if case .declaration(.input, _, _) = statement.kind { true } else { false }
    }
    if isModel, !hasInput { report(.missingInput(unit)) }
    // What is at fault may hide uses.
    if hasFaults { return }
    if isModel { checkTargets() }
    for (name, binding) in scope.names.sorted(by: { $0.key < $1.key }) {
      guard let kind = binding.kind, !name.hasPrefix("_"), !isUsed(name) else { continue }
      report(.unusedName(name, kind, at: binding.site))
    }
  }

  /// Warns of data that only the loss needs: a program for inference would ask for it.
  private mutating func checkTargets() {
    guard !outputs.isEmpty, !losses.isEmpty else { return }
    let needed = reached(from: outputs.map(\.node) + instances.flatMap(\.statefulApplications))
    let lossNodes = reached(from: (losses + measures).flatMap(\.nodes))
    let data = Dictionary(grouping: inputs.filter { !$0.isTarget }, by: \.type.extent)
    for (index, node) in nodes.enumerated() {
      guard case .input(let number) = node.operation, !inputs[number].isTarget else { continue }
      let input = inputs[number]
      // The only sequence of its steps tells how many there are.
      let tellsSteps = input.type.isSequence && data[input.type.extent]?.count == 1
      guard lossNodes.contains(NodeID(index: index)), !needed.contains(NodeID(index: index)), !tellsSteps
      else {
        continue
      }
      report(.inputOfLoss(input.name, at: input.site))
    }
  }

  /// The nodes that some are computed from, themselves included.
  private func reached(from roots: [NodeID]) -> Set<NodeID> {
    var reached = Set(roots)
    for index in nodes.indices.reversed() where reached.contains(NodeID(index: index)) {
      reached.formUnion(nodes[index].operands)
    }
    return reached
  }
}

extension BodyChecker.Instance {
  /// The applications that have a final state, which is a result of a model.
  fileprivate var statefulApplications: [NodeID] { cell.states.isEmpty ? [] : applications }
}
