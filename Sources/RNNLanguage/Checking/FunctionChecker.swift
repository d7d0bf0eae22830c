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
    for id in callees.keys.sorted() { findCycle(from: id, callees) }
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
      fault(.unknownName(name, "name", at: expression.range, among: Array(parameters)), in: id)
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
          if arguments.count != count {
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
      } else {
        let known =
          Builtin.names + program.names(in: id.module) { if case .function = $0 { true } else { false } }
        fault(.unknownName(name.text, "function", at: name.range, among: known), in: id)
      }
    default: break
    }
    for child in expression.kind.children { visit(child, parameters: parameters, id, &calls) }
  }

  private func fault(_ diagnostic: Diagnostic, in id: DeclarationID) {
    checker.report(diagnostic)
    checker.faultyFunctions.insert(id)
  }

  /// Reports a chain of calls that leads from a function back to it, at the first call of the chain.
  private func findCycle(
    from start: DeclarationID, _ callees: [DeclarationID: [(DeclarationID, SourceRange)]]
  ) {
    var cameFrom: [DeclarationID: DeclarationID] = [:]
    var queue = [start]
    while let id = queue.popLast() {
      for (callee, site) in callees[id] ?? [] {
        if callee == start {
          var chain = [id]
          while let last = chain.last, last != start, let before = cameFrom[last] { chain.append(before) }
          let names = (chain.reversed() + [start]).compactMap { program[$0].name?.text }
          // Each function of the cycle is at fault, but the cycle is one fault.
          if !checker.faultyFunctions.contains(start) { checker.report(.recursion("fn", names, at: site)) }
          checker.faultyFunctions.formUnion(chain)
          checker.faultyFunctions.insert(start)
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
  var signature: String { "\(name.text)(\(parameters.map(\.text).joined(separator: ", ")))" }
}
