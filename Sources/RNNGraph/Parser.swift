import RNNSupport

extension Graph {
  /// Reads a graph that was printed; `docs/ir.md` is the reference of the text.
  ///
  /// The text decides everything, types included: a graph that was not printed by this library should be verified.
  ///
  /// - Throws: `GraphParseError` at the first place where the text is not a graph.
  public init(parsing text: String) throws(GraphParseError) {
    var parser = GraphParser(tokens: try GraphLexer.tokens(of: text, marks: "{}[](),;:="))
    self = try parser.parseGraph()
  }
}

/// Reads the text of a graph by recursive descent. Attributes of operations are in `Parser+Operations.swift`.
struct GraphParser: TokenParser {
  let tokens: [GraphToken]
  var place = 0
  private var depth = 0
  private var graph = Graph(name: "")
  private var names: [String: ValueID] = [:]

  /// The last token is `.end`, which is never passed.
  init(tokens: [GraphToken]) { self.tokens = tokens }

  mutating func parseGraph() throws(GraphParseError) -> Graph {
    try expect(word: "graph")
    graph.name = try string()
    try expect("{")
    while !accept("}") {
      if case .word(let word) = token.kind, let role = outputRole(word) {
        try parseOutput(role)
      } else {
        try parseDefinition(in: .entry)
      }
    }
    if token.kind != .end { throw unexpected("the end") }
    return graph
  }

  // MARK: Statements

  /// `%1, %2 = …` in a region, or an operation without results.
  private mutating func parseDefinition(in region: RegionID) throws(GraphParseError) {
    var results: [GraphToken] = []
    if case .value = token.kind {
      repeat { results.append(try valueToken()) } while accept(",")
      try expect("=")
    }
    let keyword = token
    let word = try self.word()
    if region == .entry, results.count == 1, let input = try parseInput(word) {
      graph.append(input)
      return try define(results[0], input.value)
    }
    if word == "scan" { return try parseScan(results, in: region) }
    var operands: [ValueID] = []
    if case .value = token.kind {
      repeat { operands.append(try value()) } while accept(",")
    }
    guard let attributes = try operationAttributes(word) else {
      throw keyword.error("'\(word)' is not an operation")
    }
    try expect(":")
    let type = try self.type()
    guard results.count == 1 else { throw keyword.error("'\(word)' has one result") }
    try add(attributes(type), operands, results, [type], in: region, places)
  }

  private mutating func add(
    _ kind: OperationKind, _ operands: [ValueID], _ results: [GraphToken], _ types: [TensorType],
    in region: RegionID, _ places: SourcePlaces
  ) throws(GraphParseError) {
    let id = graph.makeOperation(kind, operands, types: types, in: region, places: places)
    graph.regions[region.index].operations.append(id)
    for (token, value) in zip(results, graph[id].results) { try define(token, value) }
  }

  /// The rest of an input behind its role, or nil if the word is none.
  private mutating func parseInput(_ word: String) throws(GraphParseError) -> Input? {
    var role: InputRole
    switch word {
    case "parameter": role = .parameter(.orthogonal)
    case "data": role = .data
    case "target": role = .target
    case "state": role = .state
    case "hyperparameter": role = .hyperparameter
    case "optimizer": role = .optimizer
    case "lengths": role = .lengths(of: .steps)
    case "seed": role = .seed
    default: return nil
    }
    let name = try string()
    switch role {
    case .parameter: role = .parameter(try initializer())
    case .lengths:
      try expect(word: "of")
      role = .lengths(of: try group { parser throws(GraphParseError) in try parser.symbol() })
    case .data, .target, .state, .hyperparameter, .optimizer, .seed: break
    }
    let idLimit =
      accept(word: "below") ? try group { parser throws(GraphParseError) in try parser.integer() } : nil
    try expect(":")
    let value = graph.addArgument(try type(), to: .entry)
    return Input(name: name, role: role, idLimit: idLimit, places: places, value: value)
  }

  private mutating func initializer() throws(GraphParseError) -> Initializer {
    let keyword = token
    let word = try self.word()
    if word == "orthogonal" { return .orthogonal }
    let number = try group { parser throws(GraphParseError) in try parser.number() }
    switch word {
    case "constant": return .constant(number)
    case "uniform": return .uniform(bound: number)
    case "normal": return .normal(deviation: number)
    default: throw keyword.error("'\(word)' is not an initializer")
    }
  }

