import RNNGraph

extension PlanParser {
  mutating func parseKernel() throws(GraphParseError) -> Kernel {
    let start = token
    let (kind, id) = try parseKind()
    let name = try string()
    var kernel = Kernel(name: name, domain: try extents(from: 0), kind: kind, body: [], stores: [])
    if accept(word: "examples") { kernel.examples = try axis() }
    if accept(word: "over") {
      try expect(word: "examples")
      kernel.sumsOverExamples = true
    }
    if accept(",") { kernel.split = try parseSplit(kernel) }
    try expect("{")
    let header = comment
    if accept("Σ") { kernel.product = try parseProduct(rank: kernel.domain.count) }
    if accept(word: "order") {
      try expect(word: "chain")
      kernel.order = .chain
    }
    if accept(word: "from") { kernel.start = try access() }
    if accept(word: "bound") {
      let index = try form()
      try expect("<")
      kernel.bound = Kernel.Bound(index: index, limit: try size())
    }
    while case .value(let text) = token.kind {
      guard text == "\(kernel.body.count)" else { throw unexpected("'%\(kernel.body.count)'") }
      _ = take()
      try expect("=")
      kernel.body.append(try parseInstruction(behind: kernel.body.count))
      kernel.places.body.append(places)
    }
    while !accept("}") {
      let access = try access()
      try expect("=")
      kernel.stores.append(Store(access: access, value: try value(below: kernel.body.count)))
    }
    if let id, id >= kernel.body.count { throw start.error("'%\(id)' is not defined") }
    if kernel.stores.isEmpty { throw start.error("a kernel that stores nothing") }
    try check(kernel, start)
    // Of the kernel's equations, those of the sum are the ones that no instruction comes from.
    let known = kernel.allPlaces
    let all = header.flatMap(SourcePlaces.read)?.places ?? []
    kernel.places.sum = SourcePlaces(all.filter { place in !known.contains(where: place.isSameEquation) })
    return kernel
  }

  /// What stands in front of the name, and the instruction that it names.
  private mutating func parseKind() throws(GraphParseError) -> (KernelKind, id: Int?) {
    let start = token
    let word = try word()
    switch word {
    case "map", "product": return (.map, nil)
    case "reduce":
      let name = token
      guard let reduction = Reduction(rawValue: try self.word()) else {
        throw name.error("\(name.name) is not a reduction")
      }
      let axes = try integer()
      try expect(word: "axes")
      let keepsLast = accept(word: "before")
      if keepsLast {
        try expect(word: "the")
        try expect(word: "last")
      }
      return (.reduce(reduction, axes: axes, keepsLast: keepsLast), nil)
    case "scatter_add":
      try expect(word: "to")
      try expect(word: "row")
      let id = try value(below: .max)
      return (.scatterAdd(id: id, try rows()), id)
    case "sweep": return (.sweep, nil)
    default: throw start.error("\(start.name) is not a step")
    }
  }

  /// The rows of a table, `of 5, 8 apart`.
  private mutating func rows() throws(GraphParseError) -> TableRows {
    try expect(word: "of")
    let count = try size()
    try expect(",")
    return TableRows(count: count, stride: try apart())
  }

  /// A distance, `8 apart`.
  private mutating func apart() throws(GraphParseError) -> Size {
    let distance = try size()
    try expect(word: "apart")
    return distance
  }

  /// `shared by the threads`, which is along the axis of examples, or `threads share i0 by 4`.
  private mutating func parseSplit(_ kernel: Kernel) throws(GraphParseError) -> Split {
    let start = token
    if accept(word: "shared") {
      for word in ["by", "the", "threads"] { try expect(word: word) }
      guard let axis = kernel.examples else { throw start.error("a kernel that has no axis of examples") }
      return .batch(axis: axis)
    }
    for word in ["threads", "share"] { try expect(word: word) }
    let axis = try axis()
    try expect(word: "by")
    return .axis(axis, multiple: try positive())
  }

  /// `own b3[i0 + 4]`.
  private mutating func access() throws(GraphParseError) -> Access {
    let isOwned = accept(word: "own")
    let buffer = try buffer()
    try expect("[")
    let index = try form()
    try expect("]")
    return Access(buffer: buffer, index: index, isOwned: isOwned)
  }

  /// An instruction, `%3`, of a number of them.
  private mutating func value(below count: Int) throws(GraphParseError) -> Int {
    guard case .value(let text) = token.kind else { throw unexpected("a value") }
    guard let number = Int(text), "\(number)" == text, number < count else {
      throw token.error("\(token.name) is not defined")
    }
    _ = take()
    return number
  }

  // MARK: Products

  private mutating func parseProduct(rank: Int) throws(GraphParseError) -> Product {
    let factors = try element()
    let contracted = try extents(from: rank)
    let lhs = try operand()
    try expect("·")
    let rhs = try operand()
    try expect(",")
    let groups = try positive()
    try expect(word: "groups")
    var product = Product(
      lhs: lhs, rhs: rhs, groups: groups, contracted: contracted, factors: factors, element: factors)
    while accept(",") { try parseProperty(of: &product) }
    return product
  }

  private mutating func operand() throws(GraphParseError) -> ProductOperand {
    let access = try access()
    guard accept(word: "in") else { return ProductOperand(access: access, layout: .direct) }
    try expect(word: "panels")
    try expect(word: "of")
    let panel = try positive()
    try expect(",")
    return ProductOperand(access: access, layout: .packed(panel: panel, distance: try apart()))
  }

