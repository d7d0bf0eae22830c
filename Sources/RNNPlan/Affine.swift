import RNNGraph

/// A running index: of an axis of a kernel's domain, or of a loop over time.
public enum Index: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The index along an axis of the domain.
  case axis(Int)
  /// The step, counted in the order of the sequences, of a loop around the kernel.
  case loop(Int)
  /// 0 in even iterations of a loop and 1 in odd ones, whichever way it runs.
  case parity(Int)
  /// 1 less the parity.
  case oppositeParity(Int)
  /// 0 for an even number of steps and 1 for an odd one.
  case stepsParity(Symbol)

  public var description: String {
    switch self {
    case .axis(let i): "i\(i)"
    case .loop(let l): "t\(l)"
    case .parity(let l): "p\(l)"
    case .oppositeParity(let l): "q\(l)"
    case .stepsParity(let symbol): "odd(\(symbol.planText))"
    }
  }
}

/// A sum of running indices with factors, and a constant.
public struct Affine: Hashable, Sendable, CustomStringConvertible {
  /// What does not depend on a running index.
  public var constant: Size
  /// The factor of each running index; none is 0.
  public var factors: [Index: Size]

  /// Makes a constant.
  public init(_ constant: Size) {
    self.constant = constant
    factors = [:]
  }

  /// Makes a multiple of an index.
  public init(_ index: Index, times factor: Size = 1) {
    constant = 0
    factors = factor == 0 ? [:] : [index: factor]
  }

  /// The sum of two forms.
  public static func + (a: Affine, b: Affine) -> Affine {
    var sum = a
    sum.constant = a.constant + b.constant
    for (index, factor) in b.factors {
      let total = (sum.factors[index] ?? 0) + factor
      sum.factors[index] = total == 0 ? nil : total
    }
    return sum
  }

  /// A multiple of a form.
  public static func * (a: Affine, factor: Size) -> Affine {
    var product = Affine(a.constant * factor)
    for (index, f) in a.factors where f * factor != 0 { product.factors[index] = f * factor }
    return product
  }

  /// The factor of an axis of the domain.
  public func factor(ofAxis axis: Int) -> Size { factors[.axis(axis)] ?? 0 }

  /// The forms of the axes of a domain.
  public static func axes(_ count: Int) -> [Affine] { (0..<count).map { Affine(.axis($0)) } }

  /// The form with each axis index replaced by a form.
  public func substituting(_ forms: [Affine]) -> Affine {
    var sum = Affine(constant)
    for (index, factor) in factors {
      if case .axis(let i) = index {
        sum = sum + forms[i] * factor
      } else {
        sum = sum + Affine(index, times: factor)
      }
    }
    return sum
  }

  public var description: String {
    let parts = factors.sorted { $0.key < $1.key }.map { index, factor in
      factor == 1 ? "\(index)" : "\(index)·\(factor.constant == nil ? "(\(factor))" : "\(factor)")"
    }
    return (constant == 0 && !parts.isEmpty ? parts : parts + ["\(constant)"]).joined(separator: " + ")
  }
}
