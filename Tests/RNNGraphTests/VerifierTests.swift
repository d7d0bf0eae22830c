import Testing

@testable import RNNGraph

/// Every invariant of `Verifier.swift`, broken once, in its order.
@Suite struct VerifierTests {
  /// Verifies a sample after a change and looks for a message.
  private func expectProblem(
    _ message: String, in sample: String = Samples.nested, sourceLocation: SourceLocation = #_sourceLocation,
    _ change: (inout Graph) -> Void
  ) throws {
    var graph = try Graph(parsing: sample)
    try graph.verify()
    change(&graph)
    expectProblem(message, in: graph, sourceLocation: sourceLocation)
  }

  private func expectProblem(
    _ message: String, in graph: Graph, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    do throws(VerificationError) {
      try graph.verify()
      Issue.record("verified", sourceLocation: sourceLocation)
    } catch {
      #expect(error.description.contains(message), sourceLocation: sourceLocation)
    }
  }

  @Test func identifiersAreInTheTables() throws {
    try expectProblem("which is not in the table of values") { $0.operations[1].operands[0] = ValueID(99) }
    try expectProblem("not in the table of operations") { $0.regions[0].operations.append(OperationID(99)) }
    try expectProblem("the body is not in the table of regions") {
      $0.changeScan { $0.body = RegionID(99) }
    }
    try expectProblem("argument 0 of region1 is not in the table") {
      $0.regions[1].arguments[0] = ValueID(99)
    }
    try expectProblem("region1 results in %99, which is not in the table") {
      $0.regions[1].results[0] = ValueID(99)
    }
    try expectProblem("an input or output is not in the table") { $0.outputs[0].value = ValueID(99) }
  }

  @Test func operationsStandOnce() throws {
    try expectProblem("stands in two places") { $0.regions[0].operations.append($0.regions[0].operations[0]) }
    try expectProblem("stands in region0 and names region1") { $0.operations[0].region = RegionID(1) }
  }

  @Test func definitionsPointBack() throws {
    try expectProblem("whose definition is") { $0.values[0].definition = .argument(.entry, index: 1) }
    try expectProblem("whose definition is") {
      let result = $0.operations[0].results[0]
      $0.values[result.index].definition = .result(OperationID(1), index: 0)
    }
  }

  @Test func bodiesHaveOneOwner() throws {
    try expectProblem("region1 is owned by nothing") { $0.regions[1].owner = nil }
    try expectProblem("region0 is owned by op1") { $0.regions[0].owner = OperationID(1) }
    try expectProblem("region1 belongs to two scans") { graph in
      graph.changeScan { $0.body = RegionID(1) }
    }
  }

  @Test func onlySumsHaveAnOrder() throws {
    let text = Samples.movement.replacing(
      "reduce_maximum %10 axes(0)", with: "reduce_maximum %10 axes(0) chain")
    expectProblem("the order of a sum is given, and nothing is added up", in: try Graph(parsing: text))
  }

  @Test func valuesAreDefinedBefore() throws {
    try expectProblem("reads %1, which is not defined yet") { $0.regions[0].operations.swapAt(0, 1) }
    let captured = "%10 = add %8, %9"
    let text = Samples.nested.replacing(captured, with: "%10 = add %8, %4")
    expectProblem("which belongs to another region", in: try Graph(parsing: text))
  }

  @Test func resultsAreDefinedInTheirRegion() throws {
    let text = Samples.nested.replacing("yield %6, %7", with: "yield %1, %7")
    expectProblem("region1 results in %1, which belongs to another region", in: try Graph(parsing: text))
  }

  @Test func typesAreSound() {
    var graph = Graph(name: "g")
    _ = graph.addInput("x", role: .data, TensorType(.f32, [-1]))
    _ = graph.addInput("y", role: .data, TensorType(.f32, [.symbol(Symbol("a b"))]))
    expectProblem("argument 0 of region0 is f32[-1]: an extent is negative", in: graph)
    expectProblem("argument 1 of region0 is f32[a b]: a symbol's name is no identifier", in: graph)
  }

