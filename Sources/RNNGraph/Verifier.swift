// Note [Invariants]:
//
// Tables
//  1. Identifiers are inside the tables.
//  2. An operation in use stands in one region, once, and names that region as its own.
//  3. A result is a value that names its operation and its place among the results; an argument likewise its region.
//  4. The entry has no owner; a body belongs to one scan, which is its owner.
// Values
//  5. An operand is defined earlier in the same region, as an argument or a result: nothing is captured.
//  6. So is each result of a region.
//  7. Extents are not negative, and the names of symbols are identifiers.
// Operations
//  8. Operands fit, and results have the types that the shape rules give. See `Graph.resultTypes`.
//  9. A constant is a number of its element type: integral in `i32`, 0 or 1 in `bool`.
// 10. The counts of a scan are not negative and add up to its operands, and its body has as many arguments. The sizes
//     of segments are different symbols.
// 11. Only a sum says in which order its terms are added.
// Inputs and outputs
// 12. The inputs are the entry's arguments, in order, and the outputs its results.
// 13. No two inputs have one name, and no two outputs.
// 14. A parameter, a state and an optimiser's value are floats; a hyperparameter is a float scalar.
// 15. Lengths are `i32[B]` and of a symbol other than the batch; a seed is an `i32` scalar, and there is one at most.
// 16. Only an input of `i32` limits its ids, and the limit is positive.
// 17. The loss is a float scalar, and there is one at most. A metric is a scalar. Only these are means over something.
// 18. A gradient or an update names an input of its own type, and no two updates name the same one.
// 19. A final state has the type of the initial state of its name, if there is one.

/// What is wrong with a graph: the fault of whatever made or changed it, never of a user.
public struct VerificationError: Error, CustomStringConvertible {
  /// One message for each violation, with the operation it was found in.
  public let problems: [String]

  public var description: String { problems.joined(separator: "\n") }
}

extension Graph {
  /// Checks every invariant of a graph.
  ///
  /// - Throws: `VerificationError` with all violations.
  public func verify() throws(VerificationError) {
    var verifier = Verifier(graph: self)
    verifier.verifyGraph()
    if !verifier.problems.isEmpty { throw VerificationError(problems: verifier.problems) }
  }
}

private struct Verifier {
  let graph: Graph
  var problems: [String] = []
  private var seenOperations: Set<OperationID> = []
  private var seenRegions: Set<RegionID> = []

  init(graph: Graph) { self.graph = graph }

  mutating func verifyGraph() {
    verify(region: .entry, owner: nil)
    // The rest reads types and must not meet identifiers from outside the tables.
    guard graph.inputs.allSatisfy({ exists($0.value) }), graph.outputs.allSatisfy({ exists($0.value) }) else {
      return report("an input or output is not in the table of values")
    }
    verifyInputs()
    verifyOutputs()
  }

  // MARK: Regions

  private mutating func verify(region id: RegionID, owner: OperationID?) {
    guard seenRegions.insert(id).inserted else { return report("\(id) belongs to two scans") }
    let region = graph[id]
    if region.owner != owner {
      report("\(id) is owned by \(text(region.owner)) and belongs to \(text(owner))")
    }
    var defined: Set<ValueID> = []
    for (i, argument) in region.arguments.enumerated() {
      define(argument, as: .argument(id, index: i), in: &defined, "argument \(i) of \(id)")
    }
    for operation in region.operations { verify(operation, in: id, &defined) }
    for result in region.results where !defined.contains(result) {
      report("\(id) results in \(result), which \(whereabouts(result, from: id))")
    }
  }

  private mutating func define(
    _ value: ValueID, as definition: ValueDefinition, in defined: inout Set<ValueID>,
    _ place: @autoclosure () -> String
  ) {
    guard exists(value) else { return report("\(place()) is not in the table of values: \(value)") }
    if graph[value].definition != definition {
      report("\(place()) is \(value), whose definition is \(graph[value].definition)")
    }
    if let fault = fault(graph.type(value)) { report("\(place()) is \(graph.type(value)): \(fault)") }
    defined.insert(value)
  }

