import RNNDifferentiation
import RNNGraph
import RNNOptimizers
import Testing

/// Character models built by hand: one-hot ids, a recurrent cell, a linear layer, cross-entropy.
struct Model: Sendable, CustomTestStringConvertible {
  enum Cell: String, Sendable, CaseIterable {
    case rnn, lstm, lstmSplit, gru, gruSplit, gruBefore, layerNormLSTM
  }

  var cell: Cell
  var layers = 1
  var element = ElementType.f64
  var classes = 5
  var width = 4

  var testDescription: String { "\(cell.rawValue)\(layers)" }

  static let all: [Model] = Cell.allCases.map { Model(cell: $0) } + [Model(cell: .gru, layers: 2)]

  func forward() -> Graph {
    let builder = GraphBuilder(Graph(name: testDescription))
    let ids = TensorType(.i32, [.steps, .batch])
    let text = builder.graph.addInput("text", role: .data, ids, idLimit: classes)
    let next = builder.graph.addInput("next", role: .target, ids, idLimit: classes)
    var x = builder.oneHot(text, extent: classes, element)
    var finals: [(String, ValueID)] = []
    for layer in 0..<layers {
      let net = Layer(builder: builder, name: "rnn\(layer)", element: element, width: width)
      x = net.scan(cell, x, &finals)
    }
    let net = Layer(builder: builder, name: "out", element: element, width: width)
    let (weight, bias) = (
      net.parameter("W", [.fixed(classes), .fixed(width)]), net.parameter("b", [.fixed(classes)])
    )
    let product = builder.dot(x, weight, DotAxes(lhsContracting: [2], rhsContracting: [1]))
    let y = builder.add(product, builder.broadcast(bias, axes: [2], shape: builder.type(product).shape))
    for (name, value) in finals { builder.graph.addOutput(name, role: .state, value) }
    builder.graph.addOutput("loss", role: .loss, loss(builder, y, next))
    return builder.graph
  }

  func gradients() throws -> Graph { try gradient(of: forward()) { $0.role != .data } }

  func training() throws -> Graph {
    let gradients = try gradient(of: forward()) { input in
      if case .parameter = input.role { true } else { false }
    }
    return try trainingGraph(from: gradients, TrainingStepOptions(clipsNorm: true, carriesState: true))
  }

  private func loss(_ builder: GraphBuilder, _ y: ValueID, _ ids: ValueID) -> ValueID {
    let shape = builder.type(y).shape
    let greatest = builder.detach(builder.reduce(.maximum, y, axes: [2]))
    let shifted = builder.subtract(y, builder.broadcast(greatest, axes: [0, 1], shape: shape))
    let logarithm = builder.unary(.log, builder.reduce(.sum, builder.unary(.exp, shifted), axes: [2]))
    let chosen = builder.multiply(builder.oneHot(ids, extent: classes, element), shifted)
    let each = builder.subtract(logarithm, builder.reduce(.sum, chosen, axes: [2]))
    return builder.divide(
      builder.reduce(.sum, each, axes: [0, 1]), builder.size([.batch, .steps], element))
  }
}

private struct Layer {
  let builder: GraphBuilder
  let name: String
  let element: ElementType
  let width: Int

  func parameter(_ own: String, _ shape: [Dimension]) -> ValueID {
    builder.graph.addInput(
      "\(name).\(own)", role: .parameter(.uniform(bound: 0.5)), TensorType(element, shape))
  }

  func scan(_ cell: Model.Cell, _ x: ValueID, _ finals: inout [(String, ValueID)]) -> ValueID {
    let inputs = builder.type(x).shape[2]
    let hidden = Dimension.fixed(width)
    let states = cell.hasMemory ? ["h", "c"] : ["h"]
    let initial = states.map {
      builder.graph.addInput("\(name).\($0)", role: .state, TensorType(element, [.batch, hidden]))
    }
    var names: [String] = []
    var weights: [ValueID] = []
    for gate in cell.gates {
      let rows = Dimension.fixed(width * gate.parts)
      for (kind, shape) in [("W", [rows, inputs]), ("U", [rows, hidden]), ("b", [rows]), ("d", [rows])] {
        names.append("\(kind)_\(gate.name)")
        weights.append(parameter(names[names.count - 1], shape))
      }
    }
    let results = builder.scan(steps: .steps, invariants: weights, carries: initial, sequences: [x]) {
      weights, carries, elements in
      let step = Step(
        builder: builder, weights: Dictionary(uniqueKeysWithValues: zip(names, weights)), width: width,
        x: elements[0], h: carries[0], c: carries.last ?? carries[0])
      let next = step.make(cell)
      return (next, [next[0]])
    }
    finals += zip(states, results.carries).map { ("\(name).\($0)", $1) }
    return results.outputs[0]
  }
}

