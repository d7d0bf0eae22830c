import RNNGraph
import RNNInterpreter
import RNNLLVM
import RNNTestSupport
import Testing

/// A sum that is to be a chain has, at once and in parts of which each starts from the one before, the same bits: in whichever
/// form the planner makes it.
@Suite struct ChainTests {
  /// A sum of one or two operands, and which axis of each is cut into parts: the outermost one that is summed over.
  struct Sum: Sendable, CustomTestStringConvertible {
    var shapes: [[Dimension]]
    var kind: OperationKind
    var cut: [Int]
    var testDescription: String { "\(kind) of \(shapes)" }

    /// A product.
    init(
      _ lhs: [Dimension], _ rhs: [Dimension], _ contracting: ([Int], [Int]), batch: ([Int], [Int]) = ([], []),
      isWide: Bool = false
    ) {
      shapes = [lhs, rhs]
      kind = .dot(
        DotAxes(
          lhsContracting: contracting.0, rhsContracting: contracting.1, lhsBatch: batch.0, rhsBatch: batch.1,
          isWide: isWide, order: .chain))
      cut = [contracting.0[0], contracting.1[0]]
    }

    /// A total.
    init(_ shape: [Dimension], _ axes: [Int]) {
      shapes = [shape]
      kind = .reduce(.sum, axes: axes, order: .chain)
      cut = [axes[0]]
    }
  }

  static let sums: [Sum] = [
    // In tiles, with rows and without, from both ends of the operands.
    Sum([70, 5], [70, 19], ([0], [0])), Sum([5, 70], [19, 70], ([1], [1])), Sum([70], [70, 9], ([0], [0])),
    Sum([70, 9], [70], ([0], [0])), Sum([70, .batch, 5], [70, .batch, 9], ([0, 1], [0, 1])),
    Sum([70, 5], [70, 9], ([0], [0]), isWide: true),
    // What is too narrow for tiles, or has too many axes.
    Sum([70, 5], [70, 2], ([0], [0])), Sum([70, 5], [70, 1], ([0], [0])), Sum([70], [70], ([0], [0])),
    Sum([70, 4], [70, 4], ([0], [0]), batch: ([1], [1])), Sum([70, 3, 4], [70, 5, 6], ([0], [0])),
    Sum([70, 3, 4], [70, 3], ([0, 1], [0, 1])),
    Sum([.batch, 70], [.batch, 70], ([1], [1]), batch: ([0], [0])),
    // Along the last axis, all axes, and beside unit axes.
    Sum([70, 9], [0]), Sum([70], [0]), Sum([4, 70], [1]), Sum([70, 3], [0, 1]), Sum([4, 70, 9], [1, 2]),
    Sum([70, 5, 1], [0]), Sum([70, 1], [0]), Sum([70, .batch], [0]), Sum([1, 70, 1], [0, 1]),
  ]

  @Test(arguments: sums) func partsHaveTheBitsOfTheWhole(sum: Sum) throws {
    let builder = GraphBuilder(Graph(name: "chain"))
    let operands = sum.shapes.enumerated().map {
      builder.graph.addInput("x\($0)", role: .data, TensorType(.f32, $1))
    }
    // A unit axis is not cut.
    let count = sum.shapes[0][sum.cut[0]].fixed!
    let middle = count / 2
    func part(_ start: Int, _ count: Int) -> [ValueID] {
      zip(operands, sum.cut).map { builder.slice($0, axis: $1, start: start, count: count) }
    }
    let whole = builder.add(sum.kind, operands)[0]
    let zero = builder.constant(0, like: whole)
    let first = middle == 0 ? zero : builder.add(sum.kind, part(0, middle))[0]
    builder.graph.addOutput("whole", role: .output, whole)
    builder.graph.addOutput(
      "parts", role: .output, builder.add(sum.kind, part(middle, count - middle) + [first])[0])
    try builder.graph.verify()
    var random = SplitMix64(seed: 1)
    for batch in [1, 3] {
      let sizes: [Symbol: Int] = [.batch: batch]
      let inputs = Dictionary(
        uniqueKeysWithValues: sum.shapes.enumerated().map { i, shape in
          let extents = shape.map { $0.fixed ?? batch }
          let numbers = (0..<extents.reduce(1, *)).map { _ in Double(Float(random.unit() - 0.25)) }
          return ("x\(i)", DenseArray(.f32, extents, numbers))
        })
      for threads in [1, 3] {
        let found = try runNatively(
          builder.graph, inputs: inputs, sizes: sizes, threads: threads,
          target: Target(named: "native", optimizationLevel: 0))
        #expect(found["whole"] == found["parts"], "\(batch) examples, \(threads) threads")
        let exact = try Interpreter(builder.graph).run(inputs: inputs, sizes: sizes)
        #expect(relativeDifference(exact["whole"]!, found["whole"]!) < 1e-4)
      }
    }
  }
}