  /// Each operation on operands that do not fit, or with a type that is not its result's.
  @Test(arguments: [
    ("tanh %x : f32[3]", "the results are f32[3], the shape rule gives f32[2, 3]"),
    ("tanh %i : i32[4]", "has no arithmetic"), ("tanh %x, %x : f32[2, 3]", "expected 1 operand, found 2"),
    ("tanh : f32[]", "expected 1 operand, found 0"),
    ("add %x, %y : f32[2, 3]", "f32[2, 3] and f32[3, 2] differ"),
    ("less %x, %x : f32[2, 3]", "the shape rule gives bool[2, 3]"),
    ("select %x, %x, %x : f32[2, 3]", "a condition f32[2, 3] does not fit"),
    ("dot %x, %y contract(1; 1) : f32[2, 3]", "do not multiply along"),
    ("dot %x, %y contract(0, 1; 0) : f32[]", "not distinct axes"),
    ("dot %x, %y contract(7; 1) : f32[]", "not distinct axes"),
    ("reduce_sum %x axes(1, 0) : f32[]", "not sorted axes"),
    ("reduce_sum %x axes(2) : f32[]", "not sorted axes"),
    ("broadcast %x axes(0) : f32[2, 3]", "not rising places"),
    ("broadcast %x axes(0, 1) : f32[3, 2]", "does not broadcast"),
    ("reshape %x : f32[5]", "does not reshape"),
    ("transpose %x axes(0, 0) : f32[2, 2]", "not a permutation"),
    ("slice %x axis(0) front(1) count(2) : f32[2, 3]", "2 elements from 1 are not in axis 0"),
    ("slice %x axis(2) front(0) count(1) : f32[2, 3]", "has no axis 2"),
    ("pad %x axis(0) front(1) to(2) : f32[2, 3]", "is not in an extent of 2"),
    ("concat axis(0) : f32[2, 3]", "nothing to concatenate"),
    ("concat %x, %y axis(0) : f32[5, 3]", "does not follow"),
    ("reverse %x axis(3) : f32[2, 3]", "has no axis"),
    ("one_hot %x extent(2) : f32[2, 3, 2]", "does not hold ids"),
    ("gather %x, %x : f32[2, 3, 3]", "does not hold ids"),
    ("scatter_add %i, %x extent(3) : f32[3, 3]", "do not fit ids"),
    ("straight_through %x : f32[2, 3]", "expected 2 operands, found 1"),
    ("straight_through %x, %y : f32[2, 3]", "f32[2, 3] and f32[3, 2] differ"),
    ("detach %i : i32[4]", "has no arithmetic"),
    ("clip_gradient %x bound(0) : f32[2, 3]", "0 bounds no derivative"),
    ("clip_gradient %x bound(-1) : f32[2, 3]", "-1 bounds no derivative"),
    ("clip_gradient %x bound(inf) : f32[2, 3]", "inf bounds no derivative"),
    ("clip_gradient %x bound(nan) : f32[2, 3]", "nan bounds no derivative"),
    ("reshape %x : f32[2147483647, 2147483647, 2147483647]", "does not reshape"),
    (
      "scan T : f32[2, 3] { carry %c = %x : f32[3] yield %c }",
      "operand 0 is f32[2, 3], the body wants f32[3]"
    ),
    ("scan T : f32[2, 3] { carry %c = %x : f32[2, 3] %z = reshape %c : f32[6] yield %z }", "f32[6] after it"),
    ("scan T : f32[2, 3] { sequence %c = %x : f32[3] yield %c }", "the body wants f32[T, 3]"),
    ("scan T : f32[2, 3] { carry %c = %x : f32[2, 3] yield }", "1 argument and 0 results"),
    ("constant 0.5 : i32[]", "the number is not of its element type"),
    ("constant 2 : bool[]", "the number is not of its element type"),
    ("constant 2147483648 : i32[]", "the number is not of its element type"),
  ])
  func operandsFit(operation: String, message: String) throws {
    let text = """
      graph "g" {
        %x = data "x" : f32[2, 3]  %y = data "y" : f32[3, 2]  %i = data "i" : i32[4]
        %r = \(operation)
      }
      """
    expectProblem(message, in: try Graph(parsing: text))
  }

