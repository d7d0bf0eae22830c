import RNNGraph
import RNNLLVM
import RNNPlan

// The numbers of the program, which are a part of the module that holds its entry.
extension ProgramEmitter {
  /// The address of the numbers of a table, which are a part of the module.
  func data(of table: NumberTable, _ element: ElementType) -> IRValue {
    let key = TableKey(table: table, element: element)
    if let known = tables[key] { return known }
    let bytes = element.bytes(of: table.numbers)
    let data = module.data("\(plan.entryName)_table\(tables.count)", bytes, alignment: Buffer.alignment)
    tables[key] = data
    return data
  }

  /// Numbers as elements of a type.
  struct TableKey: Hashable {
    let table: NumberTable
    let element: ElementType
  }
}

extension ElementType {
  /// The bytes of numbers that are rounded to this type, as they lie in memory.
  fileprivate func bytes(of numbers: [Double]) -> [UInt8] {
    func bytes<Number>(_ numbers: [Number]) -> [UInt8] { numbers.withUnsafeBytes { Array($0) } }
    return switch self {
    case .f32: bytes(numbers.map(Float.init))
    case .f64: bytes(numbers)
    case .i32, .bool: preconditionFailure("a table holds floats")
    }
  }
}
