import RNNGraph

extension Plan {
  /// Reads a plan that was printed: `description` of the result is the text.
  ///
  /// A plan that was not printed by this library should be verified.
  ///
  /// - Throws: `GraphParseError` at the first place where the text is not a plan.
  public init(parsing text: String) throws(GraphParseError) {
    var parser = PlanParser(tokens: try GraphLexer.tokens(of: text, marks: "{}[](),=·×+<Σ"))
    self = try parser.parsePlan()
  }
}

/// Reads the text of a plan by recursive descent: header, ports, buffers and the order of steps. Kernels are in
/// `PlanParser+Kernels.swift`, sizes and indices in `PlanParser+Numbers.swift`.
struct PlanParser: TokenParser {
  let tokens: [GraphToken]
  var place = 0
  var plan: Plan
  private var depth = 0

  init(tokens: [GraphToken]) {
    self.tokens = tokens
    plan = Plan(name: "", inputs: [], outputs: [], buffers: [], steps: [], batch: 1, symbols: [])
  }

  mutating func parsePlan() throws(GraphParseError) -> Plan {
    try expect(word: "plan")
    plan.name = try string()
    while !accept("{") { try parseProperty() }
    while try parsePort() {}
    while try parseBuffer() {}
    try checkPlaces()
    plan.steps = try parseSteps()
    if token.kind != .end { throw unexpected("the end") }
    return plan
  }

  private mutating func parseProperty() throws(GraphParseError) {
    let start = token
    let word = try word()
    switch word {
    case "batch": plan.batch = try positive()
    case "threads": plan.threads = try positive()
    case "symbols": plan.symbols = try group { parser throws(GraphParseError) in try parser.symbols() }
    case "arena":
      plan.arenaBytes = try size()
      try expect(word: "bytes")
    default: throw start.error("\(start.name) is no property of a plan")
    }
  }

  private mutating func symbols() throws(GraphParseError) -> [Symbol] {
    var symbols: [Symbol] = []
    repeat { symbols.append(try symbol()) } while accept(",")
    return symbols
  }

  // MARK: Ports and buffers

  /// `input 0 stable "x" f32[T, 4, 8]` or the like with `output`; false if something else comes.
  private mutating func parsePort() throws(GraphParseError) -> Bool {
    let isInput = accept(word: "input")
    if !isInput, !accept(word: "output") { return false }
    let number = token
    guard try integer() == (isInput ? plan.inputs.count : plan.outputs.count) else {
      throw number.error("\(number.name) is not the next number")
    }
    let isStable = isInput && accept(word: "stable")
    let name = try string()
    let element = try element()
    try expect("[")
    var shape: [Size] = []
    while !accept("]") {
      if !shape.isEmpty { try expect(",") }
      shape.append(try size())
    }
    var port = Plan.Port(name: name, element: element, shape: shape, isStable: isStable, replaces: nil)
    if accept(word: "over") {
      try expect(word: "input")
      port.replaces = try integer(below: plan.inputs.count, "input")
    }
    if isInput { plan.inputs.append(port) } else { plan.outputs.append(port) }
    return true
  }

