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
      Access(buffer: access.buffer, index: transform(access.index), isOwned: access.isOwned)
    }
    body = body.map { $0.mappingForm(transform) }
    stores = stores.map { Store(access: map($0.access), value: $0.value) }
    bound = bound.map { Bound(index: transform($0.index), limit: $0.limit) }
    start = start.map(map)
  }

  /// Every form over the domain that the kernel evaluates outside of the product.
  public var forms: [Affine] {
    body.compactMap(\.form) + stores.map(\.access.index) + (bound.map { [$0.index] } ?? [])
      + (start.map { [$0.index] } ?? [])
  }
}
