import RNNPlan

extension Arrangement {
  /// The decisions as text, one in a line; comments name what they are about.
  func lines(of source: Plan) -> [String] {
    var lines = sharesExamples ? ["threads share examples"] : []
    for (id, gap) in gaps.sorted(by: { $0.key < $1.key }) {
      lines.append("\(gap) elements between rows of \(id) // \(source[id].name)")
    }
    for (number, (kernel, choice)) in zip(source.kernels, kernels).enumerated() {
      lines.append("kernel \(number): \(choice.text) // \(kernel.name)")
    }
    return lines + packings.enumerated().map { "packing \($0): \($1.text)" }
  }

  /// Reads a line of `lines` without its comment; false if it is none, or about a kernel that is not there.
  mutating func read(_ line: String) -> Bool {
    if line == "threads share examples" {
      sharesExamples = true
      return true
    }
    if let match = line.wholeMatch(of: /(\d{1,6}) elements between rows of b(\d{1,9})/) {
      gaps[BufferID(index: Int(match.2)!)] = Int(match.1)!
      return true
    }
    guard let match = line.wholeMatch(of: /(kernel|packing) (\d{1,9}): (.*)/), let number = Int(match.2)
    else {
      return false
    }
    let parts = match.3.split(separator: ", ", maxSplits: 1).map(String.init)
    guard let split = parts.first.flatMap(Split.init(text:)) else { return false }
    let product = parts.count > 1 ? ProductArrangement(text: parts[1]) : nil
    if parts.count > 1, product == nil { return false }
    if match.1 == "kernel" {
      guard kernels.indices.contains(number) else { return false }
      kernels[number] = KernelArrangement(split: split, product: product)
    } else {
      guard number <= packings.count, product == nil else { return false }
      if number == packings.count { packings.append(split) } else { packings[number] = split }
    }
    return true
  }
}

extension KernelArrangement {
  /// The decisions about a kernel.
  var text: String { split.text + (product.map { ", \($0.text)" } ?? "") }
}

extension Split {
  fileprivate var text: String {
    switch self {
    case .none: "one thread"
    case .batch(let axis): "threads share examples i\(axis)"
    case .axis(let axis, let multiple): "threads share i\(axis) by \(multiple)"
    }
  }

  fileprivate init?(text: String) {
    if text == "one thread" {
      self = .none
    } else if let match = text.wholeMatch(of: /threads share examples i(\d{1,6})/) {
      self = .batch(axis: Int(match.1)!)
    } else if let match = text.wholeMatch(of: /threads share i(\d{1,6}) by (\d{1,6})/) {
      self = .axis(Int(match.1)!, multiple: Int(match.2)!)
    } else {
      return nil
    }
  }
}

extension ProductArrangement {
  fileprivate var text: String {
    let blocks = blocks.map { ", blocks of \($0.depth) indices and \($0.panels) panels of rows" } ?? ""
    return "tile \(tile.rows) rows × \(tile.vectors) vectors of \(lanes) × \(tile.groups) groups, columns "
      + (packsColumns ? "packed" : "as they lie") + blocks + (turns ? ", turned" : "")
  }

  fileprivate init?(text: String) {
    var parts = text.split(separator: ", ").map(String.init)[...]
    let tile = /tile (\d{1,6}) rows × (\d{1,6}) vectors of (\d{1,6}) × (\d{1,6}) groups/
    guard let match = parts.popFirst()?.wholeMatch(of: tile), let columns = parts.popFirst(),
      columns == "columns packed" || columns == "columns as they lie"
    else { return nil }
    self.init(
      tile: Tile(rows: Int(match.1)!, vectors: Int(match.2)!, groups: Int(match.4)!), lanes: Int(match.3)!,
      packsColumns: columns == "columns packed")
    let blocks = /blocks of (\d{1,6}) indices and (\d{1,6}) panels of rows/
    if let match = parts.first?.wholeMatch(of: blocks) {
      self.blocks = Blocks(depth: Int(match.1)!, panels: Int(match.2)!)
      parts.removeFirst()
    }
    if parts.first == "turned" {
      turns = true
      parts.removeFirst()
    }
    if !parts.isEmpty { return nil }
  }
}
