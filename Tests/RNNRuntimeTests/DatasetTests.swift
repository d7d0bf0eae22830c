import Testing

@testable import RNNRuntime

@Suite struct DatasetTests {
  /// Examples whose numbers say where they stand: example · 100 + step · 10 + element.
  static func data(_ count: Int, steps: Int = 3) throws -> Dataset {
    var x: [Float] = []
    for n in 0..<count {
      for t in 0..<steps { x += [Float(100 * n + 10 * t), Float(100 * n + 10 * t + 1)] }
    }
    return try Dataset([
      "x": Tensor(x, shape: [count, steps, 2]), "y": Tensor((0..<count).map(Int64.init)),
      "x.lengths": Tensor((0..<count).map { Int64($0 % (steps + 1)) }),
    ])
  }

  @Test func everyExampleStandsInOneBatchOfAnEpoch() throws {
    let data = try Self.data(23)
    var orders: Set<[Int]> = []
    for epoch in 0..<20 {
      let batches = data.batches(batch: 5, seed: 7, epoch: epoch)
      #expect(batches.map(\.count) == [5, 5, 5, 5, 3])
      let order = batches.flatMap(\.examples)
      #expect(order.sorted() == Array(0..<23) && order != Array(0..<23))
      #expect(order == data.batches(batch: 5, seed: 7, epoch: epoch).flatMap(\.examples))
      orders.insert(order)
    }
    #expect(orders.count == 20)
    #expect(orders.isDisjoint(with: [data.batches(batch: 5, seed: 8, epoch: 0).flatMap(\.examples)]))
    #expect(data.batches(batch: 40).map { Array($0.examples) } == [Array(0..<23)])
  }

  @Test func aBatchHoldsItsExamplesInOrder() throws {
    let data = try Self.data(6)
    for batch in data.batches(batch: 4, seed: 1, epoch: 0) {
      let labels = try #require(batch["y"]).values(as: Int64.self)
      #expect(labels == batch.examples.map(Int64.init))
      let x = try #require(batch.sequence("x"))
      var expected: [Float] = []
      for t in 0..<3 {
        for n in batch.examples { expected += [Float(100 * n + 10 * t), Float(100 * n + 10 * t + 1)] }
      }
      #expect(x.shape == [3, batch.count, 2])
      #expect(try x.values(as: Float.self) == expected)
      #expect(
        try #require(batch.sequence("x", steps: 2)).values(as: Float.self)
          == Array(expected.prefix(4 * batch.count)))
    }
    #expect(data.batches(batch: 4)[0]["z"] == nil)
  }

  @Test func aPartIsADataSet() throws {
    let part = try Self.data(6)[2..<5]
    #expect(part.count == 3 && part.ragged == ["x"])
    #expect(try #require(part.tensors["y"]).values(as: Int64.self) == [2, 3, 4])
    #expect(try part.fingerprint == Self.data(6)[2..<5].fingerprint)
    #expect(try part.fingerprint != Self.data(6)[1..<4].fingerprint)
  }

  /// A hash that reads whole words must not let changes in them cancel out.
  @Test func everyElementMattersForTheFingerprint() throws {
    func fingerprint(_ values: [Double]) throws -> String { try Dataset(["x": Tensor(values)]).fingerprint }
    let all = try [[1, 2, 3], [-1, 2, 3], [-1, -2, 3], [1, 3, 2], [1, 2, 3.5]].map(fingerprint)
    #expect(Set(all).count == all.count)
    let other = try Dataset(["y": Tensor([1.0, 2, 3])])
    #expect(try other.fingerprint != fingerprint([1, 2, 3]))
  }

  @Test func wrongDataIsExplained() throws {
    let x = Tensor([Float](repeating: 1, count: 12), shape: [2, 3, 2])
    func error(_ tensors: [String: Tensor]) -> String {
      inputError { _ = try Dataset(tensors, origin: "'a'") }
    }
    #expect(error([:]) == "'a' holds no tensors")
    #expect(error(["x": Tensor(.f32, shape: [0, 3])]) == "'a' holds no examples: tensor 'x' is empty")
    #expect(error(["x": Tensor(.f32, shape: [])]).hasPrefix("tensor 'x' of 'a' is f32[], but its first axis"))
    #expect(
      error(["x": x, "y": Tensor([1 as Float])])
        == "tensor 'y' of 'a' has 1 example, but 'x' has 2\n"
        + "note: the first axis of each tensor of a data set counts the examples; parameters are no data")
    func lengths(_ values: [Int32]) -> String { error(["x": x, "x.lengths": Tensor(values)]) }
    #expect(
      lengths([3, 4]).hasPrefix("tensor 'x.lengths' of 'a' holds the length 4 at [1], but 'x' has 3 steps"))
    #expect(lengths([-1, 3]).contains("holds the length -1 at [0]"))
    #expect(error(["x.lengths": Tensor([1 as Int32])]).hasPrefix("'a' holds 'x.lengths', but no tensor 'x'"))
    #expect(
      error(["x": x, "x.lengths": Tensor([1, 1] as [Float])])
        == "tensor 'x.lengths' of 'a' is f32[2], but lengths are i32[N] or i64[N]")
    #expect(
      error(["y": Tensor([1, 2] as [Float]), "y.lengths": Tensor([1, 1] as [Int32])])
        .contains("has no axis of steps"))
    #expect(
      try Dataset(["x": x, "x.lengths": Tensor([0, 3] as [Int64])]).tensors["x.lengths"]?.elementType == .i32)
    #expect(
      inputError { _ = try Dataset(contentsOfFile: "/no/d") }
        == "cannot open data file '/no/d': no such file or directory")
  }
}
