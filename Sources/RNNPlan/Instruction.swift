import RNNGraph

/// One instruction of a kernel's body: a value for each point of the domain.
///
/// Operands are positions of earlier instructions.
public enum Instruction: Hashable, Sendable {
  /// An element of a buffer.
  case load(Access)
  /// An element of the row of a table that an id names; the access is the one in row 0.
  case loadRow(Access, id: Int, TableRows)
  /// A number.
  case constant(Double, ElementType)
  /// A whole number that depends on numbers of steps, as a float.
  case size(Size, ElementType)
  /// A running index, as `i32`.
  case index(Affine)
  /// The product number `0...` of the kernel.
  case accumulator(Int, ElementType)
  /// The random number of a key, a stream, a counter and a position, all `i32`. See `uniformRandom`.
  case random(key: Int, counter: Int, position: Int, stream: Int, ElementType)
  case unary(UnaryFunction, Int)
  case binary(BinaryFunction, Int, Int)
  case compare(Comparison, Int, Int)
  case select(Int, Int, Int)
  case convert(ElementType, Int)
  /// The values of a sweep's matrix, row or column combined over its rows, its columns, or both.
  case combine(Reduction, SweepAxes, Int)
}

/// The rows of a table that ids name.
public struct TableRows: Hashable, Sendable {
  /// How many there are.
  public var count: Size
  /// Elements from one to the next.
  public var stride: Size

  /// Rows of a table.
  public init(count: Size, stride: Size) {
    self.count = count
    self.stride = stride
  }
}

extension Instruction {
  /// The instructions whose values it takes.
  public var operands: [Int] {
    switch self {
    case .load, .constant, .size, .index, .accumulator: []
    case .loadRow(_, let id, _): [id]
    case .random(let key, let counter, let position, _, _): [key, counter, position]
    case .unary(_, let a), .convert(_, let a), .combine(_, _, let a): [a]
    case .binary(_, let a, let b), .compare(_, let a, let b): [a, b]
    case .select(let condition, let a, let b): [condition, a, b]
    }
  }

  /// The type of its value, given those of its operands' values and of the elements of buffers.
  public func type(_ operand: (Int) -> ElementType, _ buffer: (BufferID) -> ElementType) -> ElementType {
    switch self {
    case .load(let access), .loadRow(let access, _, _): buffer(access.buffer)
    case .constant(_, let own), .size(_, let own), .accumulator(_, let own), .convert(let own, _),
      .random(_, _, _, _, let own):
      own
    case .index: .i32
    case .compare: .bool
    case .unary(_, let a), .binary(_, let a, _), .select(_, let a, _), .combine(_, _, let a): operand(a)
    }
  }

  /// What it reads from memory; of a row that an id names, what it would read in row 0.
  public var access: Access? {
    switch self {
    case .load(let access), .loadRow(let access, _, _): access
    case .constant, .size, .index, .accumulator, .random, .unary, .binary, .compare, .select, .convert,
      .combine:
      nil
    }
  }

  /// The form over the domain that it evaluates.
  public var form: Affine? { if case .index(let form) = self { form } else { access?.index } }

  /// The same instruction with another access.
  public func mappingAccess(_ transform: (Access) -> Access) -> Instruction {
    switch self {
    case .load(let access): .load(transform(access))
    case .loadRow(let access, let id, let rows): .loadRow(transform(access), id: id, rows)
    case .constant, .size, .index, .accumulator, .random, .unary, .binary, .compare, .select, .convert,
      .combine:
      self
    }
  }

  /// The same instruction with another form over the domain.
  public func mappingForm(_ transform: (Affine) -> Affine) -> Instruction {
    if case .index(let form) = self { return .index(transform(form)) }
    return mappingAccess { Access(buffer: $0.buffer, index: transform($0.index), isOwned: $0.isOwned) }
  }
}

extension Kernel {
  /// What the body reads from memory.
  public var loads: [Access] { body.compactMap(\.access) }
}
