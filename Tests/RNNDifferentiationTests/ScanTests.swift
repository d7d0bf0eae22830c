import RNNDifferentiation
import RNNGraph
import RNNInterpreter
import RNNTestSupport
import Testing

/// A product of `[B, I]` with a weight `[O, I]`.
private let byRows = DotAxes(lhsContracting: [1], rhsContracting: [1])

/// Scans against differences of the function, against unrolled graphs, and by what their gradients are made of.
@Suite struct ScanTests {
  /// A recurrent net: `h' = tanh(W x + U h + b)`, all steps and the last one.
  private func net(steps: Symbol = .steps, isReversed: Bool = false) -> Graph {
    lossGraph([
      ("x", [.symbol(steps), .batch, 3]), ("W", [5, 3]), ("U", [5, 5]), ("b", [5]), ("h", [.batch, 5]),
    ]) {
      builder, x in
      let scan = builder.scan(
        steps: steps, isReversed: isReversed, invariants: [x[1], x[2], x[3]], carries: [x[4]],
        sequences: [x[0]]
      ) { weights, state, input in
        let next = self.step(builder, weights, state[0], input[0])
        return ([next], [next])
      }
      return scan.outputs + scan.carries
    }
  }

  private func step(
    _ builder: GraphBuilder, _ weights: [ValueID], _ h: ValueID, _ x: ValueID
  ) -> ValueID {
    let products = builder.add(builder.dot(x, weights[0], byRows), builder.dot(h, weights[1], byRows))
    return builder.unary(.tanh, builder.add(products, builder.broadcast(weights[2], leading: [.batch])))
  }

  @Test(arguments: [false, true], [1, 2, 5])
  func recurrentNet(isReversed: Bool, steps: Int) throws {
    try expectRightGradients(net(isReversed: isReversed), sizes: [.batch: 2, .steps: steps])
  }

  @Test func withoutAStepTheFinalStateIsTheInitialOne() throws {
    try expectRightGradients(net(), sizes: [.batch: 2, .steps: 0])
  }

  @Test(arguments: [false, true])
  func equalsTheUnrolledNet(isReversed: Bool) throws {
    let count = 4
    let unrolled = lossGraph([
      ("x", [.fixed(count), .batch, 3]), ("W", [5, 3]), ("U", [5, 5]), ("b", [5]), ("h", [.batch, 5]),
    ]) { builder, x in
      var h = x[4]
      var stack: [Int: ValueID] = [:]
      for t in isReversed ? Array((0..<count).reversed()) : Array(0..<count) {
        let row = builder.reshape(builder.slice(x[0], axis: 0, start: t, count: 1), [.batch, 3])
        h = self.step(builder, Array(x[1...3]), h, row)
        stack[t] = builder.reshape(h, [1, .batch, 5])
      }
      return [builder.concat((0..<count).compactMap { stack[$0] }, axis: 0), h]
    }
    let looped = net(isReversed: isReversed)
    var random = SplitMix64(seed: 3)
    let inputs = randomInputs(for: looped, sizes: [.batch: 3, .steps: count], using: &random)
    let expected = try Interpreter(gradient(of: unrolled) { _ in true }).run(inputs: inputs)
    let found = try Interpreter(gradient(of: looped) { _ in true }).run(inputs: inputs)
    #expect(expected.count == 6)
    for (name, array) in expected {
      let other = try #require(found[name])
      for (a, b) in zip(array.numbers, other.numbers) {
        #expect(abs(a - b) <= 1e-13 * max(1, abs(a)), "\(name)")
      }
    }
  }

