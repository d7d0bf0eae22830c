import RNNGraph
import RNNInterpreter
import Testing

@Suite struct TensorTests {
  @Test func constantsFillTheirShape() throws {
    let result = try evaluate(one: "constant 2.5 : f32[T, 2]", [], sizes: [.steps: 3])
    #expect(result == DenseArray(.f32, [3, 2], repeating: 2.5))
  }

  @Test func tablesHoldTheirNumbers() throws {
    #expect(try evaluate(one: "table (1, 0.1) : f32[2]", []) == f32(1, Double(Float(0.1))))
    #expect(
      try evaluate(one: "table (1, 2, 3, 4, 5, 0.1) : f64[2, 3]", [])
        == DenseArray(.f64, [2, 3], [1, 2, 3, 4, 5, 0.1]))
  }

  @Test func sizesMultiply() throws {
    let sizes: [Symbol: Int] = [.steps: 3, .batch: 4]
    #expect(try evaluate(one: "size of(T, B) : f32[]", [], sizes: sizes) == DenseArray(.f32, scalar: 12))
    #expect(try evaluate(one: "size of() : i32[]", []) == DenseArray(.i32, scalar: 1))
  }

  @Test func positionsCount() throws {
    #expect(try evaluate(one: "iota : i32[T]", [], sizes: [.steps: 3]) == DenseArray(.i32, [3], [0, 1, 2]))
    #expect(try evaluate(one: "iota : f32[2]", []) == f32(0, 1))
  }

  @Test func prefixesAreReversed() throws {
    let operands = [
      ("f32[T, B]", DenseArray(.f32, [3, 4], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])),
      ("i32[B]", DenseArray(.i32, [4], [0, 1, 2, 3])),
    ]
    let result = try evaluate(one: "reverse_prefix %x, %y axis(0) : f32[T, B]", operands)
    #expect(result == DenseArray(.f32, [3, 4], [1, 2, 7, 12, 5, 6, 3, 8, 9, 10, 11, 4]))
    let stacked = [
      ("f32[2, T, B]", DenseArray(.f32, [2, 2, 1], [1, 2, 3, 4])),
      ("i32[2, B]", DenseArray(.i32, [2, 1], [2, 1])),
    ]
    #expect(
      try evaluate(one: "reverse_prefix %x, %y axis(1) : f32[2, T, B]", stacked)
        == DenseArray(.f32, [2, 2, 1], [2, 1, 3, 4]))
  }

  /// The first words of Philox2x32-7 as its authors' library gives them for these keys and counters.
  @Test func randomNumbersAreThoseOfPhilox() throws {
    func number(_ key: UInt32, _ counter: UInt32, _ position: UInt32) -> Double {
      uniformRandom(key: key, stream: 0, counter: counter, position: position)
    }
    #expect(number(0, 0, 0) == Double(0x257a_3673 >> 8) * 0x1p-24)
    #expect(number(.max, .max, .max) == Double(0xab30_2c4d >> 8) * 0x1p-24)
    #expect(number(0x1319_8a2e, 0x85a3_08d3, 0x243f_6a88) == Double(0xbedb_beca as UInt32 >> 8) * 0x1p-24)
  }

  @Test func randomNumbersAreUniform() throws {
    let numbers = (0..<20_000).map { i in
      uniformRandom(key: 7, stream: i % 2, counter: UInt32(i / 2 % 10), position: UInt32(i / 20))
    }
    #expect(Set(numbers).count > 19_900)
    let mean = numbers.reduce(0, +) / 20_000
    let variance = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20_000
    #expect(abs(mean - 0.5) < 0.01 && abs(variance - 1 / 12) < 0.003)
    for tenth in 0..<10 {
      let share = numbers.count { Int($0 * 10) == tenth }
      #expect((1850...2150).contains(share), "\(share) of 20000 numbers in tenth \(tenth)")
    }
  }

  @Test func dotContracts() throws {
    let x = counting(.f64, [2, 3])  // 0 1 2 / 3 4 5
    let y = counting(.f64, [3, 2])  // 0 1 / 2 3 / 4 5
    let operands = [("f64[2, 3]", x), ("f64[3, 2]", y)]
    let product = try evaluate(one: "dot %x, %y contract(1; 0) : f64[2, 2]", operands)
    #expect(product == DenseArray(.f64, [2, 2], [10, 13, 28, 40]))
    let other = try evaluate(one: "dot %x, %y contract(0; 1) : f64[3, 3]", operands)
    #expect(other == DenseArray(.f64, [3, 3], [3, 9, 15, 4, 14, 24, 5, 19, 33]))
    let both = try evaluate(one: "dot %x, %y contract(0, 1; 1, 0) : f64[]", operands)
    #expect(both == DenseArray(.f64, scalar: 0 * 0 + 1 * 2 + 2 * 4 + 3 * 1 + 4 * 3 + 5 * 5))
    let outer = try evaluate(
      one: "dot %x, %y contract(; ) : f64[2, 2]", [("f64[2]", f64(1, 2)), ("f64[2]", f64(3, 4))])
    #expect(outer == DenseArray(.f64, [2, 2], [3, 4, 6, 8]))
  }

  @Test func dotRunsInBatches() throws {
    let x = counting(.f64, [2, 2, 2])
    let y = counting(.f64, [2, 2])
    let operands = [("f64[2, B, 2]", x), ("f64[2, B]", y)]
    // result[b, i] = Σ_k x[i, b, k] * y[k, b]
    let result = try evaluate(one: "dot %x, %y contract(2; 0) batch(1; 1) : f64[B, 2]", operands)
    #expect(
      result == DenseArray(.f64, [2, 2], [0 * 0 + 1 * 2, 4 * 0 + 5 * 2, 2 * 1 + 3 * 3, 6 * 1 + 7 * 3]))
  }

  @Test func reductionsCombine() throws {
    let x = [("f32[2, 3]", DenseArray(.f32, [2, 3], [1, 5, 3, 4, 2, 6]))]
    #expect(try evaluate(one: "reduce_sum %x axes(0) : f32[3]", x) == f32(5, 7, 9))
    #expect(try evaluate(one: "reduce_maximum %x axes(1) : f32[2]", x) == f32(5, 6))
    #expect(try evaluate(one: "reduce_minimum %x axes(1) : f32[2]", x) == f32(1, 2))
    #expect(try evaluate(one: "reduce_sum %x axes(0, 1) : f32[]", x) == DenseArray(.f32, scalar: 21))
    #expect(try evaluate(one: "reduce_sum %x axes() : f32[2, 3]", x) == x[0].1)
    let nan = [("f32[2]", f32(.nan, 1))]
    let largest = try #require(try evaluate(one: "reduce_maximum %x axes(0) : f32[]", nan))
    #expect(largest.numbers[0].isNaN)
  }

  @Test func reductionsOfNothing() throws {
    let nothing = [("f32[T, 2]", DenseArray(.f32, [0, 2], []))]
    #expect(try evaluate(one: "reduce_sum %x axes(0) : f32[2]", nothing) == f32(0, 0))
    #expect(try evaluate(one: "reduce_maximum %x axes(0) : f32[2]", nothing) == f32(-.infinity, -.infinity))
    #expect(try evaluate(one: "reduce_minimum %x axes(0) : f32[2]", nothing) == f32(.infinity, .infinity))
  }

  @Test func broadcastsRepeat() throws {
    let x = [("f32[2]", f32(1, 2))]
    #expect(
      try evaluate(one: "broadcast %x axes(1) : f32[B, 2]", x, sizes: [.batch: 3])
        == DenseArray(.f32, [3, 2], [1, 2, 1, 2, 1, 2]))
    #expect(
      try evaluate(one: "broadcast %x axes(0) : f32[2, 3]", x)
        == DenseArray(.f32, [2, 3], [1, 1, 1, 2, 2, 2]))
    #expect(
      try evaluate(one: "broadcast %x axes() : f32[2, 2]", [("f32[]", DenseArray(.f32, scalar: 7))])
        == DenseArray(.f32, [2, 2], repeating: 7))
  }

  @Test func shapesChange() throws {
    let x = [("f32[T, 6]", counting(.f32, [2, 6]))]
    #expect(
      try evaluate(one: "reshape %x : f32[3, T, 2]", x) == counting(.f32, [3, 2, 2]))
    let y = [("f32[2, 3]", counting(.f32, [2, 3]))]
    #expect(
      try evaluate(one: "transpose %x axes(1, 0) : f32[3, 2]", y)
        == DenseArray(.f32, [3, 2], [0, 3, 1, 4, 2, 5]))
    // result[k, i, j] = x[i, j, k]
    let z = [("f32[2, 1, 3]", counting(.f32, [2, 1, 3]))]
    #expect(
      try evaluate(one: "transpose %x axes(2, 0, 1) : f32[3, 2, 1]", z)
        == DenseArray(.f32, [3, 2, 1], [0, 3, 1, 4, 2, 5]))
    #expect(
      try evaluate(one: "reverse %x axis(0) : f32[2, 3]", y)
        == DenseArray(.f32, [2, 3], [3, 4, 5, 0, 1, 2]))
    #expect(
      try evaluate(one: "reverse %x axis(1) : f32[2, 3]", y)
        == DenseArray(.f32, [2, 3], [2, 1, 0, 5, 4, 3]))
    #expect(
      try evaluate(
        one: "concat %x, %y axis(1) : f32[2, 4]", y + [("f32[2, 1]", DenseArray(.f32, [2, 1], [8, 9]))])
        == DenseArray(.f32, [2, 4], [0, 1, 2, 8, 3, 4, 5, 9]))
  }

  @Test func slicesAndPaddingAreAnchored() throws {
    let x = [("f32[T, 2]", counting(.f32, [4, 2]))]
    #expect(
      try evaluate(one: "slice %x axis(0) front(1) count(2) : f32[2, 2]", x)
        == DenseArray(.f32, [2, 2], [2, 3, 4, 5]))
    #expect(
      try evaluate(one: "slice %x axis(0) back(0) count(1) : f32[1, 2]", x)
        == DenseArray(.f32, [1, 2], [6, 7]))
    #expect(
      try evaluate(one: "slice %x axis(0) back(1) count(1) : f32[1, 2]", x)
        == DenseArray(.f32, [1, 2], [4, 5]))
    #expect(
      try evaluate(one: "slice %x axis(1) back(1) count(1) : f32[T, 1]", x)
        == DenseArray(.f32, [4, 1], [0, 2, 4, 6]))
    let y = [("f32[1, 2]", DenseArray(.f32, [1, 2], [8, 9]))]
    #expect(
      try evaluate(one: "pad %x axis(0) back(1) to(T) : f32[T, 2]", y, sizes: [.steps: 3])
        == DenseArray(.f32, [3, 2], [0, 0, 8, 9, 0, 0]))
    #expect(
      try evaluate(one: "pad %x axis(0) front(0) to(T) : f32[T, 2]", y, sizes: [.steps: 3])
        == DenseArray(.f32, [3, 2], [8, 9, 0, 0, 0, 0]))
    #expect(
      try evaluate(one: "pad %x axis(1) front(1) to(4) : f32[1, 4]", y)
        == DenseArray(.f32, [1, 4], [0, 8, 9, 0]))
  }

  @Test func rowsByIds() throws {
    let table = DenseArray(.f32, [3, 2], [1, 2, 3, 4, 5, 6])
    let ids = DenseArray(.i32, [2, 2], [2, 0, 2, 1])
    #expect(
      try evaluate(one: "gather %x, %y : f32[2, 2, 2]", [("f32[3, 2]", table), ("i32[2, 2]", ids)])
        == DenseArray(.f32, [2, 2, 2], [5, 6, 1, 2, 5, 6, 3, 4]))
    #expect(
      try evaluate(one: "one_hot %x extent(3) : f32[2, 3]", [("i32[2]", i32(2, 0))])
        == DenseArray(.f32, [2, 3], [0, 0, 1, 1, 0, 0]))
    let rows = DenseArray(.f32, [2, 2, 1], [1, 10, 100, 1000])
    #expect(
      try evaluate(
        one: "scatter_add %x, %y extent(4) : f32[4, 1]", [("i32[2, 2]", ids), ("f32[2, 2, 1]", rows)])
        == DenseArray(.f32, [4, 1], [10, 1000, 101, 0]))
  }
}