  private func fault(_ type: TensorType) -> String? {
    for dimension in type.shape {
      switch dimension {
      case .fixed(let extent) where extent < 0: return "an extent is negative"
      case .symbol(let symbol) where !isIdentifier(symbol.name): return "a symbol's name is no identifier"
      case .fixed, .symbol: continue
      }
    }
    return nil
  }

  private func whereabouts(_ value: ValueID, from region: RegionID) -> String {
    guard exists(value) else { return "is not in the table of values" }
    let home: RegionID? =
      switch graph[value].definition {
      case .argument(let home, _): home
      case .result(let operation, _): exists(operation) ? graph[operation].region : nil
      }
    return home == region ? "is not defined yet" : "belongs to another region"
  }

  // MARK: Operations

  private mutating func verify(
    _ id: OperationID, in region: RegionID, _ defined: inout Set<ValueID>
  ) {
    guard exists(id) else { return report("\(region) holds \(id), which is not in the table of operations") }
    let (graph, operation) = (graph, graph[id])
    guard seenOperations.insert(id).inserted else { return report("stands in two places", id) }
    if operation.region != region { report("stands in \(region) and names \(operation.region)", id) }
    var isReadable = true
    for operand in operation.operands where !defined.contains(operand) {
      report("reads \(operand), which \(whereabouts(operand, from: region))", id)
      isReadable = isReadable && exists(operand)
    }
    if case .scan(let scan) = operation.kind {
      isReadable = verify(scan, of: id) && isReadable
    }
    if isReadable { verifyTypes(id) }
    for (i, result) in operation.results.enumerated() {
      define(
        result, as: .result(id, index: i), in: &defined,
        "result \(i) of \(graph.description(of: id))")
    }
  }

  /// Whether the shape rule can read the scan without running out of a table.
  private mutating func verify(_ scan: ScanAttributes, of id: OperationID) -> Bool {
    guard graph.regions.indices.contains(scan.body.index) else {
      report("the body is not in the table of regions", id)
      return false
    }
    verify(region: scan.body, owner: id)
    guard scan.invariants >= 0, scan.carries >= 0, scan.sequences >= 0 else {
      report("a count is negative", id)
      return false
    }
    let symbols = [scan.steps] + (scan.segments.map { [$0.whole, $0.longest, $0.length] } ?? [])
    for symbol in symbols where !isIdentifier(symbol.name) {
      report("a symbol's name is no identifier", id)
    }
    if Set(symbols).count != symbols.count { report("two sizes of segments have one name", id) }
    return (graph[scan.body].arguments + graph[scan.body].results).allSatisfy(exists)
  }

  private mutating func verifyTypes(_ id: OperationID) {
    let operation = graph[id]
    if case .constant(let number, let type) = operation.kind, !isNumber(number, of: type.element) {
      report("the number is not of its element type", id)
    }
    if case .reduce(_, _, .chain) = operation.kind, operation.kind.order == nil {
      report("the order of a sum is given, and nothing is added up", id)
    }
    do {
      let expected = try graph.resultTypes(operation.kind, operation.operands)
      guard operation.results.allSatisfy(exists) else { return }  // `define` reports it.
      let found = operation.results.map { graph.type($0) }
      if found != expected {
        report("the results are \(list(found)), the shape rule gives \(list(expected))", id)
      }
    } catch {
      report(error.description, id)
    }
  }

  private func isNumber(_ number: Double, of element: ElementType) -> Bool {
    switch element {
    case .f32, .f64: true
    case .i32: Int32(exactly: number) != nil
    case .bool: number == 0 || number == 1
    }
  }

  // MARK: Inputs and outputs

