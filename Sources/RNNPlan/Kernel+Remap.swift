import RNNGraph

extension Kernel {
  /// Rewrites the domain: `forms` give the old axes as forms of the new ones.
  public mutating func remap(_ forms: [Affine], domain: [Size]) {
    self.domain = domain
    mapForms { $0.substituting(forms) }
  }

  /// Rewrites every form over the domain outside of the product.
  public mutating func mapForms(_ transform: (Affine) -> Affine) {
    func map(_ access: Access) -> Access {
      var access = access
      access.index = transform(access.index)
      return access
    }
    body = body.map { instruction in
      switch instruction {
      case .load(let access): .load(map(access))
      case .loadRow(let access, let id, let stride): .loadRow(map(access), id: id, rowStride: stride)
      case .index(let form): .index(transform(form))
      case .constant, .size, .accumulator, .random, .unary, .binary, .compare, .select, .convert: instruction
      }
    }
    stores = stores.map { Store(access: map($0.access), value: $0.value) }
    bound = bound.map { Bound(index: transform($0.index), limit: $0.limit) }
    start = start.map(map)
  }

  /// Every form over the domain that the kernel evaluates outside of the product.
  public var forms: [Affine] {
    body.compactMap { instruction in
      switch instruction {
      case .load(let access), .loadRow(let access, _, _): access.index
      case .index(let form): form
      case .constant, .size, .accumulator, .random, .unary, .binary, .compare, .select, .convert: nil
      }
    } + stores.map(\.access.index) + (bound.map { [$0.index] } ?? []) + (start.map { [$0.index] } ?? [])
  }
}
