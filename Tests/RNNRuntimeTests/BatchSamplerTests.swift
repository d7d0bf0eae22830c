import Testing

@testable import RNNRuntime

@Suite struct BatchSamplerTests {
  /// Ids that say their own place in the text.
  static let ids = (0..<1000).map(Int32.init)

  /// The rows of a time-major tensor.
  private func rows(_ tensor: Tensor) throws -> [[Int32]] {
    let (steps, batch) = (tensor.shape[0], tensor.shape[1])
    let values = try tensor.values(as: Int32.self)
    return (0..<batch).map { row in (0..<steps).map { values[$0 * batch + row] } }
  }

  @Test func sequentialRowsContinueThroughAnEpoch() throws {
    let sampler = try BatchSampler(ids: Self.ids, batchSize: 4, steps: 7, seed: 3)
    var offsets: Set<Int32> = []
    for number in 0..<200 {
      let epoch = sampler.epoch(number)
      var previous: [[Int32]]?
      var count = 0
      for batch in epoch.batches() {
        #expect(batch.inputs.shape == [7, 4])
        let (inputs, targets) = (try rows(batch.inputs), try rows(batch.targets))
        for (input, target) in zip(inputs, targets) { #expect(target == input.map { $0 + 1 }) }
        for input in inputs { #expect(input == (0..<7).map { input[0] + $0 }) }
        #expect(batch.startsAfresh == (previous == nil))
        if let previous {
          for (before, now) in zip(previous, inputs) { #expect(now[0] == before[6] + 1) }
        } else {
          let offset = inputs[0][0]
          offsets.insert(offset)
          let length = (1000 - offset - 1) / 4
          #expect(inputs.map { $0[0] } == (0..<4).map { offset + $0 * length })
          #expect(epoch.count == Int(length) / 7)
        }
        previous = inputs
        count += 1
      }
      #expect(count == epoch.count)
    }
    #expect(offsets == Set(0...7))
  }

  @Test func randomWindowsCoverTheTextOnce() throws {
    let sampler = try BatchSampler(ids: Self.ids, batchSize: 3, steps: 5, order: .random, seed: 3)
    var offsets: Set<Int32> = []
    for number in 0..<100 {
      var starts: [Int32] = []
      for batch in sampler.epoch(number).batches() {
        #expect(batch.startsAfresh)
        for (input, target) in zip(try rows(batch.inputs), try rows(batch.targets)) {
          #expect(input == (0..<5).map { input[0] + $0 } && target == input.map { $0 + 1 })
          starts.append(input[0])
        }
      }
      let offset = starts[0] % 5
      offsets.insert(offset)
      let windows = (1000 - Int(offset) - 1) / 5
      #expect(starts.count == windows / 3 * 3 && Set(starts).count == starts.count)
      #expect(starts.allSatisfy { $0 % 5 == offset } && starts != starts.sorted())
    }
    #expect(offsets == Set(0..<5))
  }

  @Test(arguments: SamplingOrder.allCases) func anEpochCanBeTakenUpInTheMiddle(order: SamplingOrder) throws {
    func sampler(_ seed: UInt64) throws -> BatchSampler {
      try BatchSampler(ids: Self.ids, batchSize: 4, steps: 7, order: order, seed: seed)
    }
    let whole = try sampler(5).epoch(9).batches().map(\.inputs)
    let rest = try sampler(5).epoch(9).batches(from: 20).map(\.inputs)
    #expect(rest == Array(whole[20...]))
    #expect(try sampler(5).epoch(10).batches().map(\.inputs) != whole)
    #expect(try sampler(6).epoch(9).batches().map(\.inputs) != whole)
    #expect(Array(try sampler(5).epoch(9).batches(from: whole.count)).isEmpty)
  }

  @Test(arguments: SamplingOrder.allCases) func theLeastTextFillsABatchInEveryEpoch(
    order: SamplingOrder
  ) throws {
    let needed = order == .sequential ? 4 * 7 + 7 + 1 : 4 * 7 + 7
    func sampler(_ count: Int) throws -> BatchSampler {
      try BatchSampler(ids: Array(Self.ids.prefix(count)), batchSize: 4, steps: 7, order: order, seed: 0)
    }
    let least = try sampler(needed)
    for epoch in 0..<100 { #expect(least.epoch(epoch).count >= 1) }
    #expect((0..<100).contains { least.epoch($0).count == 1 })
    #expect(
      inputError { _ = try sampler(needed - 1) } == """
        the text has \(needed - 1) tokens, but batches of 4 rows of 7 steps need at least \(needed)
        note: lower --batch or --steps, raise --max-tokens, or give more text
        """)
    #expect(throws: InputError.self) {
      try BatchSampler(ids: Self.ids, batchSize: .max, steps: .max, order: order, seed: 0)
    }
  }
}
