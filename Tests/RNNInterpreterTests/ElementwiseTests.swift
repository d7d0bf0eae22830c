import Foundation
import RNNGraph
import RNNInterpreter
import Testing

@Suite struct ElementwiseTests {
  private static let unaryCases: [(word: String, operand: [Double], expected: [Double])] = [
    ("negate", [1.5, -0.0], [-1.5, 0]), ("reciprocal", [4, -0.5, 0], [0.25, -2, .infinity]),
    ("abs", [-2, 2, -.infinity], [2, 2, .infinity]), ("sign", [3, -0.25, 0], [1, -1, 0]),
    ("exp", [0, 1, -.infinity, 1000], [1, 2.718281828459045, 0, .infinity]),
    ("log", [1, 2.718281828459045, 0], [0, 1, -.infinity]), ("sqrt", [0, 2.25], [0, 1.5]),
    ("rsqrt", [4, 0.25, 0], [0.5, 2, .infinity]),
    ("tanh", [0, 0.5, 100, -100], [0, 0.46211715726000975, 1, -1]),
    (
      "sigmoid", [0, 2, -2, 1000, -1000, -700],
      [0.5, 0.8807970779778823, 0.11920292202211755, 1, 0, 9.85967654375977e-305]
    ),
    ("sin", [0, 0.5], [0, 0.479425538604203]), ("cos", [0, 0.5], [1, 0.8775825618903728]),
    ("softplus", [0, 1000, -1000, -40], [0.6931471805599453, 1000, 0, 4.248354255291589e-18]),
    ("expm1", [0, 1, 1e-10, -50], [0, 1.7182818284590453, 1.00000000005e-10, -1]),
    ("log1p", [0, 1, 1e-10, -1], [0, 0.6931471805599453, 9.9999999995e-11, -.infinity]),
    (
      "erf", [0, 0.5, -1, 1e-10, 30], [0, 0.5204998778130465, -0.8427007929497149, 1.1283791670955126e-10, 1]
    ),
    ("floor", [1.5, -1.5, -2, 0.25], [1, -2, -2, 0]), ("round", [0.5, 1.5, -2.5, 2.75], [0, 2, -2, 3]),
  ]

