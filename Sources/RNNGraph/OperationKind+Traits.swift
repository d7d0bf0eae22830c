/// What is true of an operation wherever it stands. See `OperationKind.traits`.
public struct OperationTraits: OptionSet, Sendable {
  /// One bit for each trait.
  public let rawValue: UInt16

  /// Makes a set from its bits.
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// It computes each element of its result from one element of each operand, at the same place.
  public static let elementwise = OperationTraits(rawValue: 1 << 0)
  /// Each element of its result is an element of its first operand.
  public static let moving = OperationTraits(rawValue: 1 << 1)
  /// It moves elements so that a reader can always look through it: to be read at other places, by an affine map.
  public static let view = OperationTraits(rawValue: 1 << 2)
  /// Where it is read it costs next to nothing to compute an element: it is stored only if it must lie in memory.
  public static let leaf = OperationTraits(rawValue: 1 << 3)
  /// It is looked up where it is read, and has as many elements as its operands: never worth a store.
  public static let free = OperationTraits(rawValue: 1 << 4)
  /// It says the same number again and again, along some axes or all.
  public static let repeating = OperationTraits(rawValue: 1 << 5)
  /// It moves or marks elements, so that a backward loop makes it again rather than to read what a forward loop stored.
  public static let remade = OperationTraits(rawValue: 1 << 6)
  /// It is a fast instruction for an element: cheaper than a store and a load of its result.
  public static let cheap = OperationTraits(rawValue: 1 << 7)
  /// It does more work than its result has elements: it is a loop of its own.
  public static let costly = OperationTraits(rawValue: 1 << 8)
  /// It adds up elements of its operands, so that one such operation can add up those of all steps of a loop.
  public static let summing = OperationTraits(rawValue: 1 << 9)
  /// The sum of its results is its result on the sums of its operands, whatever these are.
  public static let linear = OperationTraits(rawValue: 1 << 10)
  /// The order of its operands makes no difference.
  public static let commutative = OperationTraits(rawValue: 1 << 11)
}

extension OperationKind {
  /// What is true of an operation of this kind wherever it stands.
  ///
  /// This is the only place that says so: a new kind gets its traits here, and passes and planner ask for these. What they
  /// ask otherwise depends on attributes and types, by switches that have a case for every kind.
  public var traits: OperationTraits {
    switch self {
    case .constant, .size: [.leaf, .free, .repeating]
    // It lies in memory already.
    case .table: .free
    case .iota: [.leaf, .free]
    case .random: .leaf
    case .unary(let function): [.elementwise, OperationTraits(function.traits)]
    case .binary(let function): [.elementwise, OperationTraits(function.traits)]
    case .compare(let comparison): [.elementwise, .cheap, comparison == .equal ? .commutative : []]
    case .select: [.elementwise, .cheap]
    case .convert: [.elementwise, .cheap, .free, .remade]
    // A loop keeps what went straight through: that is one value, and its operands are two.
    case .surrogate(.straightThrough): [.moving, .view, .free]
    case .surrogate(.stop), .surrogate(.clip): [.moving, .view, .free, .remade]
    case .dot, .reduce(.sum, _, _), .scatterAdd: [.costly, .summing]
    case .reduce(.maximum, _, _), .reduce(.minimum, _, _), .scan: .costly
    case .broadcast: [.moving, .view, .free, .repeating, .remade, .linear]
    // A view only if axes are not mixed.
    case .reshape: [.moving, .free, .remade, .linear]
    case .transpose, .reverse: [.moving, .view, .free, .linear]
    case .slice: [.moving, .view, .linear]
    case .pad: [.free, .linear]
    case .concat: .linear
    case .reversePrefix: [.moving, .leaf]
    case .oneHot: [.leaf, .free, .remade]
    case .gather: .leaf
    }
  }
}

extension OperationTraits {
  /// What an elementwise operation has of its function.
  fileprivate init(_ function: FunctionTraits) {
    self = []
    if function.contains(.linear) { insert(.linear) }
    if function.contains(.cheap) { insert(.cheap) }
    if function.contains(.commutative) { insert(.commutative) }
  }
}