  private mutating func verifyInputs() {
    if graph.inputs.map(\.value) != graph[.entry].arguments {
      report("the inputs are not the entry's arguments")
    }
    reportDuplicates(graph.inputs.map(\.name), "two inputs are named")
    if graph.inputs.count(where: { $0.role == .seed }) > 1 { report("there are two seeds") }
    for input in graph.inputs {
      let type = graph.type(input.value)
      switch input.role {
      case .parameter, .state, .optimizer:
        if !type.element.isFloat { report("input \(quoted(input.name)) is \(type), not of floats") }
      case .hyperparameter:
        if !isFloatScalar(type) { report("input \(quoted(input.name)) is \(type), not a float scalar") }
      case .lengths(let symbol):
        if type != TensorType(.i32, [.batch]) || symbol == .batch {
          report("input \(quoted(input.name)) is \(type), not lengths of \(symbol) for each example")
        }
      case .seed:
        if type != TensorType(.i32, []) {
          report("input \(quoted(input.name)) is \(type), not an i32 scalar")
        }
      case .data, .target: break
      }
      if let limit = input.idLimit, type.element != .i32 || limit <= 0 {
        report("input \(quoted(input.name)) of \(type) cannot hold ids below \(limit)")
      }
    }
  }

  private mutating func verifyOutputs() {
    if graph.outputs.map(\.value) != graph[.entry].results {
      report("the outputs are not the entry's results")
    }
    reportDuplicates(graph.outputs.map(\.name), "two outputs are named")
    reportDuplicates(
      graph.outputs.compactMap { if case .update(let name) = $0.role { name } else { nil } },
      "two outputs update")
    reportDuplicates(
      graph.outputs.compactMap { if case .weight(let name) = $0.role { name } else { nil } },
      "two outputs are the weight of")
    if graph.outputs.count(where: { $0.role == .loss }) > 1 { report("there are two losses") }
    if graph.loss == nil, let term = graph.outputs.first(where: { $0.role == .term }) {
      report("\(quoted(term.name)) is a part of the loss, and there is none")
    }
    for output in graph.outputs {
      let type = graph.type(output.value)
      if !output.over.isEmpty, !output.role.isMean {
        report("output \(quoted(output.name)) is no loss and no metric, and a mean over something")
      }
      for symbol in output.over where !isIdentifier(symbol.name) {
        report("a symbol's name is no identifier")
      }
      switch output.role {
      case .output: break
      case .loss:
        if !isFloatScalar(type) { report("the loss is \(type), not a float scalar") }
      case .term, .weight:
        if !isFloatScalar(type) { report("output \(quoted(output.name)) is \(type), not a float scalar") }
      case .metric:
        if !type.isScalar { report("metric \(quoted(output.name)) is \(type), not a scalar") }
      case .state:
        if let input = graph.input(named: output.name), input.role == .state {
          compare(output, type, with: input)
        }
      case .gradient(let name), .update(let name):
        if let input = graph.input(named: name) {
          compare(output, type, with: input)
        } else {
          report("output \(quoted(output.name)) belongs to \(quoted(name)), which is not an input")
        }
      }
    }
  }

  private mutating func compare(_ output: Output, _ type: TensorType, with input: Input) {
    let expected = graph.type(input.value)
    if type != expected {
      report("output \(quoted(output.name)) is \(type), input \(quoted(input.name)) is \(expected)")
    }
  }

  private mutating func reportDuplicates(_ names: [String], _ message: String) {
    var seen: Set<String> = []
    for name in names where !seen.insert(name).inserted { report("\(message) \(quoted(name))") }
  }

  private func isFloatScalar(_ type: TensorType) -> Bool { type.isScalar && type.element.isFloat }

  // MARK: Reporting

  private func exists(_ value: ValueID) -> Bool { graph.values.indices.contains(value.index) }
  private func exists(_ operation: OperationID) -> Bool { graph.operations.indices.contains(operation.index) }

  private func text(_ owner: OperationID?) -> String { owner?.description ?? "nothing" }
  private func list(_ types: [TensorType]) -> String { types.map(\.description).joined(separator: ", ") }

  private mutating func report(_ message: String) { problems.append(message) }
  private mutating func report(_ message: String, _ operation: OperationID) {
    problems.append("\(graph.description(of: operation)): \(message)")
  }
}