  @Test func scansCountTheirOperands() throws {
    try expectProblem("a count is negative") {
      $0.changeScan {
        $0.carries = -1
        $0.sequences = 1
      }
    }
    try expectProblem("expected 1 operand, found 0") { $0.changeScan { $0.invariants = 1 } }
    try expectProblem("the body has 0 arguments and 0 results") {
      let input = $0.inputs[0].value
      $0.operations.withLast { $0.operands = [input] }
      $0.changeScan { $0.sequences = 1 }
    }
  }

  @Test func inputsAreArguments() throws {
    try expectProblem("the inputs are not the entry's arguments") { $0.inputs.removeLast() }
    try expectProblem("the outputs are not the entry's results") { $0.outputs.removeLast() }
  }

  /// A fault in one input or output.
  @Test(arguments: [
    ("%0 = data \"x\" : f32[] %1 = data \"x\" : f32[]", "two inputs are named \"x\""),
    ("%0 = data \"x\" : f32[] output \"y\" = %0 metric \"y\" = %0", "two outputs are named \"y\""),
    ("%0 = parameter \"x\" orthogonal : i32[]", "is i32[], not of floats"),
    ("%0 = state \"x\" : bool[]", "is bool[], not of floats"),
    ("%0 = optimizer \"x\" : i32[]", "is i32[], not of floats"),
    ("%0 = hyperparameter \"x\" : f32[1]", "is f32[1], not a float scalar"),
    ("%0 = data \"x\" below(3) : f32[]", "cannot hold ids below 3"),
    ("%0 = data \"x\" below(0) : i32[]", "cannot hold ids below 0"),
    ("%0 = data \"x\" : f32[1] loss \"l\" = %0", "the loss is f32[1], not a float scalar"),
    ("%0 = data \"x\" : f32[] loss \"l\" = %0 loss \"m\" = %0", "there are two losses"),
    ("%0 = data \"x\" : f32[1] metric \"m\" = %0", "is f32[1], not a scalar"),
    ("%0 = data \"x\" : f32[1] state \"h\" over(T) = %0", "no loss and no metric, and a mean over something"),
    ("%0 = data \"x\" : f32[1] gradient \"g\" of \"y\" = %0", "belongs to \"y\", which is not an input"),
    (
      "%0 = data \"x\" : f32[1] %1 = tanh %0 : f32[1] %2 = reshape %1 : f32[] update \"x\" of \"x\" = %2",
      "output \"x\" is f32[], input \"x\" is f32[1]"
    ),
    (
      "%0 = data \"x\" : f32[] update \"a\" of \"x\" = %0 update \"b\" of \"x\" = %0",
      "two outputs update \"x\""
    ),
    (
      "%0 = state \"h\" : f32[1] %1 = data \"x\" : f32[2] state \"h\" = %1",
      "output \"h\" is f32[2], input \"h\" is f32[1]"
    ),
  ])
  func interfaceIsSound(statements: String, message: String) throws {
    expectProblem(message, in: try Graph(parsing: "graph \"g\" { \(statements) }"))
  }

  @Test func allProblemsAreReported() throws {
    let text = "graph \"g\" { %0 = constant 0.5 : i32[] loss \"l\" = %0 loss \"l\" = %0 }"
    #expect {
      try Graph(parsing: text).verify()
    } throws: {
      ($0 as? VerificationError)?.problems == [
        "%0 = constant 0.5 : i32[]: the number is not of its element type",
        "two outputs are named \"l\"", "there are two losses",
        "the loss is i32[], not a float scalar", "the loss is i32[], not a float scalar",
      ]
    }
  }
}

extension Array {
  fileprivate mutating func withLast(_ change: (inout Element) -> Void) { change(&self[count - 1]) }
}

extension Graph {
  /// Changes the attributes of the last scan that was made.
  fileprivate mutating func changeScan(_ change: (inout ScanAttributes) -> Void) {
    guard let index = operations.lastIndex(where: { if case .scan = $0.kind { true } else { false } }),
      case .scan(var scan) = operations[index].kind
    else { return }
    change(&scan)
    operations[index].kind = .scan(scan)
  }
}
