import RNNGraph
import RNNPasses
import Testing

/// What the full pipeline makes of training steps.
@Suite struct StructureTests {
  private func optimized(_ model: Model) throws -> Graph {
    var graph = try model.training()
    try PassManager().run(.full, on: &graph)
    return graph
  }

  @Test(arguments: [
    (Model.Cell.rnn, 1, 1), (.lstm, 1, 1), (.lstmSplit, 1, 1), (.gru, 1, 1), (.gruSplit, 1, 1),
    // The candidate's product needs the reset gate, which needs a product: two in a row, both ways.
    (.gruBefore, 2, 2), (.layerNormLSTM, 1, 1),
  ])
  func loopsHoldTheProductsThatCarriesNeed(cell: Model.Cell, forward: Int, backward: Int) throws {
    let scans = try optimized(Model(cell: cell)).scans
    #expect(scans.map(\.isReversed) == [false, true])
    #expect(scans.map { $0.count("dot") } == [forward, backward])
  }

  @Test(arguments: [Model.Cell.rnn, .lstm, .gru, .gruBefore])
  func backwardStepsBeginWithTheProductOfTheirCarries(cell: Model.Cell) throws {
    let graph = try optimized(Model(cell: cell))
    for scan in graph.scans {
      let products = scan.operations.filter { if case .dot = graph[$0].kind { true } else { false } }
      #expect(graph[try #require(products.first)].operands.contains { scan.carries.contains($0) })
    }
  }

  @Test(arguments: [(Model.Cell.gru, Model.Cell.gruSplit), (.lstm, .lstmSplit)])
  func gatesApartOrTogetherAreTheSame(apart: Model.Cell, together: Model.Cell) throws {
    let (a, b) = (try optimized(Model(cell: apart)).scans, try optimized(Model(cell: together)).scans)
    for (a, b) in zip(a, b) {
      #expect(a.kinds == b.kinds)
      #expect(a.stacks == b.stacks)
    }
  }

  @Test(arguments: Model.all) func noLoopSumsOverTheBatch(model: Model) throws {
    let graph = try optimized(model)
    for scan in graph.scans {
      #expect(!scan.operations.contains { graph.contractsBatch($0) })
      #expect(scan.count("scatter_add") == 0)
    }
  }

  @Test(arguments: [Model.Cell.rnn, .lstm, .lstmSplit, .gru, .gruSplit])
  func weightGradientsAreSumsOverStepsAndBatch(cell: Model.Cell) throws {
    let graph = try optimized(Model(cell: cell))
    let sums = graph[.entry].operations.filter { graph.contractsBatch($0) }
    // One for the weights of the state, one for those of the output layer; those of the input pick rows.
    #expect(sums.count == 2)
    for id in sums {
      guard case .dot(let axes) = graph[id].kind else { continue }
      let shape = graph.type(graph[id].operands[0]).shape
      #expect(Set(axes.lhsContracting.map { shape[$0] }) == [.steps, .batch])
    }
    #expect(graph.count("scatter_add", in: .entry) == 1)
    #expect(graph.scans.map { $0.count("gather") } == [1, 0])
    #expect(graph.scans.allSatisfy { $0.count("one_hot") == 0 })
  }

  @Test(arguments: Model.all) func weightsArePutTogetherOutsideOfLoops(model: Model) throws {
    let graph = try optimized(model)
    for scan in graph.scans {
      for id in scan.operations {
        guard case .concat = graph[id].kind else { continue }
        #expect(graph.type(graph[id].result).shape.contains(.batch))
      }
    }
  }

  @Test func deeperInputsAreProjectedForAllStepsAtOnce() throws {
    let graph = try optimized(Model(cell: .gru, layers: 2))
    #expect(graph.scans.map { $0.count("dot") } == [1, 1, 1, 1])
    let projection = graph[.entry].operations.filter {
      guard case .dot = graph[$0].kind else { return false }
      return graph.type(graph[$0].result).shape == [.steps, .batch, 12]
    }
    #expect(projection.count == 1)
  }

  @Test(arguments: Model.all) func pipelinesEndInAFixedPoint(model: Model) throws {
    var graph = try optimized(model)
    let count = graph.liveOperationCount
    try PassManager().run(.full, on: &graph)
    #expect(graph.liveOperationCount == count)
  }

  @Test func theManagerStopsAndReports() throws {
    var graph = try Model(cell: .gru).training()
    var manager = PassManager()
    manager.verifiesEach = true
    manager.stopAfter = "one-hot"
    manager.printAfter = ["cse"]
    var reports = 0
    manager.report = { pass, _ in
      #expect(pass == "cse")
      reports += 1
    }
    let timings = try manager.run(.full, on: &graph)
    #expect(timings.last?.pass == "one-hot")
    #expect(reports == timings.filter { $0.pass == "cse" }.count)
    #expect(Set(Pass.all.map(\.name)).count == Pass.all.count)
    let full = Pipeline.full.segmented.passes + Pipeline.full.forLongSums.passes
    let passes = Pipeline.forward(batch: 32).passes + full
    #expect(Set(passes.map(\.name)) == Set(Pass.all.map(\.name)))
  }
}

/// A loop of the entry region.
struct LoopSummary {
  let isReversed: Bool
  let operations: [OperationID]
  /// The arguments of the body that stand for carries.
  let carries: [ValueID]
  /// How often each kind of operation occurs in the body.
  let kinds: [String: Int]
  /// The types of what it stacks.
  let stacks: [String]

  func count(_ kind: String) -> Int { kinds[kind, default: 0] }
}

extension Graph {
  var scans: [LoopSummary] {
    self[.entry].operations.compactMap { id in
      guard case .scan(let scan) = self[id].kind else { return nil }
      let operations = self[scan.body].operations
      return LoopSummary(
        isReversed: scan.isReversed, operations: operations,
        carries: Array(self[scan.body].arguments.dropFirst(scan.invariants).prefix(scan.carries)),
        kinds: Dictionary(operations.map { (mnemonic($0), 1) }, uniquingKeysWith: +),
        stacks: self[id].results.dropFirst(scan.carries).map { type($0).description }.sorted())
    }
  }

  func count(_ kind: String, in region: RegionID) -> Int {
    self[region].operations.filter { mnemonic($0) == kind }.count
  }

  /// Whether an operation is a product that sums over the batch.
  func contractsBatch(_ id: OperationID) -> Bool {
    guard case .dot(let axes) = self[id].kind else { return false }
    return axes.lhsContracting.contains { type(self[id].operands[0]).shape[$0] == .batch }
  }

  /// The word that names an operation in a graph's text.
  private func mnemonic(_ id: OperationID) -> String {
    let words = description(of: id).split(separator: " ")
    guard let place = words.firstIndex(of: "="), place + 1 < words.count else { return "" }
    return String(words[place + 1])
  }
}
