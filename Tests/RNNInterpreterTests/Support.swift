import RNNGraph
import RNNInterpreter

/// Evaluates the statements of a graph's text, verified.
func evaluate(
  _ statements: String, _ inputs: [String: DenseArray] = [:], sizes: [Symbol: Int] = [:]
) throws -> [String: DenseArray] {
  let graph = try Graph(parsing: "graph \"test\" {\n\(statements)\n}")
  try graph.verify()
  return try Interpreter(graph).run(inputs: inputs, sizes: sizes)
}

/// Evaluates one operation on inputs `%x`, `%y` and `%z` of the given types.
func evaluate(
  one operation: String, _ operands: [(type: String, DenseArray)], sizes: [Symbol: Int] = [:]
) throws -> DenseArray? {
  var statements = ""
  var inputs: [String: DenseArray] = [:]
  for (name, operand) in zip(["x", "y", "z"], operands) {
    statements += "%\(name) = data \"\(name)\" : \(operand.type)\n"
    inputs[name] = operand.1
  }
  return try evaluate(statements + "%r = \(operation)\noutput \"r\" = %r", inputs, sizes: sizes)["r"]
}

/// A row of numbers.
func f32(_ numbers: Double...) -> DenseArray { DenseArray(.f32, [numbers.count], numbers) }
func f64(_ numbers: Double...) -> DenseArray { DenseArray(.f64, [numbers.count], numbers) }
func i32(_ numbers: Double...) -> DenseArray { DenseArray(.i32, [numbers.count], numbers) }

/// The numbers 0, 1, 2, … in a shape.
func counting(_ element: ElementType, _ shape: [Int]) -> DenseArray {
  DenseArray(element, shape, (0..<shape.reduce(1, *)).map(Double.init))
}

/// Numbers between -1 and 1 that look random and are the same in every run.
func scattered(_ element: ElementType, _ shape: [Int], seed: Double) -> DenseArray {
  DenseArray(element, shape, (0..<shape.reduce(1, *)).map { (Double($0) * 12.9898 + seed * 78.233).rest })
}

extension Double {
  fileprivate var rest: Double {
    let x = self * 0.618_033_988_749_894_9
    return 2 * (x - x.rounded(.down)) - 1
  }
}

/// A unit with an update gate and a reset gate that acts before the product.
func gatedUnitGraph(_ element: ElementType, _ width: Int, _ hidden: Int, isReversed: Bool) throws -> Graph {
  let builder = GraphBuilder(Graph(name: "gated"))
  func input(_ name: String, _ role: InputRole, _ shape: [Dimension]) -> ValueID {
    builder.graph.addInput(name, role: role, TensorType(element, shape))
  }
  let x = input("x", .data, [.steps, .batch, .fixed(width)])
  let h = input("h", .state, [.batch, .fixed(hidden)])
  let weights = ["z", "r", "n"].flatMap {
    [
      input("W_\($0)", .parameter(.orthogonal), [.fixed(hidden), .fixed(width)]),
      input("U_\($0)", .parameter(.orthogonal), [.fixed(hidden), .fixed(hidden)]),
    ]
  }
  let (carries, outputs) = builder.scan(
    steps: .steps, isReversed: isReversed, invariants: weights, carries: [h], sequences: [x]
  ) { weights, carries, elements in
    let h = carries[0]
    let rows = DotAxes(lhsContracting: [1], rhsContracting: [1])
    func gate(_ index: Int, _ function: UnaryFunction, _ h: ValueID) -> ValueID {
      let sum = builder.add(
        builder.dot(elements[0], weights[2 * index], rows), builder.dot(h, weights[2 * index + 1], rows))
      return builder.unary(function, sum)
    }
    let z = gate(0, .sigmoid, h)
    let r = gate(1, .sigmoid, h)
    let n = gate(2, .tanh, builder.multiply(r, h))
    let kept = builder.multiply(z, h)
    let new = builder.multiply(builder.subtract(builder.constant(1, like: z), z), n)
    let next = builder.add(kept, new)
    return ([next], [next])
  }
  builder.graph.addOutput("h", role: .state, carries[0])
  builder.graph.addOutput("y", role: .output, outputs[0])
  try builder.graph.verify()
  return builder.graph
}