  /// `b3 "stack" f32 × 32·T in rows of 8 at 64, phases 1 to 6`; false if something else comes.
  private mutating func parseBuffer() throws(GraphParseError) -> Bool {
    // A store of a kernel cannot be confused with it: kernels have words in front of them.
    guard case .word(let name) = token.kind, name.hasPrefix("b"), Int(name.dropFirst()) != nil else {
      return false
    }
    guard name == "b\(plan.buffers.count)" else { throw unexpected("'b\(plan.buffers.count)'") }
    _ = take()
    let title = try string()
    let type = token
    let word = try self.word()
    let format = Buffer.Format(rawValue: word) ?? .full
    guard let element = format == .full ? ElementType(rawValue: word) : .f32 else {
      throw type.error("\(type.name) is not an element type")
    }
    try expect("×")
    var buffer = Buffer(name: title, element: element, count: try size(), place: .arena)
    buffer.format = format
    if accept(word: "in") {
      for word in ["rows", "of"] { try expect(word: word) }
      buffer.row = try positive()
    }
    if accept(word: "input") {
      buffer.place = .input(try integer(below: plan.inputs.count, "input"))
    } else if accept(word: "output") {
      buffer.place = .output(try integer(below: plan.outputs.count, "output"))
    } else if accept(word: "holds") {
      let start = token
      let table = try table()
      guard buffer.count.constant == table.numbers.count else {
        throw start.error("\(table.numbers.count) numbers do not fill a buffer of \(buffer.count)")
      }
      buffer.place = .table(table)
    } else if accept(word: "at") {
      buffer.offset = try size()
      try expect(",")
      try expect(word: "phases")
      let first = try integer()
      try expect(word: "to")
      let last = token
      guard case let end = try integer(), end >= first else {
        throw last.error("a buffer lives from a phase to a later one")
      }
      buffer.lifetime = first...end
    }
    buffer.places = places
    plan.buffers.append(buffer)
    return true
  }

  /// Each input, and each output that replaces none, is a buffer.
  private func checkPlaces() throws(GraphParseError) {
    let places = Set(plan.buffers.map(\.place))
    for i in plan.inputs.indices where !places.contains(.input(i)) {
      throw token.error("input \(i) is no buffer")
    }
    for (i, port) in plan.outputs.enumerated() where port.replaces == nil && !places.contains(.output(i)) {
      throw token.error("output \(i) is no buffer and replaces no input")
    }
  }

  // MARK: Steps

  /// Steps up to the closing brace.
  private mutating func parseSteps() throws(GraphParseError) -> [Step] {
    guard depth < 64 else { throw token.error("steps are nested too deeply") }
    depth += 1
    defer { depth -= 1 }
    var steps: [Step] = []
    while !accept("}") {
      if accept(word: "barrier") {
        steps.append(.barrier)
      } else if accept(word: "once") {
        try expect("{")
        steps.append(.preparation(try parseSteps()))
      } else if accept(word: "loop") {
        steps.append(.loop(try parseLoop()))
      } else {
        steps.append(.kernel(try parseKernel()))
      }
    }
    return steps
  }

  /// `t0 up to T {`, or `t0 down from N, each K of T steps, L at most {`, and what each step does.
  private mutating func parseLoop() throws(GraphParseError) -> Loop {
    let start = token
    guard case .loop(let id)? = Index(text: try word()) else {
      throw start.error("\(start.name) is not a loop")
    }
    let isReversed = accept(word: "down")
    if !isReversed { try expect(word: "up") }
    try expect(word: isReversed ? "from" : "to")
    let steps = try symbol()
    var segments: Segments?
    if accept(",") {
      try expect(word: "each")
      let length = try symbol()
      try expect(word: "of")
      let whole = try symbol()
      try expect(word: "steps")
      try expect(",")
      segments = Segments(whole: whole, longest: try symbol(), length: length)
      try expect(word: "at")
      try expect(word: "most")
    }
    try expect("{")
    let places = places
    return Loop(
      id: id, steps: steps, isReversed: isReversed, segments: segments, body: try parseSteps(), places: places
    )
  }

  mutating func element() throws(GraphParseError) -> ElementType {
    let start = token
    guard let element = ElementType(rawValue: try word()) else {
      throw start.error("\(start.name) is not an element type")
    }
    return element
  }

  /// A buffer that was declared.
  mutating func buffer() throws(GraphParseError) -> BufferID {
    let start = token
    let name = try word()
    guard let number = Int(name.dropFirst()), name == "b\(number)", plan.buffers.indices.contains(number)
    else { throw start.error("\(start.name) is not a buffer") }
    return BufferID(index: number)
  }
}
