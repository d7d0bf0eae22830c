import RNNGraph

extension AdjointBuilder {
  // The adjoint of a scan is a scan that runs the other way over saved values:
  //
  //     forward step:   cₜ, yₜ = f(w, cₜ₋₁, xₜ)
  //     backward step:  ∂L/∂cₜ₋₁ = (∂L/∂cₜ, ∂L/∂yₜ) · ∂f/∂c    a carry, from ∂L/∂c of the last step
  //                     acc + (∂L/∂cₜ, ∂L/∂yₜ) · ∂f/∂w          a carry, from 0, which ends as ∂L/∂w
  //                     ∂L/∂xₜ   = (∂L/∂cₜ, ∂L/∂yₜ) · ∂f/∂x    an output
  func reverseScan(_ id: OperationID, _ scan: ScanAttributes) throws {
    let operation = builder.graph[id]
    let body = builder.graph[scan.body]
    let tape = Tape(of: scan, builder)
    let inner = AdjointBuilder(of: self, tape)
    let arguments = Arguments(body.arguments, scan)
    var backward = OpenScan(body: tape.region, stepping: scan.stepping.reversed)
    // The forward operands whose adjoints the backward scan's results are.
    var carryReceivers: [ValueID] = []
    var outputReceivers: [ValueID] = []

    // Adjoints that come into a backward step, and the results of the forward step that they belong to.
    var seeds: [(adjoint: ValueID, result: ValueID)] = []
    var carried: [ValueID] = []
    for (i, argument) in arguments.carries.enumerated()
    where activity.isActive(argument) || activity.isActive(body.results[i]) {
      let final = adjoint(of: operation.results[i]) ?? builder.constant(0, like: operation.results[i])
      let adjoint = builder.addArgument(builder.type(argument), to: tape.region)
      backward.carries.append((adjoint, final))
      seeds.append((adjoint, body.results[i]))
      carried.append(argument)
      carryReceivers.append(operation.operands[scan.invariants + i])
    }
    for (i, result) in operation.results.enumerated().dropFirst(scan.carries) {
      guard let stack = adjoint(of: result) else { continue }
      let adjoint = builder.addArgument(builder.type(body.results[i]), to: tape.region)
      backward.sequences.append((adjoint, stack))
      seeds.append((adjoint, body.results[i]))
    }

    builder.move(toEndOf: tape.region)
    for (adjoint, result) in seeds { inner.accumulate(adjoint, into: result) }
    for step in body.operations.reversed() { try inner.reverse(step) }
    backward.next = carried.map { inner.adjoint(of: $0) ?? builder.constant(0, like: $0) }
    var accumulators: [ValueID] = []
    for (i, argument) in arguments.invariants.enumerated() {
      guard let term = inner.adjoint(of: argument) else { continue }
      let sum = builder.addArgument(builder.type(argument), to: tape.region)
      accumulators.append(sum)
      carryReceivers.append(operation.operands[i])
      backward.next.append(builder.at(builder.graph.places(of: term)) { builder.add(sum, term) })
    }
    for (i, argument) in arguments.sequences.enumerated() {
      guard let adjoint = inner.adjoint(of: argument) else { continue }
      backward.outputs.append(adjoint)
      outputReceivers.append(operation.operands[scan.invariants + scan.carries + i])
    }

    builder.move(toEndOf: region)
    let stacks = stackResiduals(of: id, scan, tape)
    backward.invariants = tape.invariants.map { ($0.argument, read(operation.operands[$0.operand])) }
    backward.carries += accumulators.map { ($0, builder.constant(0, like: $0)) }
    backward.sequences += tape.sequences.map { ($0.argument, read(operation.operands[$0.operand])) }
    backward.sequences += zip(tape.residuals, stacks).map { ($0.argument, read($1)) }
    let results = builder.add(backward)
    for (result, receiver) in zip(results.carries + results.outputs, carryReceivers + outputReceivers) {
      accumulate(result, into: receiver)
    }
  }

  /// Makes a forward scan stack what its backward scan reads, and gives the stacks.
  private func stackResiduals(of id: OperationID, _ scan: ScanAttributes, _ tape: Tape) -> [ValueID] {
    var stacked = builder.graph[scan.body].results
    let known = stacked.count
    var places: [ValueID: Int] = [:]
    for (place, value) in stacked.enumerated().dropFirst(scan.carries) where places[value] == nil {
      places[value] = place
    }
    for residual in tape.residuals where places[residual.value] == nil {
      places[residual.value] = stacked.count
      stacked.append(residual.value)
    }
    let results = builder.graph[id].results + builder.graph.stack(Array(stacked[known...]), by: id)
    return tape.residuals.map { results[places[$0.value]!] }
  }
}

/// The arguments of a scan's body by sort.
private struct Arguments {
  let invariants: ArraySlice<ValueID>
  let carries: ArraySlice<ValueID>
  let sequences: ArraySlice<ValueID>

  init(_ all: [ValueID], _ scan: ScanAttributes) {
    invariants = all[..<scan.invariants]
    carries = all[scan.invariants..<(scan.invariants + scan.carries)]
    sequences = all[(scan.invariants + scan.carries)...]
  }
}
