import RNNGraph
import RNNRuntime
import Testing

@testable import RNNCompiler

/// Sums of very many terms lose nothing to rounding, whatever threads and memory there are.
@Suite struct LongSumTests {
  private static let totals = """
    cell S { input x: []; state h: []; h' = 0 * h + x; output h' }
    model M { input x: seq []; r = S(); y = r(x); s = total(x); output s; loss y }
    """

  private static let net = """
    model M(I = 2, H = 4) {
        input x: seq [I], t: seq token(3)
        r = RNN(I, H)
        e = Embedding(3, H)
        o = Linear(H, 1)
        y = o(r(x) + e(t))
        output last(y)
        loss sum(square(y - 1))
    }
    """

  private func run(
    _ source: String, _ tensors: [String: Tensor], batch: Int, _ element: RNNRuntime.ElementType = .f32,
    threads: Int = 1,
    limit: Int? = nil
  ) throws -> [String: Tensor] {
    let options = CompileOptions(elementType: element, threads: threads, memoryLimit: limit)
    return try Compiler(options).compile(source: source, batch: batch).run(tensors, gradients: true)
  }

  private func number(_ tensor: Tensor?) throws -> Double { try #require(tensor?.numbers.first) }

  @Test(arguments: [128, 8000, 10_000_000]) func totalsOfOneSignAreExact(steps: Int) throws {
    let x = Tensor([Float](repeating: 0.1, count: steps), shape: [steps, 1])
    let results = try run(Self.totals, ["x": x], batch: 1)
    let (total, loss) = (try number(results["s"]), try number(results["loss"]))
    #expect(abs(total / (Double(Float(0.1)) * Double(steps)) - 1) < 1e-6)
    #expect(abs(loss / Double(Float(0.1)) - 1) < 1e-6)
  }

  /// Products, totals of loops, tables and biases, against the same in `f64`.
  @Test func gradientsOfManySteps() throws {
    let (steps, batch) = (60_000, 2)
    let small = try Compiler().compile(source: Self.net, batch: batch)
    var tensors = try small.randomTensors(steps: steps, seed: 3)
    for name in tensors.keys where name == "x" {
      // Terms of one sign are the worst case.
      tensors[name] = Tensor([Float](repeating: 0.1, count: steps * batch * 2), shape: [steps, batch, 2])
    }
    let wide = tensors.mapValues { tensor in
      tensor.elementType == .f32 ? Tensor(tensor.numbers, shape: tensor.shape) : tensor
    }
    let expected = try run(Self.net, wide, batch: batch, .f64)
    let found = try run(Self.net, tensors, batch: batch)
    for (name, tensor) in expected where name.hasPrefix("grad.") && tensor.shape.first != steps {
      let scale = tensor.numbers.map(abs).max() ?? 0
      let error = zip(tensor.numbers, found[name]!.numbers).map { abs($0 - $1) }.max() ?? 0
      #expect(error <= 2e-6 * scale, "\(name): \(error / scale)")
    }
    #expect(try run(Self.net, tensors, batch: batch, threads: 2) == found)
    let limited = try Compiler(CompileOptions(threads: 2, memoryLimit: 1)).compile(
      source: Self.net, batch: batch)
    let plan = try limited.compilation(for: .gradients).variant(.init(isSegmented: true, hasLongSums: true))
      .layout
    let least = plan.arenaBytes.evaluate(plan.segmented([.steps: steps, .batch: batch], within: 0))
    #expect(try run(Self.net, tensors, batch: batch, threads: 2, limit: least) == found)
  }

  /// Short sequences run the program that they always ran.
  @Test func shortSequencesUseNarrowProducts() throws {
    let program = try Compiler().compile(source: Self.net, batch: 2)
    let compilation = try program.compilation(for: .gradients)
    #expect(try !compilation.optimizedGraph.description.contains("wide"))
    let long = compilation.variant(.init(isSegmented: false, hasLongSums: true))
    #expect(try long.optimizedGraph.description.contains("wide"))
    #expect(try long.plan.description.contains("sums of f64"))
  }
}
