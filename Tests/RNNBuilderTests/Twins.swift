import RNNBuilder

/// Each example of `Examples`, said in Swift.
enum Twins {
  /// The models of a file, by its path under `Examples`.
  static let all = characters.merging(systems) { $1 }.merging(tasks) { $1 }

  /// Models of text, and the first others.
  private static let characters: [String: [Model]] = [
    "bidirectional.rnn": [tagger],
    "char-gru.rnn": [characterModel(128) { m, V, H in m.instance("rnn", of: gru, V, H) }],
    "custom-cell.rnn": [highway],
    "deep-lstm.rnn": [deep],
    "layer-norm-lstm.rnn": [
      characterModel(256) { m, V, H in m.instance("rnn", of: .library("LayerNormLSTM"), V, H) }
    ],
    "peephole.rnn": [characterModel(256) { m, V, H in m.instance("rnn", of: peephole, V, H) }],
    "sequence-classifier.rnn": [classifier],
    "time-machine-gru.rnn": [characterModel(256) { m, V, H in m.instance("rnn", of: gru, V, H) }],
    "time-machine-lstm.rnn": [
      characterModel(256) { m, V, H in m.instance("rnn", of: .library("LSTM"), V, H) }
    ],
    "time-machine-rnn.rnn": [
      characterModel(256) { m, V, H in m.instance("rnn", of: .library("RNN"), V, H) }
    ],
  ]

  // MARK: Cells of the standard library

  /// The library's `GRU`, equation by equation.
  static let gru = Cell("GRU") { c in
    let I = c.size("I")
    let H = c.size("H")
    let bound = InitialValue.uniform(1 / sqrt(H))
    let W = c.param("W", as: "weight_ih", [3 * H, I], bound)
    let U = c.param("U", as: "weight_hh", [3 * H, H], bound)
    let bX = c.param("b_x", as: "bias_ih", [3 * H], bound)
    let bH = c.param("b_h", as: "bias_hh", [3 * H], bound)
    let x = c.input("x", [I])
    let h = c.state("h", [H])

    let (rX, zX, nX) = split(W • x + bX)
    let (rH, zH, nH) = split(U • h + bH)
    let r = sigmoid(rX + rH)
    let z = sigmoid(zX + zH)
    let n = tanh(nX + r * nH)
    h.next = (1 - z) * n + z * h
    c.output(h.next)
  }

  /// The library's `PeepholeLSTM`, equation by equation.
  static let peephole = Cell("PeepholeLSTM") { c in
    let I = c.size("I")
    let H = c.size("H")
    let bound = InitialValue.uniform(1 / sqrt(H))
    let W = c.param("W", [4 * H, I], bound)
    let U = c.param("U", [4 * H, H], bound)
    let b = c.param("b", [4 * H], bound)
    let pI = c.param("p_i", [H], bound)
    let pF = c.param("p_f", [H], bound)
    let pO = c.param("p_o", [H], bound)
    let x = c.input("x", [I])
    let h = c.state("h", [H])
    let cell = c.state("c", [H])

    let (i, f, g, o) = split(W • x + U • h + b)
    cell.next = sigmoid(f + pF * cell) * cell + sigmoid(i + pI * cell) * tanh(g)
    h.next = sigmoid(o + pO * cell.next) * tanh(cell.next)
    c.output(h.next)
  }

  static let linear = Cell.library("Linear")

  // MARK: Models

  /// A model of text around an instance of any cell.
  static func characterModel(
    _ hidden: Size, _ makeCell: (ModelScope, _ V: Size, _ H: Size) -> Instance
  ) -> Model {
    Model("CharLM") { m in
      let V = m.size("V", default: 28)
      let H = m.size("H", default: hidden)
      let text = m.input("text", .seq(.token(V)))
      let next = m.target("next", .seq(.token(V)))
      let rnn = makeCell(m, V, H)
      let out = m.instance("out", of: linear, H, V)

      let y = out(rnn(onehot(text)))
      m.output(softmax(y))
      m.loss(crossEntropy(y, next))
    }
  }

  static let tagger = Model("Tagger") { m in
    let I = m.size("I", default: 4)
    let H = m.size("H", default: 6)
    let C = m.size("C", default: 3)
    let x = m.input("x", .seq([I]))
    let label = m.target("label", .seq(.token(C)))
    let forward = m.instance("forward", of: .library("RNN"), I, H)
    let backward = m.instance("backward", of: .library("RNN"), I, H)
    let out = m.instance("out", of: linear, 2 * H, C)

    let h = concat(forward(x), reverse(backward(reverse(x))))
    let y = out(h)
    m.output("h", h)
    m.output("scores", softmax(y))
    m.loss(crossEntropy(y, label))
  }

  static let deep = Model("CharLM") { m in
    let V = m.size("V", default: 28)
    let H = m.size("H", default: 256)
    let text = m.input("text", .seq(.token(V)))
    let next = m.target("next", .seq(.token(V)))
    let lower = m.instance("lower", of: .library("LSTM"), V, H)
    let upper = m.instance("upper", of: .library("LSTM"), H, H)
    let out = m.instance("out", of: linear, H, V)

    let y = out(upper(lower(onehot(text))))
    m.output(softmax(y))
    m.loss(crossEntropy(y, next))
  }

  static let classifier = Model("Classifier") { m in
    let V = m.size("V", default: 28)
    let D = m.size("D", default: 16)
    let H = m.size("H", default: 32)
    let C = m.size("C", default: 4)
    let text = m.input("text", .seq(.token(V)))
    let label = m.target("label", .token(C))
    let embedding = m.instance("embedding", of: .library("Embedding"), V, D)
    let rnn = m.instance("rnn", of: gru, D, H)
    let out = m.instance("out", of: linear, H, C)

    let y = out(last(rnn(embedding(text))))
    m.output(softmax(y))
    m.loss(crossEntropy(y, label))
  }

  // MARK: The custom cell

  static func swish(_ x: Value) -> Value { x * sigmoid(x) }

  static func mix(_ gate: Value, _ new: Value, _ old: Value) -> Value { gate * new + (1 - gate) * old }

  static let candidate = Cell("Candidate") { c in
    let I = c.size("I")
    let H = c.size("H")
    let x = c.input("x", [I])
    let wide = c.instance("wide", of: linear, I, 2 * H)
    let narrow = c.instance("narrow", of: linear, 2 * H, H)
    c.output(tanh(narrow(swish(wide(x)))))
  }

  static let memory = Cell("Memory") { c in
    let H = c.size("H")
    let decay = c.param("decay", [H], 2)
    let x = c.input("x", [H])
    let m = c.state("m", [H])
    m.next = mix(sigmoid(decay), m, x)
    c.output(m.next)
  }

  static let highwayCell = Cell("Highway") { c in
    let I = c.size("I")
    let H = c.size("H")
    let start = c.param("start", [H], .zeros)
    let x = c.input("x", [I])
    let h = c.state("h", [H], from: start)
    let candidate = c.instance("candidate", of: Self.candidate, I + H, H)
    let memory = c.instance("memory", of: Self.memory, H)
    let gate = c.instance("gate", of: linear, I + H, H)

    let seen = concat(x, h)
    let new = candidate(seen) + memory(h)
    h.next = mix(sigmoid(gate(seen)), new, h)
    c.output(h.next)
  }

  static let highway = characterModel(128) { m, V, H in m.instance("rnn", of: highwayCell, V, H) }
}
