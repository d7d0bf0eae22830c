/// The extent of an axis: a number and multiples of named sizes, such as `2*H + 1`.
struct Extent: Hashable, Sendable {
  var constant = 0
  var multiples: [String: Int] = [:]

  init(_ constant: Int) { self.constant = constant }
  init(_ size: String) { multiples = [size: 1] }

  static func + (a: Extent, b: Extent) -> Extent {
    var sum = a
    sum.constant += b.constant
    for (size, count) in b.multiples { sum.multiples[size, default: 0] += count }
    return sum
  }

  static func * (factor: Int, a: Extent) -> Extent {
    var product = Extent(factor * a.constant)
    product.multiples = a.multiples.mapValues { $0 * factor }
    return product
  }

  /// The extent without its last `count` elements.
  func without(_ count: Int) -> Extent { self + Extent(-count) }

  /// A part of `count` equal ones, if they are equal for all sizes.
  func divided(by count: Int) -> Extent? {
    guard constant % count == 0, multiples.values.allSatisfy({ $0 % count == 0 }) else { return nil }
    var part = Extent(constant / count)
    part.multiples = multiples.mapValues { $0 / count }
    return part
  }

  /// The number of elements if every size is 1, the least that it may be.
  var minimum: Int { constant + multiples.values.reduce(0, +) }

  func value(_ sizes: [String: Int]) -> Int {
    multiples.reduce(constant) { $0 + $1.value * (sizes[$1.key] ?? 1) }
  }

  /// The extent where sizes stand for extents of another unit.
  func replacing(_ sizes: [String: Extent]) -> Extent {
    multiples.reduce(Extent(constant)) { $0 + $1.value * (sizes[$1.key] ?? Extent(1)) }
  }

  /// The extent in both languages.
  var text: String {
    var terms = multiples.sorted { $0.key < $1.key }.filter { $0.value != 0 }
      .map { $0.value == 1 ? $0.key : "\($0.value)*\($0.key)" }
    if constant > 0 || terms.isEmpty { terms.append("\(constant)") }
    return terms.joined(separator: " + ") + (constant < 0 ? " - \(-constant)" : "")
  }
}

extension [Extent] {
  /// A shape in the language: `[2*H, I]`.
  var text: String { "[" + map(\.text).joined(separator: ", ") + "]" }

  /// The same with a division that comes out even: `[(4*H + 2)/2, I]`.
  var longText: String {
    guard let first, count == 2, first.multiples.count == 1, first.constant != 0 else { return text }
    return "[(\((2 * first).text))/2, \(self[1].text)]"
  }

  /// A shape in Python: `(2*H, I,)`.
  var python: String { "(" + map { $0.text + "," }.joined(separator: " ") + ")" }

  func replacing(_ sizes: [String: Extent]) -> [Extent] { map { $0.replacing(sizes) } }
}
