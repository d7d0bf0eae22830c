import RNNCodegen
import RNNGraph
import RNNInterpreter
import RNNLLVM
import RNNPlan
import RNNTestSupport
import Testing

/// Few examples: rows that make no whole tile, columns shared by threads, and weights that are kept as halves.
@Suite struct SmallBatchTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var batch: Int, hidden: Int, steps: Int
    var testDescription: String { "batch \(batch), hidden \(hidden), \(steps) steps" }
  }

  // Steps are rows of the first product of one example: single ones, tiles with a rest, and tiles of two heights.
  static let cases = [1, 2, 3, 17].flatMap { batch in
    [1, 7, 100, 250].map { hidden in
      Case(batch: batch, hidden: hidden, steps: batch > 1 ? 2 : hidden == 250 ? 3 : hidden == 100 ? 8 : 11)
    }
  }

  /// A gated recurrent layer: two products with groups of columns, two carries.
  private func layer(_ hidden: Int) throws -> Graph {
    try Graph(
      parsing: """
        graph "layer" {
          %x = data "x" : f32[T, B, 3]
          %w = parameter "w" constant(0) : f32[\(2 * hidden), 3]
          %u = parameter "u" constant(0) : f32[\(2 * hidden), \(hidden)]
          %h = state "h" : f32[B, \(hidden)]
          %p = dot %x, %w contract(2; 1) : f32[T, B, \(2 * hidden)]
          %z, %y, %s = scan T : f32[B, \(hidden)], f32[B, \(hidden)], f32[T, B, \(hidden)] {
            invariant %v = %u : f32[\(2 * hidden), \(hidden)]
            carry %c = %h : f32[B, \(hidden)]
            carry %d = %h : f32[B, \(hidden)]
            sequence %e = %p : f32[B, \(2 * hidden)]
            %m = dot %c, %v contract(1; 1) : f32[B, \(2 * hidden)]
            %a = add %m, %e : f32[B, \(2 * hidden)]
            %f = slice %a axis(1) front(0) count(\(hidden)) : f32[B, \(hidden)]
            %g = slice %a axis(1) front(\(hidden)) count(\(hidden)) : f32[B, \(hidden)]
            %i = sigmoid %f : f32[B, \(hidden)]
            %j = multiply %i, %d : f32[B, \(hidden)]
            %k = tanh %g : f32[B, \(hidden)]
            %l = add %j, %k : f32[B, \(hidden)]
            %n = tanh %l : f32[B, \(hidden)]
            yield %n, %l, %n
          }
          output "s" = %s
          output "z" = %z
          output "y" = %y
        }
        """)
  }

  private func inputs(_ graph: Graph, _ sizes: [Symbol: Int]) -> [String: DenseArray] {
    var state: UInt64 = 7
    var arrays: [String: DenseArray] = [:]
    for input in graph.inputs {
      let shape = graph.type(input.value).shape.map { $0.fixed ?? sizes[$0.symbol!]! }
      let width = Double(shape.last!)
      let numbers = (0..<shape.reduce(1, *)).map { _ -> Double in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let unit = Double(Int64(bitPattern: state) >> 11) / Double(1 << 52)
        return Double(Float(input.name == "w" || input.name == "u" ? unit / width.squareRoot() : unit))
      }
      arrays[input.name] = DenseArray(.f32, shape, numbers)
    }
    return arrays
  }

  @Test(arguments: cases) func agreesWithTheInterpreter(_ test: Case) throws {
    let graph = try layer(test.hidden)
    let sizes: [Symbol: Int] = [.batch: test.batch, .steps: test.steps]
    let inputs = inputs(graph, sizes)
    // Rounded weights in the interpreter give what halved weights in memory give, but for the order of sums.
    var rounded = inputs
    // Products of one or two columns have no panels.
    for name in ["w", "u"] where test.hidden > 1 {
      let array = inputs[name]!
      rounded[name] = DenseArray(.f32, array.shape, array.numbers.map(Self.upperHalf))
    }
    for (weights, given) in [(Buffer.Format.full, inputs), (.bf16, rounded)] {
      let expected = try Interpreter(graph).run(inputs: given, sizes: sizes)
      for threads in 1...2 {
        let found = try runNatively(graph, inputs: inputs, sizes: sizes, threads: threads, weights: weights)
        for (name, value) in expected {
          let difference = relativeDifference(value, found[name]!)
          #expect(difference <= 2e-6, "\(name), \(threads) threads, \(weights)")
        }
      }
    }
  }

  /// To eight significant bits, to the nearest, to even between two.
  private static func upperHalf(_ number: Double) -> Double {
    if number == 0 { return 0 }
    let unit = Double(sign: .plus, exponent: number.exponent - 7, significand: 1)
    return (number / unit).rounded(.toNearestOrEven) * unit
  }

  /// More threads than processors meet in each step; whoever comes first, the sums are the same.
  @Test func moreThreadsThanProcessorsMeet() throws {
    let graph = try layer(256)
    let sizes: [Symbol: Int] = [.batch: 1, .steps: 40]
    let inputs = inputs(graph, sizes)
    let expected = try runNatively(graph, inputs: inputs, sizes: sizes)
    for threads in [2, 5, 8, 8] {
      let found = try runNatively(graph, inputs: inputs, sizes: sizes, threads: threads)
      for (name, value) in expected { #expect(found[name]?.numbers == value.numbers) }
    }
  }
}
