import Foundation
import RNNGraph
import RNNInterpreter
import RNNSupport
import RNNTestSupport
import Testing

@testable import RNNLanguage

/// Constants: their numbers, and what they are for.
struct ConstantTests {
  private static let tensors: [String: FileTensor] = [
    "folder/data.safetensors mean": FileTensor(shape: [2], numbers: [0.25, -1]),
    "folder/data.safetensors rows": FileTensor(shape: [2, 3], numbers: [1, 2, 3, 4, 5, 6]),
  ]
  private static let frontend = Frontend(
    loader: SourceLoader(SourceLoader.disk.read) { path, name throws(DiagnosticError) in
      guard let tensor = tensors["\(path) \(name)"] else {
        throw DiagnosticError(Diagnostic("unreadable-file", "there is no '\(name)' in '\(path)'", at: nil))
      }
      return tensor
    })

  /// The numbers of a constant of a model with N = 2 and M = 3.
  private func numbers(_ declaration: String, _ name: String = "A") throws -> DenseArray {
    let source = SourceFile(
      name: "folder/a.rnn",
      text: """
        fn square_of(x) = x * x
        model C(N = 2, M = 3) { input x: []; const P: [N] = (10, 20); \(declaration); output y = \(name), P, x }
        """)
    let graph = try Self.frontend.lower(source, element: .f64).graph
    try graph.verify()
    let results = try Interpreter(graph).run(inputs: ["x": DenseArray(.f64, [1], [0])])
    return try #require(results["y"])
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let numbers: [Double]

    init(_ declaration: String, _ numbers: [Double]) {
      testDescription = declaration
      self.numbers = numbers
    }
  }

  private static let cases: [Case] = [
    Case("const A[i]: [M] = i", [0, 1, 2]),
    Case("const A[i, j]: [N, M] = 10 * i + j", [0, 1, 2, 10, 11, 12]),
    Case("const A[i, j]: [N, M] = i - j / N", [0, -0.5, -1, 1, 0.5, 0]),
    Case("const A[i, j]: [N, N] = where(i < j, -1, pow(-1, i - j + 1)) * (2 * i + 1)", [-1, -1, 3, -3]),
    Case("const A[i, j, k]: [N, 1, M] = i + j + k", [0, 1, 2, 1, 2, 3]),
    Case("const A: [M] = 1 / M", [1.0 / 3, 1.0 / 3, 1.0 / 3]),
    Case("const A: [] = sqrt(M)", [Double(3).squareRoot()]),
    Case("const A: [M] = zeros", [0, 0, 0]),
    Case("const A: [M] = ones", [1, 1, 1]),
    Case("const A: [M] = (0.1, -N, 2 * M)", [0.1, -2, 6]),
    Case("const A: [N, M] = ((1, 2, 3), (4, 5, 6))", [1, 2, 3, 4, 5, 6]),
    Case("const A: [N, 1] = ((1), 2)", [1, 2]),
    Case("const A: [1, M] = ((1, 2, 3))", [1, 2, 3]),
    Case("const A[i]: [M] = square_of(i + 1)", [1, 4, 9]),
    Case("const A[i]: [M] = floor(i / N) + max(i, 1) + min(i, 1)", [1, 2, 4]),
    Case("const A[i]: [M] = clamp(i, 0.5, 1.5) + square(i) + relu(i - 1)", [0.5, 2, 6.5]),
    Case("const A[i]: [M] = where(i == 1, 5, where(i != 2, 6, 7))", [6, 5, 7]),
    Case("const A[i]: [M] = where(N >= M, 1, where(N <= M, i, 0))", [0, 1, 2]),
    Case("const A[i]: [N] = P + i", [10, 21]),
    Case("const A[i, j]: [M, N] = P[j] - P[1 - j] + 0 * i", [-10, 10, -10, 10, -10, 10]),
    Case("const Q[i, j]: [N, M] = i * M + j; const A[i, j]: [M, N] = Q[j][i]", [0, 3, 1, 4, 2, 5]),
    Case("const A: [N] = file(\"data.safetensors\", \"mean\")", [0.25, -1]),
    Case("const A[i, j]: [N, M] = file(\"./data.safetensors\", \"rows\") * (1 - i)", [1, 2, 3, 0, 0, 0]),
    Case("const A[i]: [N] = log(i)", [-.infinity, 0]),
  ]

