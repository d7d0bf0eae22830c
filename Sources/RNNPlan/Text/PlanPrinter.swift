import RNNGraph

extension Plan: CustomStringConvertible {
  /// Whether it says where things lie and who does what.
  public var isLaidOut: Bool { threads > 1 || hasArena }

  /// The plan as text, which `Plan(parsing:)` reads back: ports, buffers, and the steps in order.
  public var description: String { text(withPlaces: true) }

  /// The plan as text, with or without the equations that its parts come from.
  public func text(withPlaces: Bool) -> String {
    func comment(_ places: SourcePlaces) -> String { withPlaces ? places.comment : "" }
    let open = symbols.isEmpty ? "" : " symbols(\(symbols.map(\.planText).joined(separator: ", ")))"
    let layout = isLaidOut ? " threads \(threads) arena \(arenaBytes) bytes" : ""
    var lines = ["plan \(quoted(name)) batch \(batch)\(open)\(layout) {"]
    for (i, port) in inputs.enumerated() {
      lines.append("  input \(i) \(port.isStable ? "stable " : "")\(describe(port))")
    }
    for (i, port) in outputs.enumerated() { lines.append("  output \(i) \(describe(port))") }
    for (i, buffer) in buffers.enumerated() {
      let place =
        switch buffer.place {
        case .input(let n): " input \(n)"
        case .output(let n): " output \(n)"
        case .table(let table): " holds \(table)"
        case .arena:
          buffer.lifetime.map { " at \(buffer.offset), phases \($0.lowerBound) to \($0.upperBound)" } ?? ""
        }
      let rows = buffer.row.map { " in rows of \($0)" } ?? ""
      let type = buffer.format == .full ? buffer.element.rawValue : buffer.format.rawValue
      lines.append(
        "  b\(i) \(quoted(buffer.name)) \(type) × \(buffer.count)\(rows)\(place)\(comment(buffer.places))")
    }
    for step in steps { lines += step.lines(indent: "  ", withPlaces) }
    return lines.joined(separator: "\n") + "\n}\n"
  }

  private func describe(_ port: Port) -> String {
    let shape = port.shape.map(\.description).joined(separator: ", ")
    return "\(quoted(port.name)) \(port.element.rawValue)[\(shape)]"
      + (port.replaces.map { " over input \($0)" } ?? "")
  }
}

extension Step {
  fileprivate func lines(indent: String, _ withPlaces: Bool) -> [String] {
    switch self {
    case .barrier: [indent + "barrier"]
    case .kernel(let kernel): kernel.lines(indent: indent, withPlaces: withPlaces)
    case .preparation(let steps):
      [indent + "once {"] + steps.flatMap { $0.lines(indent: indent + "  ", withPlaces) } + [indent + "}"]
    case .loop(let loop):
      [
        "\(indent)loop t\(loop.id) \(loop.isReversed ? "down from" : "up to") \(loop.steps.planText)\(loop.span) {"
          + (withPlaces ? loop.places.comment : "")
      ]
        + loop.body.flatMap { $0.lines(indent: indent + "  ", withPlaces) } + [indent + "}"]
    }
  }
}

extension Loop {
  /// What a step is, if it is a segment.
  fileprivate var span: String {
    segments.map {
      ", each \($0.length.planText) of \($0.whole.planText) steps, \($0.longest.planText) at most"
    } ?? ""
  }
}

