extension OperationKind {
  /// The word that names the operation in the text of a graph.
  public var mnemonic: String {
    switch self {
    case .constant: "constant"
    case .table: "table"
    case .size: "size"
    case .iota: "iota"
    case .random: "random"
    case .unary(let function): function.rawValue
    case .binary(let function): function.rawValue
    case .compare(let comparison): comparison.rawValue
    case .select: "select"
    case .convert: "convert"
    case .surrogate(.stop): "detach"
    case .surrogate(.straightThrough): "straight_through"
    case .surrogate(.clip): "clip_gradient"
    case .dot: "dot"
    case .reduce(let reduction, _, _): "reduce_" + reduction.rawValue
    case .broadcast: "broadcast"
    case .reshape: "reshape"
    case .transpose: "transpose"
    case .slice: "slice"
    case .pad: "pad"
    case .concat: "concat"
    case .reverse: "reverse"
    case .reversePrefix: "reverse_prefix"
    case .oneHot: "one_hot"
    case .gather: "gather"
    case .scatterAdd: "scatter_add"
    case .scan: "scan"
    }
  }

  /// What stands between the operands and the result's type, which says the rest; a scan's body is not part of it.
  var attributeWords: [String] {
    func group(_ word: String, _ items: some Sequence) -> String {
      "\(word)(\(items.map { "\($0)" }.joined(separator: ", ")))"
    }
    func pair(_ word: String, _ lhs: [Int], _ rhs: [Int]) -> String {
      "\(word)(\(lhs.map(String.init).joined(separator: ", "));"
        + " \(rhs.map(String.init).joined(separator: ", ")))"
    }
    switch self {
    case .constant(let number, _): return [exactText(number)]
    case .table(let table, _): return [table.description]
    case .size(let symbols, _): return [group("of", symbols)]
    case .random(let stream, _, _): return ["stream(\(stream))"]
    case .surrogate(.clip(let bound)): return ["bound(\(exactText(bound)))"]
    case .iota, .unary, .binary, .compare, .select, .convert, .surrogate, .reshape, .gather: return []
    case .dot(let axes):
      let contract = pair("contract", axes.lhsContracting, axes.rhsContracting)
      let isBatched = !axes.lhsBatch.isEmpty || !axes.rhsBatch.isEmpty
      return [contract] + (isBatched ? [pair("batch", axes.lhsBatch, axes.rhsBatch)] : [])
        + (axes.isWide ? ["wide"] : []) + axes.order.words
    case .reduce(_, let axes, let order): return [group("axes", axes)] + order.words
    case .broadcast(let axes, _), .transpose(let axes): return [group("axes", axes)]
    case .slice(let axis, let start, let count, let anchor):
      return ["axis(\(axis))", "\(anchor.rawValue)(\(start))", "count(\(count))"]
    case .pad(let axis, let start, let to, let anchor):
      return ["axis(\(axis))", "\(anchor.rawValue)(\(start))", "to(\(to))"]
    case .concat(let axis), .reverse(let axis), .reversePrefix(let axis): return ["axis(\(axis))"]
    case .oneHot(let extent, _): return ["extent(\(extent))"]
    case .scatterAdd(let extent, let order): return ["extent(\(extent))"] + order.words
    case .scan(let scan):
      let segments = scan.segments.map { [group("segments", [$0.whole, $0.longest, $0.length])] } ?? []
      return [scan.steps.name] + segments + (scan.isReversed ? ["reverse"] : [])
    }
  }
}

extension SumOrder {
  /// What stands behind the attributes of a sum.
  fileprivate var words: [String] { self == .any ? [] : [rawValue] }
}

/// The shortest decimal that reads back as exactly this number.
package func exactText(_ number: Double) -> String {
  if number.isNaN { return "nan" }
  let text = number.description
  return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}

/// A string in quotation marks, which the parsers of graphs and plans read back.
package func quoted(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"", "\\": result += "\\\(scalar)"
    case "\u{20}"..."\u{7E}": result.unicodeScalars.append(scalar)
    default: result += "\\u{\(String(scalar.value, radix: 16))}"
    }
  }
  return result + "\""
}

extension InputRole {
  /// The word that introduces the input in the text of a graph.
  var keyword: String {
    switch self {
    case .parameter: "parameter"
    case .data: "data"
    case .target: "target"
    case .state: "state"
    case .hyperparameter: "hyperparameter"
    case .optimizer: "optimizer"
    case .lengths: "lengths"
    case .seed: "seed"
    }
  }
}

extension Initializer: CustomStringConvertible {
  public var description: String {
    switch self {
    case .constant(let number): "constant(\(exactText(number)))"
    case .uniform(let bound): "uniform(\(exactText(bound)))"
    case .normal(let deviation): "normal(\(exactText(deviation)))"
    case .orthogonal: "orthogonal"
    }
  }
}

extension OutputRole {
  /// The word that introduces the output in the text of a graph.
  var keyword: String {
    switch self {
    case .output: "output"
    case .loss: "loss"
    case .state: "state"
    case .gradient: "gradient"
    case .update: "update"
    case .metric: "metric"
    case .term: "term"
    case .weight: "weight"
    }
  }

  /// The name of the input that the output belongs to by its role.
  public var inputName: String? {
    switch self {
    case .output, .loss, .state, .metric, .term, .weight: nil
    case .gradient(let name), .update(let name): name
    }
  }

  /// The name that stands behind `of` in the text of a graph.
  var relatedName: String? { if case .weight(let name) = self { name } else { inputName } }

  /// Whether it is a mean that batches are weighed by.
  public var isMean: Bool { self == .loss || self == .metric || self == .term }
}
