import RNNGraph
import RNNInterpreter
import RNNTestSupport
import Testing

/// What functions and operations say of themselves is what they compute.
@Suite struct TraitTests {
  /// Numbers of all sizes, on both sides of 0, none of which is a place of a kink, step or pole.
  private static let numbers: [Double] = [
    -800, -30, -2.5, -1.25, -0.75, -0.01, 0.01, 0.625, 1.125, 3, 40, 900,
  ]

  @Test(arguments: UnaryFunction.allCases) func unary(_ function: UnaryFunction) {
    let (f, traits) = (function.evaluate, function.traits)
    let values = Self.numbers.map(f)
    let pairs = Self.numbers.flatMap { x in Self.numbers.map { (x, $0) } }
    #expect(traits.contains(.linear) == pairs.allSatisfy { f($0 + $1) == f($0) + f($1) }, "linear")
    #expect(
      traits.contains(.partial) == (Self.numbers + [0]).contains { !f($0).isFinite }, "partial")
    #expect(traits.contains(.bounded) == values.allSatisfy { abs($0) <= 1 }, "bounded")
    let slopes = Self.numbers.filter { f($0).isFinite && abs($0) < 2 }.map { (f($0 + 1e-6) - f($0)) / 1e-6 }
    #expect(traits.contains(.flat) == slopes.allSatisfy { $0 == 0 }, "flat")
    let (left, right) = ((f(0) - f(-1e-6)) / 1e-6, (f(1e-6) - f(0)) / 1e-6)
    #expect(
      traits.contains(.kinked)
        == (left.isFinite && right.isFinite && abs(left) < 2 && abs(left - right) > 0.1),
      "kinked")
    #expect(!traits.contains(.commutative))
    // A power of c comes out of the function for every c, or for none.
    let degree = function.degree
    let isHomogeneous = Self.numbers.filter { f($0).isFinite && f(4 * $0) != 0 }.allSatisfy { x in
      guard let degree else { return false }
      return degree == 0.5 || degree == -0.5
        ? abs(f(4 * x) / f(x) - (degree > 0 ? 2 : 0.5)) < 1e-14
        : f(4 * x) == (degree == 0 ? 1 : degree > 0 ? 4 : 0.25) * f(x)
    }
    #expect(isHomogeneous == (degree != nil), "degree")
    if degree == nil {
      let ratios = [0.5, 1.125, 3].map { f(4 * $0) / f($0) }
      #expect(ratios.contains { abs($0 - ratios[0]) > 1e-9 }, "degree")
    }
  }

  @Test(arguments: BinaryFunction.allCases) func binary(_ function: BinaryFunction) {
    let (f, traits) = (function.evaluate, function.traits)
    let pairs = Self.numbers.flatMap { x in Self.numbers.map { (x, $0) } }
    #expect(traits.contains(.commutative) == pairs.allSatisfy { f($0, $1) == f($1, $0) }, "commutative")
    let isLinear = zip(pairs, pairs.reversed()).allSatisfy { a, b in
      abs(f(a.0 + b.0, a.1 + b.1) - f(a.0, a.1) - f(b.0, b.1)) < 1e-9
    }
    #expect(traits.contains(.linear) == isLinear, "linear")
    #expect(traits.contains(.partial) == ![f(1, 0), f(0, -1)].allSatisfy(\.isFinite), "partial")
    // Where an operand wins, the other one does not count.
    #expect(traits.contains(.kinked) == (f(3, 1) == f(3, 2) || f(2, 3) == f(2, 4)), "kinked")
  }

  /// An operation of every kind that says that it is linear, or that it moves elements.
  static let operations = [
    "negate %x : f64[2, 3]", "add %x, %y : f64[2, 3]", "subtract %x, %y : f64[2, 3]",
    "abs %x : f64[2, 3]", "multiply %x, %y : f64[2, 3]", "detach %x : f64[2, 3]",
    "straight_through %x, %y : f64[2, 3]", "clip_gradient %x bound(0.5) : f64[2, 3]",
    "broadcast %x axes(1, 2) : f64[4, 2, 3]", "reshape %x : f64[6]", "transpose %x axes(1, 0) : f64[3, 2]",
    "slice %x axis(1) front(1) count(2) : f64[2, 2]", "pad %x axis(0) front(1) to(4) : f64[4, 3]",
    "concat %x, %y axis(0) : f64[4, 3]", "reverse %x axis(1) : f64[2, 3]",
    "reduce_sum %x axes(1) : f64[2]", "reduce_maximum %x axes(1) : f64[2]",
    "dot %x, %y contract(1; 1) : f64[2, 2]", "select %c, %x, %y : f64[2, 3]",
    "reverse_prefix %x, %n axis(0) : f64[2, 3]",
  ]

  @Test(arguments: operations) func operation(_ text: String) throws {
    let graph = try Graph(
      parsing: """
        graph "one" {
          %x = data "x" : f64[2, 3]
          %y = data "y" : f64[2, 3]
          %c = data "c" : bool[2, 3]
          %n = data "n" : i32[3]
          %z = \(text)
          output "z" = %z
        }
        """)
    try graph.verify()
    let kind = try #require(graph.definingKind(graph.outputs[0].value))
    func result(_ x: [Double], _ y: [Double]) throws -> [Double] {
      let inputs = [
        "x": DenseArray(.f64, [2, 3], x), "y": DenseArray(.f64, [2, 3], y),
        "c": DenseArray(.bool, [2, 3], [1, 0, 1, 1, 0, 0]), "n": DenseArray(.i32, [3], [2, 1, 0]),
      ]
      return try #require(try Interpreter(graph).run(inputs: inputs)["z"]).numbers
    }
    let (x, y): ([Double], [Double]) = ([1, -2, 3, 4, -5, 6], [7, 8, -9, 10, 11, -12])
    let (found, swapped) = (try result(x, y), try result(y, x))
    if kind.traits.contains(.moving) { #expect(Set(found).isSubset(of: x)) }
    #expect(kind.traits.contains(.commutative) == (found == swapped && text.contains("%y")))
    if kind.traits.contains(.linear) {
      let sum = try result(zip(x, y).map(+), zip(y, x).map { $0 - 2 * $1 })
      let parts = zip(found, try result(y, x.map { -2 * $0 })).map(+)
      #expect(sum == parts)
    }
    if kind.traits.contains(.elementwise) {
      // What the first element is made of is all that it depends on.
      #expect(try result([1] + y.dropFirst(), [7] + x.dropFirst())[0] == found[0])
      #expect(found.count == x.count)
    }
  }
}
