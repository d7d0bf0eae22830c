import RNNDifferentiation
import RNNGraph
import RNNInterpreter
import RNNTestSupport
import Testing

/// Random graphs: that they are what they should be, and their gradients.
@Suite struct RandomGraphTests {
  @Test(arguments: TestGroup.graphs.seeds(120, core: 15))
  func gradients(seed: UInt64) throws {
    let random = RandomGraph(seed: seed, .init(hasLoss: true, hasSurrogates: false))
    let differentiated = try expectRightGradients(
      random.graph, inputs: random.inputs(), sizes: random.sizes, elementLimit: 4)
    #expect(try Graph(parsing: differentiated.description).description == differentiated.description)
  }

  @Test func seedsDecideAll() {
    for seed in UInt64(0)..<8 {
      #expect(RandomGraph(seed: seed).graph.description == RandomGraph(seed: seed).graph.description)
      #expect(RandomGraph(seed: seed).inputs() == RandomGraph(seed: seed).inputs())
    }
    #expect(RandomGraph(seed: 1).graph.description != RandomGraph(seed: 2).graph.description)
  }

  @Test(arguments: TestGroup.graphs.seeds(100, core: 20))
  func valuesAreTame(seed: UInt64) throws {
    for element in [ElementType.f32, .f64] {
      let random = RandomGraph(seed: seed, .init(element: element, operationCount: 24))
      try random.graph.verify()
      let results = try Interpreter(random.graph).run(inputs: random.inputs(), sizes: random.sizes)
      for (name, array) in results { #expect(array.numbers.allSatisfy { abs($0) <= 8 }, "\(name)") }
    }
  }

  @Test func allKindsOccur() {
    var seen: Set<String> = []
    var loops: Set<Bool> = []
    var deepest = 0
    for seed in UInt64(0)..<100 {
      let graph = RandomGraph(seed: seed).graph
      for region in graph.reachableRegions {
        for id in graph[region].operations {
          let kind = graph[id].kind
          seen.insert("\(kind)".prefix { $0 != "(" }.description)
          if case .scan(let scan) = kind {
            loops.insert(scan.isReversed)
            if graph[scan.body].owner != nil, region != .entry { deepest = 2 }
          }
          if case .unary(let function) = kind { seen.insert(function.rawValue) }
          if case .binary(let function) = kind { seen.insert(function.rawValue) }
        }
      }
    }
    let kinds = [
      "constant", "size", "compare", "select", "convert", "surrogate", "dot", "reduce", "broadcast",
      "reshape",
      "transpose", "slice", "pad", "concat", "reverse", "oneHot", "gather", "scatterAdd", "scan",
    ]
    let functions = UnaryFunction.allCases.map(\.rawValue) + BinaryFunction.allCases.map(\.rawValue)
    #expect(Set(kinds + functions).subtracting(seen).isEmpty)
    #expect(loops == [false, true])
    #expect(deepest == 2)
  }
}
