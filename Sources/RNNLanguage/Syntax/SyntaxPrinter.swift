extension SyntaxFile {
  /// The file in normal form: comments are gone, and parsing it gives the same tree.
  public var printed: String {
    var groups: [String] = []
    var previousWasShort = false
    for declaration in declarations {
      let text = declaration.printed
      let isShort = if case .unit = declaration { false } else { true }
      if isShort, previousWasShort, let last = groups.popLast() {
        groups.append(last + text)
      } else {
        groups.append(text)
      }
      previousWasShort = isShort
    }
    if let language { groups.insert("language \(language)\n", at: 0) }
    return groups.joined(separator: "\n")
  }
}

extension Declaration {
  fileprivate var printed: String {
    switch self {
    case .importation(let declaration): return "import \"\(declaration.path)\"\n"
    case .function(let function):
      let parameters = function.parameters.map(\.text).joined(separator: ", ")
      return "fn \(function.name.text)(\(parameters)) = \(function.body.printed)\n"
    case .unit(let unit):
      let sizes = unit.sizes.map { size in
        size.name.text + (size.defaultValue.map { " = \($0.printed)" } ?? "")
      }
      let list = sizes.isEmpty ? "" : "(\(sizes.joined(separator: ", ")))"
      let body = unit.statements.map { "    \($0.printed)\n" }.joined()
      return "\(unit.kind.rawValue) \(unit.name.text)\(list) {\n\(body)}\n"
    }
  }
}

extension Statement {
  fileprivate var printed: String {
    switch kind {
    case .declaration(let role, let groups, let initial):
      let groups = groups.map { group in
        let names = group.names.map { name in
          name.text + (group.otherNames[name.text].map { " as \($0.text)" } ?? "")
            + (group.indices[name.text].map { "[\($0.map(\.text).joined(separator: ", "))]" } ?? "")
        }
        return "\(names.joined(separator: ", ")): \(group.type.printed)"
      }
      let value = initial.map { " = \($0.printed)" } ?? ""
      return "\(role.rawValue) \(groups.joined(separator: ", "))\(value)"
    case .definition(let names, let value):
      let names = names.map { $0.name.text + ($0.isNext ? "'" : "") }
      return "\(names.joined(separator: ", ")) = \(value.printed)"
    case .output(let items):
      let items = items.map { item in (item.name.map { "\($0.text) = " } ?? "") + item.value.printed }
      return "output \(items.joined(separator: ", "))"
    case .loss(let item): return "loss \(item.printed)"
    case .measure(let item): return "measure \(item.printed)"
    }
  }
}

extension MeanItem {
  fileprivate var printed: String {
    (name.map { "\($0.text) = " } ?? "") + value.printed + (weights.map { ", weights: \($0.printed)" } ?? "")
  }
}

extension TypeSyntax {
  fileprivate var printed: String {
    let prefix = isSequence ? "seq" + (length.map { "(\($0.text))" } ?? "") + " " : ""
    switch kind {
    case .tensor(let sizes): return prefix + "[\(sizes.map(\.printed).joined(separator: ", "))]"
    case .token(let size): return prefix + "token(\(size.printed))"
    case .invalid: return prefix + "<invalid>"
    }
  }
}

extension Expression {
  /// How tightly the outermost operation binds; more than any operator for what needs no parentheses.
  private var precedence: Int {
    switch kind {
    case .binary(let operation, _, _): operation.precedence
    case .negate: 4
    case .number, .text, .name, .next, .call, .element, .slice, .member, .tuple, .invalid: 5
    }
  }

  private func printed(atLeast limit: Int) -> String { precedence < limit ? "(\(printed))" : printed }

  var printed: String {
    switch kind {
    case .number(let value): return spelled(value)
    case .text(let text): return "\"\(text)\""
    case .name(let name): return name
    case .next(let name): return name + "'"
    case .negate(let operand): return "-" + operand.printed(atLeast: 4)
    case .binary(let operation, let left, let right):
      let level = operation.precedence
      let left = left.printed(atLeast: operation.isComparison ? level + 1 : level)
      return "\(left) \(operation.rawValue) \(right.printed(atLeast: level + 1))"
    case .call(let name, let arguments):
      let arguments = arguments.map { argument in
        (argument.label.map { "\($0.text): " } ?? "") + argument.value.printed
      }
      return "\(name.text)(\(arguments.joined(separator: ", ")))"
    case .element(let base, let index): return "\(base.printed(atLeast: 5))[\(index.printed)]"
    case .slice(let base, let start, let end):
      return "\(base.printed(atLeast: 5))[\(start?.printed ?? ""):\(end?.printed ?? "")]"
    case .member(let base, let name, let isNext):
      return "\(base.printed(atLeast: 5)).\(name.text)\(isNext ? "'" : "")"
    case .tuple(let elements): return "(\(elements.map(\.printed).joined(separator: ", ")))"
    case .invalid: return "<invalid>"
    }
  }
}

/// A number as it is written in the language: whole numbers without a fraction.
func spelled(_ value: Double) -> String {
  value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : "\(value)"
}
