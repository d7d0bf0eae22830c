import RNNGraph
import RNNPlan

// What follows from a kernel, and is decided by nobody.

extension Kernel {
  /// The last axis of the domain, which is vectorised; a scalar's domain has a unit axis.
  public var lastAxis: Int { max(domain.count - 1, 0) }

  /// The axis of a product's rows.
  public var rowAxis: Int { domain.count - 2 }

  /// The extent of an axis if it is known and one thread covers it whole.
  public func wholeExtent(ofAxis axis: Int) -> Int? {
    switch split {
    case .batch(let split), .axis(let split, _):
      if split == axis { return nil }
    case .none: break
    }
    return axis < domain.count ? domain[axis].constant : 1
  }

  /// Whether each thread's columns fill vectors of so many elements.
  public func fillsVectors(of lanes: Int) -> Bool {
    guard let width = domain.last, width.isMultiple(of: lanes) else { return false }
    return switch split {
    case .batch(lastAxis): false
    case .axis(lastAxis, let multiple): multiple % lanes == 0
    case .batch, .axis, .none: true
    }
  }

  /// How many rows a thread may have, if that is known.
  public func possibleRows(threads: Int) -> [Int]? {
    guard let rows = domain[rowAxis].constant else { return nil }
    switch split {
    case .none: return [rows]
    case .batch(let axis):
      return axis == rowAxis ? [rows / threads, (rows + threads - 1) / threads] : [rows]
    case .axis(let axis, _): return axis == rowAxis ? nil : [rows]
    }
  }

  /// What the body of a product reads and writes beside the sums, in lines of its own for each row.
  public var accessesBesideSums: [Access] {
    var accesses: [Access] = []
    func add(_ access: Access) {
      guard access.index.factor(ofAxis: lastAxis) == 1, access.index.factor(ofAxis: rowAxis) != 0,
        !accesses.contains(access)
      else { return }
      accesses.append(access)
    }
    for case .load(let access) in body { add(access) }
    for store in stores { add(store.access) }
    return accesses
  }

  /// Whether a sweep has sums over columns, which go by the parts in which these are taken.
  public var combinesColumns: Bool {
    body.contains { if case .combine(_, let over, _) = $0 { over.contains(.columns) } else { false } }
  }

  /// Whether the last of a product's tiles may have fewer rows than its panels of copies.
  public var mayHaveLowTiles: Bool {
    guard let product, product.blocks != nil else { return false }
    return !domain[rowAxis].isMultiple(of: product.tile.rows)
  }

  /// Whether the body is so long that its code is there once for all rows of a tile, and that two registers pay.
  func isLong(_ machine: Machine) -> Bool { body.count >= machine.instructionsOfLongBody }
}

extension Product {
  /// Whether the columns are packed, and a tile of vectors of so many elements takes a whole panel of them. Narrower ones
  /// take it in several steps.
  public func fillsPanel(lanes: Int) -> Bool {
    if case .packed(let panel, _) = rhs.layout { panel == tile.vectors * lanes } else { false }
  }
}

extension KernelForm {
  /// The types of all values of vectors.
  public var elementTypes: [ElementType] {
    var types = kernel.body.compactMap { instruction -> ElementType? in
      switch instruction {
      case .load(let access), .loadRow(let access, _, _): elements[access.buffer.index]
      case .constant(_, let element), .size(_, let element), .accumulator(_, let element),
        .convert(let element, _), .random(_, _, _, _, let element):
        element
      case .index, .unary, .binary, .compare, .select, .combine: nil
      }
    }
    types += kernel.stores.map { elements[$0.access.buffer.index] }
    if let product = kernel.product { types.append(product.element) }
    return types
  }

  /// The loads whose elements lie apart along the last axis.
  public var stridedLoads: [(number: Int, access: Access)] {
    kernel.body.enumerated().compactMap { number, instruction in
      guard case .load(let access) = instruction else { return nil }
      let factor = access.index.factor(ofAxis: kernel.lastAxis)
      return factor == 0 || factor == 1 || elements[access.buffer.index] == .bool ? nil : (number, access)
    }
  }
}
