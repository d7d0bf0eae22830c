import RNNGraph

extension Plan: CustomStringConvertible {
  /// The plan as text: ports, buffers, and the steps in order.
  public var description: String { text(withPlaces: true) }

  /// The plan as text, with or without the equations that its parts come from.
  public func text(withPlaces: Bool) -> String {
    func comment(_ places: SourcePlaces) -> String { withPlaces ? places.comment : "" }
    var lines = ["plan \(name) batch \(batch) threads \(threads) arena \(arenaBytes) bytes {"]
    for (i, port) in inputs.enumerated() { lines.append("  input \(i) \(describe(port))") }
    for (i, port) in outputs.enumerated() { lines.append("  output \(i) \(describe(port))") }
    for (i, buffer) in buffers.enumerated() {
      let place =
        switch buffer.place {
        case .input(let n): "input \(n)"
        case .output(let n): "output \(n)"
        case .arena:
          buffer.lifetime.map { "at \(buffer.offset), phases \($0.lowerBound)...\($0.upperBound)" }
            ?? "unused"
        }
      let type = buffer.format == .full ? buffer.element.rawValue : buffer.format.rawValue
      lines.append("  b\(i) \(type) × \(buffer.count) \(place) // \(buffer.name)\(comment(buffer.places))")
    }
    for step in steps { lines += step.lines(indent: "  ", withPlaces) }
    return lines.joined(separator: "\n") + "\n}\n"
  }

  private func describe(_ port: Port) -> String {
    let shape = port.shape.map(\.description).joined(separator: ", ")
    return "\"\(port.name)\" \(port.element.rawValue)[\(shape)]"
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
        "\(indent)loop t\(loop.id) \(loop.isReversed ? "down from" : "up to") \(loop.steps)\(loop.span) {"
          + (withPlaces ? loop.places.comment : "")
      ]
        + loop.body.flatMap { $0.lines(indent: indent + "  ", withPlaces) } + [indent + "}"]
    }
  }
}

extension Loop {
  /// What a step is, if it is a segment.
  fileprivate var span: String {
    segments.map { ", each \($0.length) of \($0.whole) steps, \($0.longest) at most" } ?? ""
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
      case .scatterAdd(let id, let stride, let rows): "scatter_add to row %\(id) of \(rows), \(stride) apart"
      }
    let share =
      switch split {
      case .none: ""
      case .batch(let axis): " threads share examples i\(axis)"
      case .axis(let axis, let multiple): " threads share i\(axis) by \(multiple)"
      }
    var lines = ["\(indent)\(what) \(name) [\(extents)]\(share) {"]
    if withPlaces { lines[0] += SourcePlaces.comment(allPlaces) }
    if let product {
      let depth = product.contracted.enumerated().map { "i\(domain.count + $0) < \($1)" }.joined(
        separator: ", ")
      let blocks = product.blocks.map { blocks in
        ", \(blocks.depth) at a time of \(blocks.panels * Size(product.tile.rows)) rows copied to \(blocks.copies), panels \(blocks.panelStride) apart"
          + (blocks.partial.map { ", sums in \($0)" } ?? "")
      }
      let sums = product.factors == product.element ? "" : ", sums of \(product.element.rawValue)"
      let isStaged = product.isStaged ? ", one group after the other" : ""
      let turns = product.turns.map { ", panels turned by \($0)" } ?? ""
      lines.append(
        "\(indent)  Σ [\(depth)] \(product.lhs) · \(product.rhs), \(product.groups) groups, "
          + "tile \(product.tile.rows) rows × \(product.tile.vectors) vectors\(sums)\(isStaged)\(blocks ?? "")\(turns)"
      )
    }
    if let start { lines.append("\(indent)  from \(start)") }
    if let bound { lines.append("\(indent)  bound \(bound.index) < \(bound.limit)") }
    for (i, instruction) in body.enumerated() {
      lines.append("\(indent)  %\(i) = \(instruction)\(withPlaces ? places[i].comment : "")")
    }
    for store in stores { lines.append("\(indent)  \(store.access) = %\(store.value)") }
    return lines + [indent + "}"]
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
    case .loadRow(let access, let id, let stride): "\(access) + %\(id)·\(stride)"
    case .constant(let number, let element): "\(element.rawValue) \(number)"
    case .size(let size, let element): "\(element.rawValue) \(size)"
    case .index(let form): "index \(form)"
    case .accumulator(let group, _): "sum \(group)"
    case .random(let key, let counter, let position, let stream, let element):
      "\(element.rawValue) random key %\(key), counter %\(counter), position %\(position), stream \(stream)"
    case .unary(let function, let a): "\(function.rawValue) %\(a)"
    case .binary(let function, let a, let b): "\(function.rawValue) %\(a), %\(b)"
    case .compare(let comparison, let a, let b): "\(comparison.rawValue) %\(a), %\(b)"
    case .select(let condition, let a, let b): "select %\(condition), %\(a), %\(b)"
    case .convert(let element, let a): "\(element.rawValue) %\(a)"
    }
  }
}
