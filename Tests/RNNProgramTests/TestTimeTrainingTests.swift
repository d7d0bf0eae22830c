import RNNCompiler
import RNNTestSupport
import Testing

/// Nets that learn while they run: a step goes against a derivative, and the loss is differentiated through it.
///
/// The judge has the derivatives that stand in the step written out by hand; PyTorch finds them itself.
@Suite("Derivatives inside of a step")
struct TestTimeTrainingTests {
  /// Sun et al.: "Learning to (learn at test time)", TTT-Linear with layer normalisation.
  private static let linear = (
    rnn: """
    fn normed(x) = (x - mean(x)) * rsqrt(mean(square(x - mean(x))) + 1e-6)
    cell TTT(D) {
        param W0: [D, D] = normal(0.1)
        param g: [D] = ones
        param b: [D] = zeros
        input q: [D], k: [D], v: [D], rate: []
        state W: [D, D] = W0
        W' = W - rate * grad(0.5 * sum(square(g * normed(W @ k) + b + k - v)), W)
        output q + g * normed(W' @ q) + b
    }
    model Net(D = 4) {
        input q: seq [D], k: seq [D], v: seq [D], rate: seq []
        t = TTT(D)
        y = t(q, k, v, rate)
        output y
        loss sum(square(y - 0.3))
    }
    """,
    python: """
    class TTT(Cell):
        outputs = 1

        def __init__(c, path, P):
            Cell.__init__(c, path, P)
            c.g, c.b = P[path + ".g"], P[path + ".b"]
            c.states = [("W", (4, 4), P[path + ".W0"])]

        def step(c, old, new, q, k, v, rate):
            def normed(x):
                centred = subtract(x, mean_of(x))
                r = rsqrt(add(mean_of(square(centred)), 1e-6))
                return multiply(centred, r), r

            W = watched(old[c.path + ".W"])
            n, r = normed(matmul(W, k))
            error = subtract(add(add(multiply(c.g, n), c.b), k), v)
            dn = multiply(c.g, error)
            across = add(mean_of(dn), multiply(n, mean_of(multiply(dn, n))))
            dz = multiply(r, subtract(dn, across))
            W = subtract(W, multiply(rate, outer(dz, k)))
            new[c.path + ".W"] = W
            return add(add(q, multiply(c.g, normed(matmul(W, q))[0])), c.b)


    """ + model("TTT", parameters: ["t.W0", "t.g", "t.b"], inputs: ["q", "k", "v", "rate"])
  )

  /// Behrouz et al.: "Titans: learning to memorize at test time", with a memory of two layers.
  private static let titans = (
    rnn: """
    cell Titans(D, H) {
        input q: [D], k: [D], v: [D], keep: [], momentum: [], rate: []
        state M: [H, D], N: [D, H], S: [H, D], R: [D, H]
        e = sum(square(N @ silu(M @ k) - v))
        S' = momentum * S - rate * grad(e, M)
        R' = momentum * R - rate * grad(e, N)
        M' = keep * M + S'
        N' = keep * N + R'
        output N' @ silu(M' @ q)
    }
    model Net(D = 4, H = 3) {
        input q: seq [D], k: seq [D], v: seq [D], keep: seq [], momentum: seq [], rate: seq []
        t = Titans(D, H)
        y = t(q, k, v, keep, momentum, rate)
        output y
        loss sum(square(y - 0.3))
    }
    """,
    python: """
    class Titans(Cell):
        outputs = 1

        def __init__(c, path, P):
            Cell.__init__(c, path, P)
            c.states = [
                ("M", (3, 4), None), ("N", (4, 3), None), ("S", (3, 4), None), ("R", (4, 3), None)]

        def step(c, old, new, q, k, v, keep, momentum, rate):
            M, N, S, R = [watched(old[c.path + "." + name]) for name in "MNSR"]
            u = matmul(M, k)
            s = sigmoid(u)
            a = multiply(u, s)
            p = multiply(2, subtract(matmul(N, a), v))
            slope = multiply(s, add(1, multiply(u, subtract(1, s))))
            dM = outer(multiply(matmul(transpose(N), p), slope), k)
            S = subtract(multiply(momentum, S), multiply(rate, dM))
            R = subtract(multiply(momentum, R), multiply(rate, outer(p, a)))
            M, N = add(multiply(keep, M), S), add(multiply(keep, N), R)
            for name, state in zip("MNSR", (M, N, S, R)):
                new[c.path + "." + name] = state
            u = matmul(M, q)
            return matmul(N, multiply(u, sigmoid(u)))


    """ + model("Titans", parameters: [], inputs: ["q", "k", "v", "keep", "momentum", "rate"])
  )

