import RNNGraph

/// A whole number that may depend on numbers of steps: a sum of products of symbols with coefficients.
///
/// `2·T·S + 3` has the terms `[T, S]: 2` and `[]: 3`. The batch is bound before a plan is made and does not appear.
public struct Size: Hashable, Sendable, CustomStringConvertible, ExpressibleByIntegerLiteral {
  /// The coefficient of each product of symbols; the symbols of a product are sorted, no coefficient is 0.
  public private(set) var terms: [[Symbol]: Int]

  /// Makes a number.
  public init(_ number: Int) { terms = number == 0 ? [:] : [[]: number] }
  /// Makes a number.
  public init(integerLiteral value: Int) { self.init(value) }
  /// Makes the size that a symbol stands for.
  public init(_ symbol: Symbol) { terms = [[symbol]: 1] }

  /// The number if it depends on no symbol.
  public var constant: Int? {
    if terms.isEmpty { return 0 }
    return terms.count == 1 ? terms[[]] : nil
  }

  /// The sum of two sizes.
  public static func + (a: Size, b: Size) -> Size {
    var sum = a
    for (symbols, factor) in b.terms {
      let total = (sum.terms[symbols] ?? 0) + factor
      sum.terms[symbols] = total == 0 ? nil : total
    }
    return sum
  }

  /// The product of two sizes.
  public static func * (a: Size, b: Size) -> Size {
    var product = Size(0)
    for (s, x) in a.terms {
      for (t, y) in b.terms {
        var term = Size(0)
        term.terms[(s + t).sorted()] = x * y
        product = product + term
      }
    }
    return product
  }

  /// The difference of two sizes.
  public static func - (a: Size, b: Size) -> Size { a + b * Size(-1) }

  /// The size with another symbol in place of each that `map` has.
  public func replacing(_ map: [Symbol: Symbol]) -> Size {
    terms.reduce(Size(0)) { sum, term in
      sum + term.key.reduce(Size(term.value)) { $0 * Size(map[$1] ?? $1) }
    }
  }

  /// The number, with values for the symbols.
  public func evaluate(_ sizes: [Symbol: Int]) -> Int {
    terms.reduce(0) { sum, term in sum + term.value * term.key.reduce(1) { $0 * (sizes[$1] ?? 0) } }
  }

  /// Whether it is a multiple of a number, whatever the symbols stand for.
  public func isMultiple(of number: Int) -> Bool { terms.values.allSatisfy { $0.isMultiple(of: number) } }

  /// The size with other coefficients.
  public func mapCoefficients(_ transform: (Int) -> Int) -> Size {
    var size = self
    size.terms = terms.mapValues(transform).filter { $0.value != 0 }
    return size
  }

  /// The quotient by a number of which it is a multiple.
  public func divided(by number: Int) -> Size {
    mapCoefficients { $0 / number }
  }

  /// The number if every symbol stands for `steps`.
  public func withSteps(_ steps: Int) -> Int {
    terms.reduce(0) { sum, term in sum + term.value * term.key.reduce(1) { product, _ in product * steps } }
  }

  public var description: String {
    if terms.isEmpty { return "0" }
    let sorted = terms.sorted { ($0.key.count, "\($0.key)") > ($1.key.count, "\($1.key)") }
    return sorted.map { symbols, factor in
      symbols.isEmpty
        ? "\(factor)" : (factor == 1 ? "" : "\(factor)·") + symbols.map(\.planText).joined(separator: "·")
    }.joined(separator: " + ")
  }
}