  @Test(arguments: cases) func formula(_ test: Case) throws {
    #expect(try numbers(test.testDescription).numbers == test.numbers)
  }

  @Test func drawsFollowFromTheirSeed() throws {
    let draw = try numbers("const A: [40, 50] = normal(0.5, seed: 3)").numbers
    #expect(draw == (try numbers("const A: [40, 50] = normal(seed: 3) * 0.5").numbers))
    #expect(draw != (try numbers("const A: [40, 50] = normal(0.5, seed: 4)").numbers))
    let mean = draw.reduce(0, +) / 2000
    let deviation = (draw.map { $0 * $0 }.reduce(0, +) / 2000).squareRoot()
    #expect(abs(mean) < 0.05 && abs(deviation - 0.5) < 0.03)

    let sparse = try numbers("const A: [40, 50] = where(uniform(seed: 3) < 0.1, 1, 0)").numbers
    #expect(Set(sparse) == [0, 1] && abs(sparse.reduce(0, +) - 200) < 60)
    let uniform = try numbers("const A: [40, 50] = uniform(2, seed: 0)").numbers
    #expect(uniform.allSatisfy { abs($0) <= 2 } && (uniform.min() ?? 0) < -1.9 && (uniform.max() ?? 0) > 1.9)

    let q = try numbers("const A: [3, 2] = orthogonal(seed: 9)").numbers
    #expect(abs(q[0] * q[1] + q[2] * q[3] + q[4] * q[5]) < 1e-15)
    #expect(abs(q[0] * q[0] + q[2] * q[2] + q[4] * q[4] - 1) < 1e-15)
  }

  /// The Legendre memory unit, its matrices made of formulas, against loops over examples, steps and elements.
  @Test(arguments: [false, true]) func legendreMemory(isRagged: Bool) throws {
    let text = """
      fn legendre(i, j) = where(i < j, -1, pow(-1, i - j + 1)) * (2 * i + 1)
      cell Memory(N, theta) {
          const A[i, j]: [N, N] = legendre(i, j) / theta + where(i == j, 1, 0)
          const B[i]: [N]       = pow(-1, i) * (2 * i + 1) / theta
          input u: []
          state m: [N]
          m' = A @ m + B * u
          output m'
      }
      model M(N = 4, theta = 7) {
          param w: [N] = normal(1)
          input  u: seq []
          target y: seq []
          memory = Memory(N, theta)
          m = memory(u)
          output m, B = memory.B
          loss square(dot(w, m) - y)
      }
      """
    let graph = try loweredGraph(of: text, ragged: isRagged ? ["T"] : [])
    #expect(graph.inputs.filter { if case .parameter = $0.role { true } else { false } }.map(\.name) == ["w"])
    let (steps, batch, size, theta) = (5, 2, 4, 7.0)
    let lengths = isRagged ? [3, 5] : [5, 5]
    let u = (0..<steps * batch).map { sin(Double(3 * $0 + 1)) }
    let y = (0..<steps * batch).map { cos(Double(5 * $0)) }
    let w = [0.5, -0.25, 1, 0.125]
    var a = [[Double]](repeating: [Double](repeating: 0, count: size), count: size)
    for i in 0..<size {
      for j in 0..<size {
        let isNegative = i < j || (i - j) % 2 == 0
        let size = Double(2 * i + 1) / theta
        a[i][j] = (isNegative ? -size : size) + (i == j ? 1.0 : 0.0)
      }
    }
    let b = (0..<size).map { i -> Double in
      let size = Double(2 * i + 1) / theta
      return i % 2 == 0 ? size : -size
    }
    var (loss, gradient) = (0.0, [Double](repeating: 0, count: size))
    for example in 0..<batch {
      var m = [Double](repeating: 0, count: size)
      for step in 0..<lengths[example] {
        let place = step * batch + example
        m = (0..<size).map { i -> Double in dot(a[i], m) + b[i] * u[place] }
        let error = dot(w, m) - y[place]
        loss += error * error
        for i in 0..<size { gradient[i] += 2 * error * m[i] }
      }
    }
    let count = Double(lengths.reduce(0, +))
    var inputs = [
      "u": DenseArray(.f64, [steps, batch], u), "y": DenseArray(.f64, [steps, batch], y),
      "w": DenseArray(.f64, [size], w), "memory.m": DenseArray(.f64, [batch, size], repeating: 0),
    ]
    if isRagged { inputs["u.lengths"] = DenseArray(.i32, [batch], lengths.map(Double.init)) }
    let results = try checkedGradients(of: graph, inputs)
    #expect(difference(results["loss"], DenseArray(.f64, scalar: loss / count)) < 1e-14)
    #expect(difference(results["grad.w"], DenseArray(.f64, [size], gradient.map { $0 / count })) < 1e-13)
    #expect(results["B"] == DenseArray(.f64, [size], b))
  }