extension Model.Cell {
  fileprivate var hasMemory: Bool {
    switch self {
    case .lstm, .lstmSplit, .layerNormLSTM: true
    case .rnn, .gru, .gruSplit, .gruBefore: false
    }
  }

  fileprivate var gates: [(name: String, parts: Int)] {
    switch self {
    case .rnn: [("h", 1)]
    case .lstm: [("i", 1), ("f", 1), ("g", 1), ("o", 1)]
    case .lstmSplit, .layerNormLSTM: [("all", 4)]
    case .gru, .gruBefore: [("z", 1), ("r", 1), ("n", 1)]
    case .gruSplit: [("all", 3)]
    }
  }
}

/// The equations of one step.
private struct Step {
  let builder: GraphBuilder
  let weights: [String: ValueID]
  let width: Int
  let x: ValueID, h: ValueID, c: ValueID

  func make(_ cell: Model.Cell) -> [ValueID] {
    let b = builder
    switch cell {
    case .rnn:
      return [b.unary(.tanh, b.add(input("h"), state("h", h)))]
    case .lstm:
      return memory(["i", "f", "g", "o"].map { b.add(input($0), state($0, h)) })
    case .lstmSplit:
      return memory(split(b.add(input("all"), state("all", h)), 4))
    case .layerNormLSTM:
      return memory(split(b.add(normalized(input("all")), normalized(state("all", h))), 4))
    case .gru:
      return [gated(["z", "r", "n"].map(input), ["z", "r", "n"].map { state($0, h) })]
    case .gruSplit:
      return [gated(split(input("all"), 3), split(state("all", h), 3))]
    case .gruBefore:
      let z = b.unary(.sigmoid, b.add(input("z"), state("z", h)))
      let r = b.unary(.sigmoid, b.add(input("r"), state("r", h)))
      let n = b.unary(.tanh, b.add(input("n"), state("n", b.multiply(r, h))))
      return [mix(z, n)]
    }
  }

  private func input(_ gate: String) -> ValueID { affine(x, "W_\(gate)", "b_\(gate)") }
  private func state(_ gate: String, _ h: ValueID) -> ValueID { affine(h, "U_\(gate)", "d_\(gate)") }

  private func affine(_ x: ValueID, _ weight: String, _ bias: String) -> ValueID {
    guard let weight = weights[weight], let bias = weights[bias] else { preconditionFailure(weight) }
    let product = builder.dot(x, weight, DotAxes(lhsContracting: [1], rhsContracting: [1]))
    return builder.add(product, builder.broadcast(bias, axes: [1], shape: builder.type(product).shape))
  }

  private func split(_ x: ValueID, _ count: Int) -> [ValueID] {
    (0..<count).map { builder.slice(x, axis: 1, start: $0 * width, count: width) }
  }

  private func mix(_ z: ValueID, _ n: ValueID) -> ValueID {
    let rest = builder.subtract(builder.constant(1, like: z), z)
    return builder.add(builder.multiply(z, h), builder.multiply(rest, n))
  }

  private func gated(_ inputs: [ValueID], _ states: [ValueID]) -> ValueID {
    let z = builder.unary(.sigmoid, builder.add(inputs[0], states[0]))
    let r = builder.unary(.sigmoid, builder.add(inputs[1], states[1]))
    return mix(z, builder.unary(.tanh, builder.add(inputs[2], builder.multiply(r, states[2]))))
  }

  private func memory(_ gates: [ValueID]) -> [ValueID] {
    let next = builder.add(
      builder.multiply(builder.unary(.sigmoid, gates[1]), c),
      builder.multiply(builder.unary(.sigmoid, gates[0]), builder.unary(.tanh, gates[2])))
    return [builder.multiply(builder.unary(.sigmoid, gates[3]), builder.unary(.tanh, next)), next]
  }

  private func normalized(_ x: ValueID) -> ValueID {
    let shape = builder.type(x).shape
    func mean(_ x: ValueID) -> ValueID {
      builder.broadcast(
        builder.scale(builder.reduce(.sum, x, axes: [1]), by: 1 / Double(4 * width)), axes: [0], shape: shape)
    }
    let centered = builder.subtract(x, mean(x))
    let variance = mean(builder.multiply(centered, centered))
    return builder.multiply(
      centered, builder.unary(.rsqrt, builder.add(variance, builder.constant(1e-5, like: variance))))
  }
}