extension Kernel {
  /// The kernel as text.
  func lines(indent: String, withPlaces: Bool) -> [String] {
    let extents = domain.enumerated().map { "i\($0) < \($1)" }.joined(separator: ", ")
    let what =
      switch kind {
      case .map: product == nil ? "map" : "product"
      case .reduce(let reduction, let axes, let keepsLast):
        "reduce \(reduction.rawValue) \(axes) axes\(keepsLast ? " before the last" : "")"
      case .scatterAdd(let id, let rows): "scatter_add to row %\(id) of \(rows.text)"
      case .sweep: "sweep"
      }
    let share =
      switch split {
      case .none: ""
      case .batch: ", shared by the threads"
      case .axis(let axis, let multiple): ", threads share i\(axis) by \(multiple)"
      }
    let axis = (examples.map { " examples i\($0)" } ?? "") + (sumsOverExamples ? " over examples" : "")
    var lines = ["\(indent)\(what) \(quoted(name)) [\(extents)]\(axis)\(share) {"]
    if withPlaces { lines[0] += SourcePlaces.comment(allPlaces) }
    if let product {
      let depth = product.contracted.enumerated().map { "i\(domain.count + $0) < \($1)" }.joined(
        separator: ", ")
      let sums = product.factors == product.element ? "" : ", sums of \(product.element.rawValue)"
      let rounding = product.columnFormat == .full ? "" : ", columns as \(product.columnFormat.rawValue)"
      let layout = product.layout.map { ", \($0.description(groups: product.groups))" } ?? ""
      lines.append(
        "\(indent)  Σ \(product.factors.rawValue) [\(depth)] \(product.lhs) · \(product.rhs), "
          + "\(product.groups) groups\(sums)\(rounding)\(layout)"
      )
    }
    if order == .chain { lines.append("\(indent)  order chain") }
    if let start { lines.append("\(indent)  from \(start)") }
    if let bound { lines.append("\(indent)  bound \(bound.index) < \(bound.limit)") }
    for (i, instruction) in body.enumerated() {
      lines.append("\(indent)  %\(i) = \(instruction)\(withPlaces ? places[i].comment : "")")
    }
    for store in stores { lines.append("\(indent)  \(store.access) = %\(store.value)") }
    return lines + [indent + "}"]
  }
}

extension TableRows {
  fileprivate var text: String { "\(count), \(stride) apart" }
}

extension ProductLayout {
  fileprivate func description(groups: Int) -> String {
    let blocks = blocks.map { blocks in
      ", \(blocks.depth) at a time of \(blocks.panels) panels copied to \(blocks.copies), \(blocks.panelStride) apart"
        + (blocks.partial.map { ", sums in \($0)" } ?? "")
    }
    let staged = tile.groups < groups ? " × \(tile.groups) groups" : ""
    let turns = turns.map { ", panels turned by \($0)" } ?? ""
    return "tile \(tile.rows) rows × \(tile.vectors) vectors of \(lanes)\(staged)\(blocks ?? "")\(turns)"
  }
}

extension ProductOperand: CustomStringConvertible {
  public var description: String {
    switch layout {
    case .direct: "\(access)"
    case .packed(let panel, let distance): "\(access) in panels of \(panel), \(distance) apart"
    }
  }
}

extension Instruction: CustomStringConvertible {
  public var description: String {
    switch self {
    case .load(let access): "\(access)"
    case .loadRow(let access, let id, let rows): "\(access) in row %\(id) of \(rows.text)"
    case .constant(let number, let element): "\(element.rawValue) \(exactText(number))"
    case .size(let size, let element): "\(element.rawValue) size \(size)"
    case .index(let form): "index \(form)"
    case .accumulator(let group, let element): "\(element.rawValue) sum \(group)"
    case .random(let key, let counter, let position, let stream, let element):
      "\(element.rawValue) random key %\(key), counter %\(counter), position %\(position), stream \(stream)"
    case .unary(let function, let a): "\(function.rawValue) %\(a)"
    case .binary(let function, let a, let b): "\(function.rawValue) %\(a), %\(b)"
    case .compare(let comparison, let a, let b): "\(comparison.rawValue) %\(a), %\(b)"
    case .select(let condition, let a, let b): "select %\(condition), %\(a), %\(b)"
    case .convert(let element, let a): "\(element.rawValue) %\(a)"
    case .combine(let reduction, let axes, let a): "\(reduction.rawValue) %\(a) over \(axes)"
    }
  }
}

extension SweepAxes: CustomStringConvertible {
  public var description: String {
    [contains(.rows) ? "rows" : nil, contains(.columns) ? "columns" : nil].compactMap(\.self)
      .joined(separator: " and ")
  }
}

extension Symbol {
  /// The symbol in the text of a plan: in quotation marks if it could be taken for an index.
  var planText: String { Index(text: name) == nil ? name : quoted(name) }
}

extension Index {
  /// The index that a word of a plan names, if it is one.
  init?(text: String) {
    guard let first = text.first, let number = Int(text.dropFirst()),
      "i\(number)".dropFirst() == text.dropFirst()
    else { return nil }
    switch first {
    case "i": self = .axis(number)
    case "t": self = .loop(number)
    case "p": self = .parity(number)
    case "q": self = .oppositeParity(number)
    default: return nil
    }
  }
}
