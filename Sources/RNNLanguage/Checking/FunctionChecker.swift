import RNNSupport

/// Checks what can be known of a function without its arguments: the names in it, and that it does not call itself.
///
/// Shapes are checked where it is called, since it is written there in full.
struct FunctionChecker {
  private let checker: Checker
  private var program: Program { checker.program }

  init(_ checker: Checker) { self.checker = checker }

  func run() {
    var callees: [DeclarationID: [(DeclarationID, SourceRange)]] = [:]
    for id in program.userDeclarations {
      guard case .function(let function) = program[id] else { continue }
      callees[id] = check(function, id)
    }
    for cycle in cycles(of: callees) { report(cycle, callees) }
  }

  /// Checks the names of a function and gives the functions that it calls.
  private func check(_ function: FunctionDeclaration, _ id: DeclarationID) -> [(DeclarationID, SourceRange)] {
    var seen: [String: SourceRange] = [:]
    for parameter in function.parameters {
      if let old = seen[parameter.text] {
        fault(.redefinition(parameter.text, at: parameter.range, of: old), in: id)
      }
      seen[parameter.text] = parameter.range
    }
    var calls: [(DeclarationID, SourceRange)] = []
    visit(function.body, parameters: Set(seen.keys), id, &calls)
    return calls
  }

  private func visit(
    _ expression: Expression, parameters: Set<String>, _ id: DeclarationID,
    _ calls: inout [(DeclarationID, SourceRange)]
  ) {
    switch expression.kind {
    case .name(let name) where !parameters.contains(name):
      let known = checker.names(forReportAt: expression.range) { Array(parameters) }
      let hint = "a function sees its parameters only"
      fault(.unknownName(name, "name", at: expression.range, among: known, hint: hint), in: id)
    case .next(let name):
      fault(.notAState(name, at: expression.range, states: []), in: id)
    case .invalid:
      checker.faultyFunctions.insert(id)
    case .call(let name, let arguments):
      if let callee = program.lookup(name.text, in: id.module) {
        switch program[callee] {
        case .function(let function):
          calls.append((callee, name.range))
          let count = function.parameters.count
          if !function.isInvalid, arguments.count != count {
            fault(
              .argumentCount(
                function.signature, expected: count...count, found: arguments.count, at: name.range),
              in: id)
          }
        case .unit, .importation:
          fault(
            .notAValue(
              name.text, "a cell", at: name.range,
              hint: "a function is a formula: make the instance in a cell or model"),
            in: id)
        }
      } else if let builtin = Builtin(rawValue: name.text) {
        let count = arguments.count { $0.label == nil }
        if !builtin.argumentCount.contains(count) {
          fault(
            .argumentCount(builtin.signature, expected: builtin.argumentCount, found: count, at: name.range),
            in: id)
        }
      } else if name.text == BodyChecker.copier {
        fault(.headsAreNoValue(name), in: id)
      } else {
        let known = checker.names(forReportAt: name.range) {
          Builtin.names + program.names(in: id.module) { if case .function = $0 { true } else { false } }
        }
        fault(.unknownFunction(name, "function", among: known), in: id)
      }
      var values = arguments[...]
      if Builtin(rawValue: name.text) == .composed(.each), program.lookup(name.text, in: id.module) == nil,
        let function = values.popFirst()?.value
      {
        checkFunctionName(function, id, &calls)
      }
      for argument in values {
        if !argument.isAxis {
          visit(argument.value, parameters: parameters, id, &calls)
        } else if MatrixAxis(argument.value) == nil, !argument.value.isInvalid {
          fault(.notAnAxis(argument.value), in: id)
        }
      }
      return
    default: break
    }
    for child in expression.kind.children { visit(child, parameters: parameters, id, &calls) }
  }

  /// Checks the name of the function that another one applies.
  private func checkFunctionName(
    _ expression: Expression, _ id: DeclarationID, _ calls: inout [(DeclarationID, SourceRange)]
  ) {
    guard case .name(let name) = expression.kind, program.isFunction(name, in: id.module) else {
      return fault(checker.notAFunction(expression, in: id.module), in: id)
    }
    if let callee = program.lookup(name, in: id.module) { calls.append((callee, expression.range)) }
  }

  private func fault(_ diagnostic: Diagnostic, in id: DeclarationID) {
    checker.report(diagnostic)
    checker.faultyFunctions.insert(id)
  }

  /// The groups of functions that call each other in a circle, by Tarjan's algorithm with a stack of its own: a chain
  /// of calls can be long.
  private func cycles(of callees: [DeclarationID: [(DeclarationID, SourceRange)]]) -> [Set<DeclarationID>] {
    var order: [DeclarationID: Int] = [:]
    var low: [DeclarationID: Int] = [:]
    var (open, isOpen): ([DeclarationID], Set<DeclarationID>) = ([], [])
    var cycles: [Set<DeclarationID>] = []
    var path: [(id: DeclarationID, next: Int)] = []
    func enter(_ id: DeclarationID) {
      (order[id], low[id]) = (order.count, order.count)
      open.append(id)
      isOpen.insert(id)
      path.append((id, 0))
    }
    for start in callees.keys.sorted() where order[start] == nil {
      enter(start)
      while let (id, next) = path.last {
        let calls = callees[id] ?? []
        if next < calls.count {
          path[path.count - 1].next += 1
          let callee = calls[next].0
          if order[callee] == nil {
            enter(callee)
          } else if isOpen.contains(callee) {
            low[id] = min(low[id, default: 0], order[callee, default: 0])
          }
          continue
        }
        path.removeLast()
        if let caller = path.last?.id { low[caller] = min(low[caller, default: 0], low[id, default: 0]) }
        guard low[id] == order[id], let first = open.lastIndex(of: id) else { continue }
        let group = Set(open[first...])
        open.removeSubrange(first...)
        isOpen.subtract(group)
        if group.count > 1 || calls.contains(where: { $0.0 == id }) { cycles.append(group) }
      }
    }
    return cycles
  }

  /// Reports functions that call each other in a circle: the shortest chain of calls that leads from the first of them
  /// back to it, at its last call.
  private func report(
    _ group: Set<DeclarationID>, _ callees: [DeclarationID: [(DeclarationID, SourceRange)]]
  ) {
    // Each function of the cycle is at fault, but the cycle is one fault.
    defer { checker.faultyFunctions.formUnion(group) }
    guard checker.faultyFunctions.isDisjoint(with: group), let start = group.min() else { return }
    var cameFrom: [DeclarationID: DeclarationID] = [:]
    var queue = [start]
    var next = 0
    while next < queue.count {
      let id = queue[next]
      next += 1
      for (callee, site) in callees[id] ?? [] where group.contains(callee) {
        if callee == start {
          var chain = [id]
          while let last = chain.last, last != start, let before = cameFrom[last] { chain.append(before) }
          let names = (chain.reversed() + [start]).compactMap { program[$0].name?.text }
          checker.report(.recursion("fn", names, at: site))
          return
        }
        if cameFrom[callee] == nil {
          cameFrom[callee] = id
          queue.append(callee)
        }
      }
    }
  }
}

extension FunctionDeclaration {
  /// Whether it could not be read; its parameters may be missing.
  var isInvalid: Bool { body.isInvalid }

  var signature: String { "\(name.text)(\(parameters.map(\.text).joined(separator: ", ")))" }
}

extension Expression {
  /// Whether it could not be read, which is reported.
  var isInvalid: Bool { if case .invalid = kind { true } else { false } }
}