  @Test func theBackwardScanHoldsTheAdjointStepAndNothingElse() throws {
    let graph = try gradient(of: net()) { _ in true }
    let backward = try #require(graph.scans.last)
    #expect(backward.scan.isReversed)
    // dh, and the sums for W, U and b.
    #expect(backward.scan.carries == 4)
    // The weights W and U, to pass dG on.
    #expect(backward.scan.invariants == 2)
    // The adjoint of the stacked outputs, tanh's result, h and x; the result is stacked once, as the output it was.
    #expect(backward.scan.sequences == 4)
    #expect(backward.operation.results.count == 5)
    let forward = try #require(graph.scans.first)
    #expect(forward.operation.results.count == 3)

    let body = graph[backward.scan.body]
    let products = body.operations.filter { id in if case .dot = graph[id].kind { true } else { false } }
    let factors = products.map { graph[$0].operands }
    let gate = try #require(factors.first?.first)
    // Each is a product of the gate's adjoint: with h and x over the batch, and with U and W over the units.
    #expect(factors.count == 4)
    #expect(factors.allSatisfy { $0[0] == gate })
    let weights = Set(body.arguments.prefix(2))
    let others = Set(factors.map { $0[1] })
    #expect(others.count == 4 && weights.isSubset(of: others))
    #expect(others.subtracting(weights).isSubset(of: body.arguments.suffix(4)))
    for id in products {
      let operation = graph[id]
      let axis = weights.contains(operation.operands[1]) ? (1, 0) : (0, 0)
      #expect(operation.kind == .dot(DotAxes(lhsContracting: [axis.0], rhsContracting: [axis.1])))
    }
    #expect(!body.operations.contains { graph.description(of: $0).contains("transpose") })
  }

  @Test func gatesAndSplitStates() throws {
    let graph = lossGraph([
      ("x", [.steps, .batch, 3]), ("W", [8, 3]), ("U", [8, 2]), ("h", [.batch, 2]), ("c", [.batch, 2]),
    ]) { builder, x in
      let scan = builder.scan(
        steps: .steps, invariants: [x[1], x[2]], carries: [x[3], x[4]], sequences: [x[0]]
      ) { weights, states, input in
        let all = builder.add(
          builder.dot(input[0], weights[0], byRows), builder.dot(states[0], weights[1], byRows))
        let gates = (0..<4).map { builder.slice(all, axis: 1, start: 2 * $0, count: 2) }
        let kept = builder.multiply(builder.unary(.sigmoid, gates[1]), states[1])
        let new = builder.multiply(builder.unary(.sigmoid, gates[0]), builder.unary(.tanh, gates[2]))
        let cell = builder.add(kept, new)
        let hidden = builder.multiply(builder.unary(.sigmoid, gates[3]), builder.unary(.tanh, cell))
        return ([hidden, cell], [hidden])
      }
      return scan.outputs + scan.carries
    }
    try expectRightGradients(graph)
  }

  @Test func scansInScans() throws {
    let graph = lossGraph([("x", [.steps, .batch, 3]), ("w", [3, 3]), ("h", [.batch, 3])]) { builder, x in
      let outer = builder.scan(steps: .steps, invariants: [x[1], x[0]], carries: [x[2]], sequences: [x[0]]) {
        weights, state, input in
        let inner = builder.scan(
          steps: .steps, isReversed: true, invariants: [weights[0], input[0]], carries: [state[0]],
          sequences: [weights[1]]
        ) { invariants, carry, element in
          let sum = builder.add(builder.dot(carry[0], invariants[0], byRows), element[0])
          let next = builder.unary(.tanh, builder.multiply(sum, invariants[1]))
          return ([next], [builder.unary(.sin, next)])
        }
        let seen = builder.reduce(.sum, inner.outputs[0], axes: [0])
        return ([builder.unary(.tanh, builder.add(inner.carries[0], seen))], [seen])
      }
      return outer.carries + outer.outputs
    }
    try expectRightGradients(graph, sizes: [.batch: 2, .steps: 3])
  }

  @Test func resultsOfOneScanFeedTheNext() throws {
    let graph = lossGraph([("x", [.steps, .batch, 3]), ("w", [3, 3])]) { builder, x in
      let zero = builder.constant(0, TensorType(.f64, [.batch, 3]))
      let first = builder.scan(steps: .steps, invariants: [x[1]], carries: [zero], sequences: [x[0]]) {
        weights, state, input in
        let next = builder.unary(.tanh, builder.add(builder.dot(state[0], weights[0], byRows), input[0]))
        return ([next], [next, state[0]])
      }
      let second = builder.scan(
        steps: .steps, isReversed: true, invariants: [x[1], first.carries[0]], carries: [first.carries[0]],
        sequences: first.outputs
      ) { invariants, state, inputs in
        let product = builder.dot(builder.multiply(state[0], inputs[0]), invariants[0], byRows)
        let next = builder.unary(.sigmoid, builder.add(product, builder.multiply(inputs[1], invariants[1])))
        return ([next], [builder.multiply(next, inputs[0]), inputs[1]])
      }
      return second.carries + second.outputs
    }
    try expectRightGradients(graph)
  }