  /// One of the things that are said of a product behind its operands.
  private mutating func parseProperty(of product: inout Product) throws(GraphParseError) {
    if accept(word: "tile") {
      product.layout = try parseTile(groups: product.groups)
    } else if accept(word: "sums") {
      if product.layout?.blocks != nil, accept(word: "in") {
        product.layout?.blocks?.partial = try buffer()
      } else {
        try expect(word: "of")
        product.element = try element()
      }
    } else if accept(word: "columns") {
      try expect(word: "as")
      let start = token
      guard let format = Buffer.Format(rawValue: try word()) else {
        throw start.error("\(start.name) is no format")
      }
      product.columnFormat = format
    } else if product.layout == nil {
      throw unexpected("a tile in front of blocks and turns")
    } else if accept(word: "panels") {
      try expect(word: "turned")
      try expect(word: "by")
      product.layout?.turns = try form()
    } else {
      let depth = try positive()
      for word in ["at", "a", "time", "of"] { try expect(word: word) }
      let panels = try size()
      for word in ["panels", "copied", "to"] { try expect(word: word) }
      let copies = try buffer()
      try expect(",")
      product.layout?.blocks = ProductBlocks(
        depth: depth, panels: panels, copies: copies, panelStride: try positive(), partial: nil)
      try expect(word: "apart")
    }
  }

  /// `6 rows × 2 vectors of 8`, and how many groups it has if these are not all.
  private mutating func parseTile(groups all: Int) throws(GraphParseError) -> ProductLayout {
    let rows = try positive()
    try expect(word: "rows")
    try expect("×")
    let vectors = try positive()
    for word in ["vectors", "of"] { try expect(word: word) }
    let lanes = try positive()
    var tile = Tile(rows: rows, vectors: vectors, groups: all)
    if accept("×") {
      let groups = token
      tile.groups = try positive()
      // The places of packed columns are known for whole parts only.
      if !all.isMultiple(of: tile.groups) || tile.groups == all {
        throw groups.error("a tile of \(tile.groups) groups of \(all)")
      }
      try expect(word: "groups")
    }
    return ProductLayout(tile: tile, lanes: lanes)
  }

  // MARK: Instructions

  /// An instruction that reads only some earlier ones.
  private mutating func parseInstruction(behind count: Int) throws(GraphParseError) -> Instruction {
    func operand(_ parser: inout Self) throws(GraphParseError) -> Int { try parser.value(below: count) }
    func next(_ parser: inout Self) throws(GraphParseError) -> Int {
      try parser.expect(",")
      return try operand(&parser)
    }
    let start = token
    guard case .word(let word) = token.kind else { throw unexpected("an instruction") }
    if let element = ElementType(rawValue: word) {
      _ = take()
      return try parseTyped(element, behind: count)
    }
    if let function = UnaryFunction(rawValue: word) {
      _ = take()
      return .unary(function, try operand(&self))
    }
    if let reduction = Reduction(rawValue: word) {
      _ = take()
      let value = try operand(&self)
      if accept(word: "over") { return .combine(reduction, try sweepAxes(), value) }
      guard let function = BinaryFunction(rawValue: word) else { throw unexpected("'over'") }
      return .binary(function, value, try next(&self))
    }
    if let function = BinaryFunction(rawValue: word) {
      _ = take()
      return .binary(function, try operand(&self), try next(&self))
    }
    if let comparison = Comparison(rawValue: word) {
      _ = take()
      return .compare(comparison, try operand(&self), try next(&self))
    }
    if accept(word: "select") { return .select(try operand(&self), try next(&self), try next(&self)) }
    if accept(word: "index") { return .index(try form()) }
    guard word == "own" || word.hasPrefix("b") else {
      throw start.error("\(start.name) is not an instruction")
    }
    let access = try access()
    guard accept(word: "in") else { return .load(access) }
    try expect(word: "row")
    let id = try operand(&self)
    return .loadRow(access, id: id, try rows())
  }

  /// `rows`, `columns`, or `rows and columns`.
  private mutating func sweepAxes() throws(GraphParseError) -> SweepAxes {
    if accept(word: "columns") { return .columns }
    try expect(word: "rows")
    guard accept(word: "and") else { return .rows }
    try expect(word: "columns")
    return .matrix
  }

  /// What begins with an element type: a number, a conversion, or a word.
  private mutating func parseTyped(
    _ element: ElementType, behind count: Int
  ) throws(GraphParseError) -> Instruction {
    if case .value = token.kind { return .convert(element, try value(below: count)) }
    if accept(word: "sum") { return .accumulator(try integer(), element) }
    if accept(word: "size") { return .size(try size(), element) }
    guard accept(word: "random") else { return .constant(try number(), element) }
    var operands: [Int] = []
    for word in ["key", "counter", "position"] {
      try expect(word: word)
      operands.append(try value(below: count))
      try expect(",")
    }
    try expect(word: "stream")
    return .random(
      key: operands[0], counter: operands[1], position: operands[2], stream: try integer(), element)
  }

  /// Indices that reach further than numbers do would overflow wherever they are computed.
  private func check(_ kernel: Kernel, _ start: GraphToken) throws(GraphParseError) {
    let contracted = kernel.product?.contracted ?? []
    let operands = kernel.product.map { [$0.lhs.access.index, $0.rhs.access.index] } ?? []
    let extents = (kernel.domain + contracted).map(\.magnitude)
    for form in kernel.forms + operands {
      let reach = form.factors.reduce(form.constant.magnitude) { sum, term in
        var last = 64.0
        if case .axis(let axis) = term.key, axis < extents.count { last = extents[axis] }
        return sum + term.value.magnitude * last
      }
      if reach >= 0x1p60 { throw start.error("an index that is too large") }
    }
  }
}
