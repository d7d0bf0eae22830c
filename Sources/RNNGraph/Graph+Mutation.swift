extension Graph {
  /// Replaces one operand of an operation.
  public mutating func setOperand(_ index: Int, of operation: OperationID, to value: ValueID) {
    precondition(type(operations[operation.index].operands[index]) == type(value), "operand changes its type")
    operations[operation.index].operands[index] = value
  }

  /// Takes operations out of their regions.
  ///
  /// - Requires: nothing that stays uses their results.
  public mutating func erase(_ doomed: Set<OperationID>) {
    for region in Set(doomed.map { operations[$0.index].region }) {
      regions[region.index].operations.removeAll { doomed.contains($0) }
    }
  }

  /// Replaces the results of a region that is the body of a scan under construction.
  public mutating func setResults(of region: RegionID, to results: [ValueID]) {
    regions[region.index].results = results
  }

  /// Makes a scan stack further values of its body, and gives the stacks.
  public mutating func stack(_ further: [ValueID], by scan: OperationID) -> [ValueID] {
    guard case .scan(let attributes) = operations[scan.index].kind else {
      preconditionFailure("\(scan) is no scan")
    }
    regions[attributes.body.index].results += further
    let first = operations[scan.index].results.count
    for (i, value) in further.enumerated() {
      operations[scan.index].results.append(ValueID(values.count))
      values.append(
        Value(type: attributes.stepping.stack(of: type(value)), definition: .result(scan, index: first + i)))
    }
    return Array(operations[scan.index].results[first...])
  }

  /// Hands a further sequence to a scan, and gives the body's argument.
  public mutating func addSequence(_ sequence: ValueID, to scan: OperationID) -> ValueID {
    guard case .scan(var attributes) = operations[scan.index].kind else {
      preconditionFailure("\(scan) is no scan")
    }
    attributes.sequences += 1
    operations[scan.index].kind = .scan(attributes)
    operations[scan.index].operands.append(sequence)
    return addArgument(attributes.stepping.element(of: type(sequence)), to: attributes.body)
  }

  /// Takes outputs away that `isKept` refuses.
  public mutating func filterOutputs(_ isKept: (Output) -> Bool) {
    setOutputs(outputs.filter(isKept))
    regions[RegionID.entry.index].results = outputs.map(\.value)
  }

  /// Adds an output.
  ///
  /// - Parameter over: what a loss or a metric is a mean over.
  public mutating func addOutput(
    _ name: String, role: OutputRole, _ value: ValueID, over: [Symbol] = []
  ) {
    precondition(output(named: name) == nil, "two outputs named \(name)")
    append(Output(name: name, role: role, over: over, value: value))
    regions[RegionID.entry.index].results.append(value)
  }

  /// Adds an output that is another graph's in all but its value.
  public mutating func addOutput(_ other: Output, _ value: ValueID) {
    addOutput(other.name, role: other.role, value, over: other.over)
  }

  /// Adds an input and gives its value.
  public mutating func addInput(
    _ name: String, role: InputRole, _ type: TensorType, idLimit: Int? = nil, places: SourcePlaces = .none
  ) -> ValueID {
    precondition(input(named: name) == nil, "two inputs named \(name)")
    let value = addArgument(type, to: .entry)
    append(Input(name: name, role: role, idLimit: idLimit, places: places, value: value))
    return value
  }

  /// Adds an input that is another graph's.
  public mutating func addInput(_ other: Input, of graph: Graph) -> ValueID {
    addInput(
      other.name, role: other.role, graph.type(other.value), idLimit: other.idLimit, places: other.places)
  }

  /// Notes further equations that a value stands for; an argument keeps those of what it stands for.
  public mutating func addPlaces(_ places: SourcePlaces, to value: ValueID) {
    if let id = definingOperation(value) { operations[id.index].places.formUnion(places) }
  }

  /// Takes inputs away that nothing reads and `isKept` refuses.
  public mutating func filterInputs(_ isKept: (Input) -> Bool) {
    setInputs(inputs.filter(isKept))
    regions[RegionID.entry.index].arguments = inputs.map(\.value)
    for (i, input) in inputs.enumerated() {
      values[input.value.index].definition = .argument(.entry, index: i)
    }
  }

  mutating func addArgument(_ type: TensorType, to region: RegionID) -> ValueID {
    let id = ValueID(values.count)
    values.append(
      Value(type: type, definition: .argument(region, index: regions[region.index].arguments.count)))
    regions[region.index].arguments.append(id)
    return id
  }

  mutating func addRegion() -> RegionID {
    regions.append(Region(arguments: [], operations: [], results: [], owner: nil))
    return RegionID(regions.count - 1)
  }

  /// Appends an operation to the tables without placing it in its region's order.
  mutating func makeOperation(
    _ kind: OperationKind, _ operands: [ValueID], types: [TensorType], in region: RegionID,
    places: SourcePlaces
  ) -> OperationID {
    let id = OperationID(operations.count)
    var results: [ValueID] = []
    for (i, type) in types.enumerated() {
      results.append(ValueID(values.count))
      values.append(Value(type: type, definition: .result(id, index: i)))
    }
    operations.append(
      Operation(kind: kind, operands: operands, results: results, region: region, places: places))
    if case .scan(let scan) = kind { regions[scan.body.index].owner = id }
    return id
  }
}