  @Test func exchangedAndUnreadCarries() throws {
    let graph = lossGraph([("x", [.steps, 3]), ("a", [3]), ("b", [3]), ("c", [3]), ("d", [3])]) {
      builder, x in
      let scan = builder.scan(steps: .steps, invariants: [], carries: Array(x[1...4]), sequences: [x[0]]) {
        _, c, input in
        // a and b change places, c is replaced without being read, d stays.
        let replaced = builder.unary(.sin, builder.multiply(c[0], input[0]))
        return ([c[1], builder.unary(.tanh, c[0]), replaced, c[3]], [builder.multiply(c[1], c[3])])
      }
      return scan.carries + scan.outputs
    }
    for steps in 0...3 { try expectRightGradients(graph, sizes: [.steps: steps]) }
  }

  @Test func carriesThatNoGradientNeedsHaveNoAdjoint() throws {
    let graph = lossGraph([("x", [.steps, 3]), ("h", [3]), ("count", [])]) { builder, x in
      let scan = builder.scan(steps: .steps, invariants: [], carries: [x[1], x[2]], sequences: [x[0]]) {
        _, c, input in
        // The second counts the steps, and decides; nothing differentiable reads it.
        let isEarly = builder.compare(.less, c[1], builder.constant(2, like: c[1]))
        let gate = builder.broadcast(scalar: builder.convert(isEarly, to: .f64), like: c[0])
        let sum = builder.add(builder.multiply(gate, c[0]), input[0])
        return ([builder.unary(.tanh, sum), builder.add(c[1], builder.constant(1, like: c[1]))], [])
      }
      return [scan.carries[0]]
    }
    let differentiated = try gradient(of: graph) { _ in true }
    #expect(differentiated.scans.last?.scan.carries == 1)
    #expect(differentiated.scans.last?.scan.invariants == 0)
    try expectRightGradients(graph)
  }

  @Test func valuesThatInvariantsGiveAreNotStacked() throws {
    let graph = lossGraph([("x", [.steps, 3]), ("s", [])]) { builder, x in
      let scan = builder.scan(steps: .steps, invariants: [x[1]], carries: [], sequences: [x[0]]) {
        invariants, _, input in
        let scale = builder.broadcast(scalar: builder.unary(.exp, invariants[0]), like: input[0])
        let half = builder.constant(0.5, like: scale)
        return ([], [builder.multiply(builder.multiply(scale, input[0]), half)])
      }
      return scan.outputs
    }
    let differentiated = try expectRightGradients(graph)
    // One output is the model's; the product with a half reads constants only, the other x and the scale.
    #expect(differentiated.scans.first?.operation.results.count == 1)
  }

  @Test func gatheredRowsInSteps() throws {
    let graph = lossGraph([("table", [4, 3]), ("h", [.batch, 3])], ids: [("ids", [.steps, .batch], 4)]) {
      builder, x in
      let scan = builder.scan(steps: .steps, invariants: [x[0]], carries: [x[1]], sequences: [x[2]]) {
        invariants, state, ids in
        let next = builder.unary(.tanh, builder.add(state[0], builder.gather(invariants[0], ids[0])))
        let largest = builder.reduce(.maximum, next, axes: [1])
        return ([next], [largest])
      }
      return scan.carries + scan.outputs
    }
    try expectRightGradients(graph)
  }

  @Test func theGraphDoesNotGrowWithTheSteps() throws {
    let graph = try gradient(of: net()) { _ in true }
    let printed = graph.description
    #expect(try Graph(parsing: printed).description == printed)
  }
}