  private static func model(_ cell: String, parameters: [String], inputs: [String]) -> String {
    """
    BATCH = 3
    PARAMETERS = \(parameters)
    DATA = {name: ("T", False) for name in \(inputs)}
    LENGTHS = {"T": "q.lengths"}
    OUTPUTS = {"y": "T"}
    MEANS = [("loss", "steps", True)]


    def model(run):
        t = \(cell)("t", run.parameters)
        y = run.apply(t, 1, [run.data[name] for name in \(inputs)])
        return {"y": y}, [(sum_of(square(subtract(y, 0.3))), None)]
    """
  }

  private static func program(
    _ texts: (rnn: String, python: String), shapes: [String: [Int]], seed: UInt64
  ) -> RandomProgram {
    var random = SplitMix64(seed: seed)
    var tensors: [String: Tensor] = [:]
    for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) {
      let count = shape.reduce(1, *)
      tensors[name] = Tensor((0..<count).map { _ in 2 * random.unit() - 1 }, shape: shape)
    }
    tensors["q.lengths"] = Tensor([6, 4, 1] as [Int32], shape: [3])
    return RandomProgram(
      seed: seed, rnn: texts.rnn, python: texts.python, sizes: [:], batch: 3, ragged: ["T"], tensors: tensors,
      draws: [], hasLoss: true)
  }

  private static var programs: [RandomProgram] {
    let data = ["q": [6, 3, 4], "k": [6, 3, 4], "v": [6, 3, 4], "rate": [6, 3]]
    let gates = ["keep": [6, 3], "momentum": [6, 3]]
    let parameters = ["t.W0": [4, 4], "t.g": [4], "t.b": [4]]
    let states = ["t.M": [3, 3, 4], "t.N": [3, 4, 3], "t.S": [3, 3, 4], "t.R": [3, 4, 3]]
    // The seed also chooses in which ways a program runs.
    var programs = [UInt64(0), 13].flatMap { seed in
      [
        program(linear, shapes: data.merging(parameters) { $1 }, seed: seed),
        program(titans, shapes: data.merging(gates) { $1 }.merging(states) { $1 }, seed: seed + 24),
      ]
    }
    // Memories that start empty have adjoints that are 0 by chance, but no derivatives that are.
    var empty = program(linear, shapes: data.merging(parameters) { $1 }, seed: 50)
    empty = RandomProgram(
      seed: 50, rnn: empty.rnn, python: empty.python, sizes: [:], batch: 3, ragged: ["T"],
      tensors: empty.tensors.merging(["t.W0": Tensor([Double](repeating: 0, count: 16), shape: [4, 4])]) {
        $1
      },
      draws: [], hasLoss: true)
    programs.append(empty)
    return programs
  }

  @Test(.enabled(if: Judge.numpy != nil, "no Python has numpy: run `make setup`"))
  func stepsAgainstADerivative() throws {
    try ProgramComparison(Self.programs, tolerance: 1e-10).check()
  }

  @Test(
    .group(.pytorch), .enabled(if: Judge.torch != nil, "no Python has PyTorch: run `make setup-torch`"))
  func agreeWithPyTorch() throws {
    let found = [
      ("outer(dz, k)", "grad(multiply(0.5, sum_of(square(error))), W)"),
      ("outer(multiply(matmul(transpose(N), p), slope), k)", "grad(multiply(0.25, sum_of(square(p))), M)"),
      ("outer(p, a)", "grad(multiply(0.25, sum_of(square(p))), N)"),
    ]
    let programs = Self.programs.map { program in
      RandomProgram(
        seed: program.seed, rnn: program.rnn,
        python: found.reduce(program.python) { $0.replacing($1.0, with: $1.1) }, sizes: program.sizes,
        batch: program.batch, ragged: program.ragged, tensors: program.tensors, draws: [], hasLoss: true)
    }
    try ProgramComparison(programs, isTorch: true, tolerance: 1e-10).check()
  }
}