  /// The role of an output that a word introduces; its input's name comes later.
  private func outputRole(_ word: String) -> OutputRole? {
    switch word {
    case "output": .output
    case "loss": .loss
    case "state": .state
    case "gradient": .gradient(of: "")
    case "update": .update(of: "")
    case "metric": .metric
    case "term": .term
    case "weight": .weight(of: "")
    default: nil
    }
  }

  private mutating func parseOutput(_ role: OutputRole) throws(GraphParseError) {
    _ = try word()
    let name = try string()
    var role = role
    switch role {
    case .output, .loss, .state, .metric, .term: break
    case .gradient: role = .gradient(of: try related())
    case .update: role = .update(of: try related())
    case .weight: role = .weight(of: try related())
    }
    let over = accept(word: "over") ? try symbols() : []
    try expect("=")
    let value = try self.value()
    graph.append(Output(name: name, role: role, over: over, value: value))
    graph.regions[RegionID.entry.index].results.append(value)
  }

  private mutating func related() throws(GraphParseError) -> String {
    try expect(word: "of")
    return try string()
  }

  // MARK: Scans

  private mutating func parseScan(
    _ results: [GraphToken], in region: RegionID
  ) throws(GraphParseError) {
    let start = token
    guard depth < 64 else { throw start.error("scans are nested too deeply") }
    depth += 1
    defer { depth -= 1 }
    let steps = try symbol()
    let segments = try parseSegments()
    let isReversed = accept(word: "reverse")
    var types: [TensorType] = []
    if accept(":") {
      repeat { types.append(try type()) } while accept(",")
    }
    guard types.count == results.count else {
      throw start.error(
        "the scan has \(counted(results.count, "result")) and \(counted(types.count, "type"))")
    }
    try expect("{")
    let places = places
    let body = graph.addRegion()
    var operands: [ValueID] = []
    let invariants = try parseBindings("invariant", of: body, &operands)
    let carries = try parseBindings("carry", of: body, &operands)
    let sequences = try parseBindings("sequence", of: body, &operands)
    while !accept(word: "yield") { try parseDefinition(in: body) }
    var yielded: [ValueID] = []
    if case .value = token.kind {
      repeat { yielded.append(try value()) } while accept(",")
    }
    try expect("}")
    graph.setResults(of: body, to: yielded)
    let attributes = ScanAttributes(
      body: body, invariants: invariants, carries: carries, sequences: sequences,
      stepping: Stepping(steps: steps, isReversed: isReversed, segments: segments))
    try add(.scan(attributes), operands, results, types, in: region, places)
  }

  /// `segments(whole, longest, length)`, or nothing.
  private mutating func parseSegments() throws(GraphParseError) -> Segments? {
    guard accept(word: "segments") else { return nil }
    try expect("(")
    let whole = try symbol()
    try expect(",")
    let longest = try symbol()
    try expect(",")
    let length = try symbol()
    try expect(")")
    return Segments(whole: whole, longest: longest, length: length)
  }

  /// Lines `word %argument = %operand : type`; gives their number.
  private mutating func parseBindings(
    _ word: String, of body: RegionID, _ operands: inout [ValueID]
  ) throws(GraphParseError) -> Int {
    var count = 0
    while accept(word: word) {
      let name = try valueToken()
      try expect("=")
      operands.append(try value())
      try expect(":")
      try define(name, graph.addArgument(try type(), to: body))
      count += 1
    }
    return count
  }

  // MARK: Values and types

  private mutating func define(_ token: GraphToken, _ value: ValueID) throws(GraphParseError) {
    guard case .value(let name) = token.kind, names.updateValue(value, forKey: name) == nil else {
      throw token.error("\(token.name) is defined twice")
    }
  }

  private mutating func valueToken() throws(GraphParseError) -> GraphToken {
    guard case .value = token.kind else { throw unexpected("a value") }
    return take()
  }

  private mutating func value() throws(GraphParseError) -> ValueID {
    let token = try valueToken()
    guard case .value(let name) = token.kind, let value = names[name] else {
      throw token.error("\(token.name) is not defined")
    }
    return value
  }

  private mutating func type() throws(GraphParseError) -> TensorType {
    let start = token
    guard let element = ElementType(rawValue: try word()) else {
      throw start.error("\(start.name) is not an element type")
    }
    try expect("[")
    var shape: [Dimension] = []
    while !accept("]") {
      if !shape.isEmpty { try expect(",") }
      shape.append(try dimension())
    }
    return TensorType(element, shape)
  }

  mutating func dimension() throws(GraphParseError) -> Dimension {
    if case .number = token.kind { .fixed(try integer()) } else { .symbol(try symbol()) }
  }
}
