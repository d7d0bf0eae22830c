extension Graph {
  /// Makes every operation and every result of a region in use read `new` where it read `old`.
  ///
  /// - Requires: both have the same type, and `new` is defined before every use of `old`.
  public mutating func replaceAllUses(of old: ValueID, with new: ValueID) {
    replaceAllUses([old: new])
  }

  /// Makes every operation and every result of a region in use read `map[v]` where it read `v`.
  ///
  /// Chains in the map are followed.
  public mutating func replaceAllUses(_ map: [ValueID: ValueID]) {
    if map.isEmpty { return }
    func resolve(_ value: ValueID) -> ValueID {
      var value = value
      while let next = map[value] { value = next }
      return value
    }
    for (old, _) in map {
      precondition(type(old) == type(resolve(old)), "replacement changes the type of \(old)")
    }
    for region in reachableRegions {
      for id in regions[region.index].operations {
        for (i, operand) in operations[id.index].operands.enumerated() where map[operand] != nil {
          operations[id.index].operands[i] = resolve(operand)
        }
      }
      for (i, result) in regions[region.index].results.enumerated() where map[result] != nil {
        regions[region.index].results[i] = resolve(result)
      }
    }
    for i in outputs.indices { outputs[i].value = resolve(outputs[i].value) }
  }

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

  /// Takes outputs away that `isKept` refuses.
  public mutating func filterOutputs(_ isKept: (Output) -> Bool) {
    outputs = outputs.filter(isKept)
    regions[RegionID.entry.index].results = outputs.map(\.value)
  }

  /// Adds an output. The verifier refuses a second one of its name: a search here would take time for each.
  public mutating func addOutput(_ name: String, role: OutputRole, _ value: ValueID) {
    outputs.append(Output(name: name, role: role, value: value))
    regions[RegionID.entry.index].results.append(value)
  }

  /// Adds an input and gives its value. The verifier refuses a second one of its name.
  public mutating func addInput(
    _ name: String, role: InputRole, _ type: TensorType, idLimit: Int? = nil
  ) -> ValueID {
    let value = addArgument(type, to: .entry)
    inputs.append(Input(name: name, role: role, idLimit: idLimit, value: value))
    return value
  }

  /// Takes inputs away that nothing reads and `isKept` refuses.
  public mutating func filterInputs(_ isKept: (Input) -> Bool) {
    inputs = inputs.filter(isKept)
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
    _ kind: OperationKind, _ operands: [ValueID], types: [TensorType], in region: RegionID, site: String?
  ) -> OperationID {
    let id = OperationID(operations.count)
    var results: [ValueID] = []
    for (i, type) in types.enumerated() {
      results.append(ValueID(values.count))
      values.append(Value(type: type, definition: .result(id, index: i)))
    }
    operations.append(
      Operation(kind: kind, operands: operands, results: results, region: region, site: site))
    if case .scan(let scan) = kind { regions[scan.body.index].owner = id }
    return id
  }
}
