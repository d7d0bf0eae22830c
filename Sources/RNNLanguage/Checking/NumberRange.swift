import RNNGraph
import RNNSupport

extension CheckedCell {
  /// The numbers of the program that an element type turns to infinity or to 0, as errors.
  func numbersOutOfRange(of element: ElementType) -> DiagnosticSet {
    var found = DiagnosticSet()
    guard element == .f32 else { return found }
    var visited: Set<ObjectIdentifier> = []
    var cells = [self]
    while let cell = cells.popLast() {
      guard visited.insert(ObjectIdentifier(cell)).inserted else { continue }
      for node in cell.nodes {
        guard case .literal(let number) = node.operation, number.isFinite, node.type.element == .number else {
          continue
        }
        if !Float(number).isFinite || (Float(number) == 0) != (number == 0) {
          found.report(.numberOutOfRange(of: element, number, at: node.site))
        }
      }
      for constant in cell.constants {
        // What is too small for the type is 0, as in any computation with it.
        guard let number = constant.table.numbers.first(where: { $0.isFinite && !Float($0).isFinite }) else {
          continue
        }
        found.report(.numberOutOfRange(of: element, number, at: constant.site))
      }
      cells += cell.instances.map(\.cell)
    }
    return found
  }
}

extension Diagnostic {
  fileprivate static func numberOutOfRange(of element: ElementType, _ number: Double, at site: SourceRange)
    -> Diagnostic
  {
    Diagnostic(
      "number-out-of-range", "\(spelled(number)) is out of range of \(element)", at: site,
      notes: [
        Note("its numbers other than 0 go from 1.4e-45 to 3.4e38; those of f64 (--dtype f64) go further")
      ])
  }
}
