extension Graph: CustomStringConvertible {
  /// The graph as text, from which `Graph(parsing:)` makes an equal graph; `docs/ir.md` is its reference.
  ///
  /// Values are numbered in the order of their appearance, so equal graphs print alike whatever their tables hold.
  ///
  /// The equations that values come from stand in comments behind them: `; gru.rnn:12 z`.
  public var description: String { text(withPlaces: true) }

  /// The graph as text, with or without the equations that values come from.
  public func text(withPlaces: Bool) -> String {
    var printer = Printer(graph: self, renumbers: true, printsPlaces: withPlaces)
    printer.printGraph()
    return printer.text
  }

  /// One operation as text, with the tables' own indices as names; a scan comes without its body.
  public func description(of operation: OperationID) -> String {
    var printer = Printer(graph: self, renumbers: false, printsPlaces: false)
    return printer.header(self[operation])
  }
}

/// Writes a graph as text. It reads the tables without trust, since a broken graph must print, too.
private struct Printer {
  let graph: Graph
  let renumbers: Bool
  let printsPlaces: Bool
  private(set) var text = ""
  private var numbers: [ValueID: Int] = [:]
  private var indentation = ""

  init(graph: Graph, renumbers: Bool, printsPlaces: Bool) {
    self.graph = graph
    self.renumbers = renumbers
    self.printsPlaces = printsPlaces
  }

  mutating func printGraph() {
    line("graph \(quoted(graph.name)) {")
    indented { printer in
      for input in printer.graph.inputs { printer.line(printer.declaration(input), input.places) }
      printer.printOperations(of: .entry)
      for output in printer.graph.outputs {
        let relation = output.role.relatedName.map { " of \(quoted($0))" } ?? ""
        let over = output.over.isEmpty ? "" : " over(\(output.over.map(\.name).joined(separator: ", ")))"
        printer.line(
          "\(output.role.keyword) \(quoted(output.name))\(relation)\(over) = \(printer.name(output.value))")
      }
    }
    line("}")
  }

  private mutating func declaration(_ input: Input) -> String {
    var words = [name(input.value), "=", input.role.keyword, quoted(input.name)]
    if case .parameter(let initializer) = input.role { words.append(initializer.description) }
    if case .lengths(let symbol) = input.role { words.append("of(\(symbol))") }
    if let limit = input.idLimit { words.append("below(\(limit))") }
    return (words + [":", type(input.value)]).joined(separator: " ")
  }

  private mutating func printOperations(of region: RegionID) {
    for id in graph[region].operations {
      let operation = graph[id]
      let header = header(operation)
      if case .scan(let scan) = operation.kind {
        line(header + " {", operation.places)
        indented { $0.printBody(scan, operation.operands) }
        line("}")
      } else {
        line(header, operation.places)
      }
    }
  }

  private mutating func printBody(_ scan: ScanAttributes, _ operands: [ValueID]) {
    for (i, (argument, operand)) in zip(graph[scan.body].arguments, operands).enumerated() {
      let word =
        i < scan.invariants ? "invariant" : i < scan.invariants + scan.carries ? "carry" : "sequence"
      // The operand is named first: it stands outside and has its number already.
      let outside = name(operand)
      line("\(word) \(name(argument)) = \(outside) : \(type(argument))")
    }
    printOperations(of: scan.body)
    let results = graph[scan.body].results.map { name($0) }
    line(results.isEmpty ? "yield" : "yield \(results.joined(separator: ", "))")
  }

  /// An operation up to its results' types.
  mutating func header(_ operation: Operation) -> String {
    var words: [String] = []
    let operands = operation.operands.map { name($0) }.joined(separator: ", ")
    let results = operation.results.map { name($0) }.joined(separator: ", ")
    if !results.isEmpty { words += [results, "="] }
    words.append(operation.kind.mnemonic)
    let isScan = if case .scan = operation.kind { true } else { false }
    // The operands of a scan stand beside the arguments they are bound to, in its body.
    if !operands.isEmpty && !(isScan && renumbers) { words.append(operands) }
    words += operation.kind.attributeWords
    if !results.isEmpty { words += [":", operation.results.map(type).joined(separator: ", ")] }
    return words.joined(separator: " ")
  }

  private mutating func name(_ value: ValueID) -> String {
    if !renumbers { return value.description }
    let number = numbers[value] ?? numbers.count
    numbers[value] = number
    return "%\(number)"
  }

  private func type(_ value: ValueID) -> String {
    graph.values.indices.contains(value.index) ? graph.type(value).description : "?"
  }

  private mutating func indented(_ body: (inout Self) -> Void) {
    indentation += "  "
    body(&self)
    indentation.removeLast(2)
  }

  private mutating func line(_ line: String, _ places: SourcePlaces = .none) {
    text += indentation + line + (printsPlaces ? places.comment : "") + "\n"
  }
}
