import RNNGraph
import RNNPlan

extension Kernel {
  /// The kernel with as few axes as it can have: unit axes are gone, and those are joined along which all indices go on
  /// evenly. Products are made with such axes.
  ///
  /// - Parameter keepingExamples: whether the axis of examples stays as it is, because the threads share it.
  func withFewestAxes(keepingExamples: Bool) -> Kernel {
    if product != nil || kind == .sweep { return self }
    var kernel = self
    kernel.dropUnitAxes()
    kernel.joinAxes(keepingExamples: keepingExamples)
    return kernel
  }

  private mutating func dropUnitAxes() {
    if case .scatterAdd = kind { return }
    let rank = domain.count
    for axis in (0..<rank).reversed() where domain[axis] == 1 && domain.count > 1 {
      if case .reduce(let reduction, let axes, let keepsLast) = kind {
        if reducedAxes.contains(axis) {
          // The last reduced axis stays: it makes the kernel a reduction.
          if axes == 1 { continue }
          kind = .reduce(reduction, axes: axes - 1, keepsLast: keepsLast)
        } else if keepsLast, axis == domain.count - 1 {
          // A chain of a single number stays one.
          if needsChains { continue }
          kind = .reduce(reduction, axes: axes, keepsLast: false)
        }
      }
      var forms = Affine.axes(domain.count)
      forms[axis] = Affine(0)
      for later in (axis + 1)..<max(axis + 1, domain.count) { forms[later] = Affine(.axis(later - 1)) }
      var rest = domain
      rest.remove(at: axis)
      remap(forms, domain: rest)
      if let b = examples { examples = b == axis ? nil : b > axis ? b - 1 : b }
    }
  }

  private mutating func joinAxes(keepingExamples: Bool) {
    var axis = domain.count - 2
    while axis >= 0 {
      defer { axis -= 1 }
      let inner = domain[axis + 1]
      if keepingExamples, examples == axis || examples == axis + 1 { continue }
      guard self.forms.allSatisfy({ $0.factor(ofAxis: axis) == $0.factor(ofAxis: axis + 1) * inner })
      else { continue }
      switch kind {
      case .map: break
      case .scatterAdd, .sweep: continue
      case .reduce(let reduction, let axes, let keepsLast):
        let reduced = reducedAxes
        guard reduced.contains(axis) == reduced.contains(axis + 1) else { continue }
        if reduced.contains(axis) { kind = .reduce(reduction, axes: axes - 1, keepsLast: keepsLast) }
      }
      var forms = Affine.axes(domain.count)
      forms[axis] = Affine(0)
      for later in (axis + 1)..<domain.count { forms[later] = Affine(.axis(later - 1)) }
      var rest = domain
      rest[axis] = rest[axis] * inner
      rest.remove(at: axis + 1)
      remap(forms, domain: rest)
      if let b = examples { examples = b == axis || b == axis + 1 ? nil : b > axis ? b - 1 : b }
    }
  }
}