  private func dot(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// Class weights are rows that a token finds, a mask stays in a product, and a state starts from a constant.
  @Test func weightsMasksAndInitialStates() throws {
    let text = """
      cell Wired(I, H) {
          const wired: [H, I] = where(uniform(seed: 5) < 0.5, 1, 0)
          const start[i]: [H] = i / H
          param W: [H, I], U: [H, H] = uniform(0.5)
          input x: [I]
          state h: [H] = start
          h' = tanh((W * wired) @ x + U @ h)
          output h'
      }
      model M(I = 3, H = 2) {
          const weights: [3] = (1, 0.5, 0)
          input  x: seq [I]
          target t: seq token(3)
          rnn = Wired(I, H)
          out = Linear(H, 3)
          loss weights[t] * cross_entropy(out(rnn(x)), t)
      }
      """
    let graph = try loweredGraph(of: text)
    var random = SplitMix64(seed: 2)
    func numbers(_ shape: [Int]) -> DenseArray {
      DenseArray(.f64, shape, (0..<shape.reduce(1, *)).map { _ in random.unit() - 0.5 })
    }
    let inputs = [
      "x": numbers([3, 2, 3]), "t": DenseArray(.i32, [3, 2], [0, 1, 2, 2, 1, 0]), "rnn.W": numbers([2, 3]),
      "rnn.U": numbers([2, 2]), "out.W": numbers([3, 2]), "out.b": numbers([3]),
    ]
    let results = try checkedGradients(of: graph, inputs)
    let mask = try self.numbers("const A: [2, 3] = where(uniform(seed: 5) < 0.5, 1, 0)").numbers
    #expect(mask.contains(0) && mask.contains(1))
    for (gradient, mask) in zip(try #require(results["grad.rnn.W"]).numbers, mask) {
      #expect((gradient == 0) == (mask == 0))
    }
  }

  /// A reservoir is drawn once, is part of the program, and gets no derivative.
  @Test func reservoirIsNoParameter() throws {
    let text = """
      cell Reservoir(I, N) {
          const W: [N, N] = where(uniform(seed: 1) < 0.2, normal(1 / sqrt(0.2 * N), seed: 2), 0) * 0.9
          const V: [N, I] = uniform(0.5, seed: 3)
          input x: [I]
          state h: [N]
          h' = 0.7 * h + 0.3 * tanh(W @ h + V @ x)
          output h'
      }
      model Echo(I = 2, N = 30) {
          input x: seq [I]
          target y: seq []
          pool = Reservoir(I, N)
          out = Linear(N, 1)
          loss square(out(pool(x))[0] - y)
      }
      """
    let source = SourceFile(name: "echo.rnn", text: text)
    let model = try Frontend().lower(source)
    #expect(
      model.graph.inputs.filter { if case .parameter = $0.role { true } else { false } }.map(\.name)
        == ["out.W", "out.b"])
    #expect(model.groups(of: ["out.W", "out.b"]).map(\.name) == ["cell 'out'"])
    #expect(model.diagnostics.rendered() == "")
    // The table is the same number of f64, rounded only where it is used.
    let wide = try loweredGraph(of: text)
    #expect(
      wide.description.replacing("f64", with: "f32")
        == model.graph.text(withPlaces: true).replacing("echo.rnn", with: "a.rnn"))
  }

  @Test func tooLargeForTheType() throws {
    let source = SourceFile(
      name: "a.rnn", text: "model M { input x: []; const a[i]: [2] = 1e300 * i; output x * a[1] }")
    #expect(throws: DiagnosticError.self) { try Frontend().lower(source) }
    _ = try Frontend().lower(source, element: .f64)
  }
}