  @Test(arguments: unaryCases)
  func unaryFunctions(word: String, operand: [Double], expected: [Double]) throws {
    let type = "f64[\(operand.count)]"
    let x = DenseArray(.f64, [operand.count], operand)
    let result = try #require(try evaluate(one: "\(word) %x : \(type)", [(type, x)]))
    for (found, wanted) in zip(result.numbers, expected) {
      #expect(
        found == wanted || abs(found - wanted) <= 4e-16 * abs(wanted), "\(word): \(found), not \(wanted)")
    }
  }

  @Test func everyFunctionHasACase() {
    #expect(Set(Self.unaryCases.map(\.word)) == Set(UnaryFunction.allCases.map(\.rawValue)))
    #expect(Set(Self.binaryCases.map(\.word)) == Set(BinaryFunction.allCases.map(\.rawValue)))
  }

  @Test func everyUnaryFunctionKeepsNaN() throws {
    for function in UnaryFunction.allCases {
      let result = try evaluate(one: "\(function.rawValue) %x : f32[1]", [("f32[1]", f32(.nan))])
      #expect(try #require(result).numbers[0].isNaN, "\(function)")
    }
  }

  private static let binaryCases: [(word: String, expected: [Double])] = [
    ("add", [5.0, -1, .infinity]), ("subtract", [1, 5, .infinity]), ("multiply", [6, -6, .infinity]),
    ("divide", [1.5, -0.6666666666666666, .infinity]), ("maximum", [3, 2, .infinity]),
    ("minimum", [2, -3, 1]), ("pow", [9, 0.125, .infinity]),
    ("atan2", [0.982793723247329, 2.5535900500422257, 1.5707963267948966]),
    ("logaddexp", [3.313261687518223, 2.0067153484891183, .infinity]),
  ]

  @Test(arguments: binaryCases)
  func binaryFunctions(word: String, expected: [Double]) throws {
    let operands = [("f64[3]", f64(3, 2, .infinity)), ("f64[3]", f64(2, -3, 1))]
    let result = try evaluate(one: "\(word) %x, %y : f64[3]", operands)
    #expect(result == DenseArray(.f64, [3], expected))
  }

  @Test func theLargerAndTheSmallerOfNaNAreNaN() throws {
    for word in BinaryFunction.allCases.map(\.rawValue) where word != "pow" {
      let operands = [("f32[2]", f32(.nan, 1)), ("f32[2]", f32(1, .nan))]
      let result = try #require(try evaluate(one: "\(word) %x, %y : f32[2]", operands))
      #expect(result.numbers.allSatisfy { $0.isNaN }, "\(word)")
    }
  }

  @Test func powersOfNegativeNumbersTakeWholeExponents() throws {
    let operands = [
      ("f64[7]", f64(-2, -2, -2, -0.0, .nan, 1, -.infinity)), ("f64[7]", f64(3, -2, 0.5, -3, 0, .nan, 3)),
    ]
    let result = try #require(try evaluate(one: "pow %x, %y : f64[7]", operands)).numbers
    #expect(result[0] == -8 && result[1] == 0.25 && result[2].isNaN && result[3] == -.infinity)
    #expect(result[4] == 1 && result[5] == 1 && result[6] == -.infinity)
  }

  @Test func sumsOfExponentialsTakeNothing() throws {
    let operands = [
      ("f64[4]", f64(-.infinity, -.infinity, 1000, .infinity)),
      ("f64[4]", f64(-.infinity, 3, 1000, -.infinity)),
    ]
    let result = try evaluate(one: "logaddexp %x, %y : f64[4]", operands)
    #expect(result == f64(-.infinity, 3, 1000.6931471805599, .infinity))
  }

  private static let comparisonCases: [(word: String, expected: [Double])] = [
    ("less", [1.0, 0, 0, 0, 0]), ("less_or_equal", [1, 1, 0, 0, 0]), ("equal", [0, 1, 0, 0, 0]),
  ]

  @Test(arguments: comparisonCases)
  func comparisonsWithNaNAreFalse(word: String, expected: [Double]) throws {
    let operands = [("f32[5]", f32(1, 2, 3, .nan, .nan)), ("f32[5]", f32(2, 2, 2, 2, .nan))]
    let result = try evaluate(one: "\(word) %x, %y : bool[5]", operands)
    #expect(result == DenseArray(.bool, [5], expected))
  }

  @Test func idsCompare() throws {
    let result = try evaluate(one: "equal %x, %y : bool[2]", [("i32[2]", i32(1, 2)), ("i32[2]", i32(1, 3))])
    #expect(result == DenseArray(.bool, [2], [1, 0]))
  }

  @Test func selectTakesWhereTrue() throws {
    let condition = DenseArray(.bool, [3], [1, 0, 1])
    let operands = [("bool[3]", condition), ("f32[3]", f32(1, 2, .nan)), ("f32[3]", f32(4, 5, 6))]
    let result = try #require(try evaluate(one: "select %x, %y, %z : f32[3]", operands))
    #expect(result.numbers[0] == 1 && result.numbers[1] == 5 && result.numbers[2].isNaN)
  }

  @Test func conversionsKeepTheNumber() throws {
    let numbers = f64(1.5, -1.5, .nan, 1e10, -1e10, 0, 0.1)
    func convert(_ element: String) throws -> [Double]? {
      try evaluate(one: "convert %x : \(element)[7]", [("f64[7]", numbers)])?.numbers
    }
    #expect(try convert("i32") == [1, -1, 0, 2_147_483_647, -2_147_483_648, 0, 0])
    #expect(try convert("bool") == [1, 1, 1, 1, 1, 0, 1])
    #expect(try convert("f32")?[6] == Double(Float(0.1)))
    let ones = DenseArray(.bool, [2], [1, 0])
    #expect(try evaluate(one: "convert %x : f32[2]", [("bool[2]", ones)]) == f32(1, 0))
  }

  /// The value is the first operand, to the last bit.
  @Test func surrogatesAreTheFirstOperand() throws {
    let x = ("f32[2]", f32(1, 2e-30))
    #expect(try evaluate(one: "detach %x : f32[2]", [x]) == x.1)
    #expect(try evaluate(one: "clip_gradient %x bound(0.5) : f32[2]", [x]) == x.1)
    #expect(try evaluate(one: "straight_through %x, %y : f32[2]", [x, ("f32[2]", f32(3e9, .nan))]) == x.1)
  }

  @Test func floatsAreRoundedAfterEachOperation() throws {
    let sum = try evaluate(one: "add %x, %y : f32[1]", [("f32[1]", f32(16_777_216)), ("f32[1]", f32(1))])
    #expect(sum == f32(16_777_216))
    let wide = try evaluate(one: "add %x, %y : f64[1]", [("f64[1]", f64(16_777_216)), ("f64[1]", f64(1))])
    #expect(wide == f64(16_777_217))
    #expect(try evaluate(one: "constant 0.1 : f32[]", []) == DenseArray(.f32, scalar: Double(Float(0.1))))
    #expect(try evaluate(one: "exp %x : f32[1]", [("f32[1]", f32(89))]) == f32(.infinity))
  }
}
