import RNNSupport

// What a model makes small, and what else it reports: means over steps and examples.
extension BodyChecker {
  mutating func checkLoss(_ item: MeanItem, at site: SourceRange) {
    guard isModel else {
      report(.misplaced("a loss", in: .cell, at: site, hint: "the model knows what is to be learned"))
      return
    }
    if let old = lossSites.first(where: { !$0.isNamed || item.name == nil }) {
      report(
        .redefinition("loss", at: site, of: old.site).adding([
          Diagnostic.Note(
            "several terms are a sum, loss a + 0.1 * b, or have names, and are reported apart: loss first = a"
          )
        ]))
      return
    }
    lossSites.append((site, item.name != nil))
    if let mean = checkMean(item, "the loss", "loss second = …") { losses.append(mean) }
  }

  mutating func checkMeasure(_ item: MeanItem, at site: SourceRange) {
    guard isModel else {
      report(
        .misplaced(
          "a measure", in: .cell, at: site, hint: "the model knows what is asked of it; a cell has outputs"))
      return
    }
    if let mean = checkMean(item, "a measure", "measure second = …") { measures.append(mean) }
  }

  /// A scalar and its weights; nil after a report.
  private mutating func checkMean(_ item: MeanItem, _ what: String, _ example: String) -> CheckedMean? {
    scope.equation = item.name?.text ?? "loss"
    let value = check(item.value)
    let weights = item.weights.map { (check($0), $0.range) }
    if let name = item.name, !takeOutputName(name.text, at: name.range, example) { return nil }
    guard let value, let node = scalar(value, what, at: item.value.range) else {
      hasFaults = true
      return nil
    }
    guard let (given, site) = weights else {
      return CheckedMean(name: item.name?.text, node: node, weights: nil)
    }
    guard let given, let weight = scalar(given, "the weight", at: site) else {
      hasFaults = true
      return nil
    }
    guard join([node, weight], at: site) != nil else { return nil }
    return CheckedMean(name: item.name?.text, node: node, weights: weight)
  }

  /// A value that must be one number for each step or example, or whether something holds, which counts 1 if it does.
  private mutating func scalar(_ node: NodeID, _ what: String, at site: SourceRange) -> NodeID? {
    let found = type(node)
    guard found.isScalar, found.element == .number || found.element == .mask && what != "the loss" else {
      return reportShape(
        .wrongType(
          what, expected: "a scalar for each step or example", found: found, at: site,
          notes: [Diagnostic.Note("sum(x) and mean(x) make a scalar of a vector")]))
    }
    if found.element == .number { return node }
    guard let one = literal(1, at: site), let zero = literal(0, at: site) else { return nil }
    return add(.select, [node, one, zero], ValueType([], found.extent), at: site)
  }

  /// Takes a name for a result of the model; false, after a report, if another one has it.
  mutating func takeOutputName(_ name: String, at site: SourceRange, _ example: String) -> Bool {
    if let old = outputSites[name] {
      report(
        Diagnostic(
          "redefinition", "there already is an output '\(name)'", at: site,
          notes: [Diagnostic.Note("the first one", at: old), Diagnostic.Note("name this one: \(example)")]))
      return false
    }
    outputSites[name] = site
    return true
  }
}
