import RNNBuilder

/// The systems of `docs/systems.md`.
extension Twins {
  static let systems: [String: [Model]] = [
    "arithmetic.rnn": [arithmetic],
    "bidirectional-lstm.rnn": [both],
    "hello.rnn": [
      hello("Equations") { m, V in m.instance("rnn", of: elman { .uniform(1 / sqrt($0)) }, V, V) },
      hello("Concise") { m, V in m.instance("rnn", of: .library("RNN"), V, V) },
      embedded,
    ],
    "patterns.rnn": [label, read, spell, translate],
    "stack.rnn": [stack],
    "time-machine-gru-equations.rnn": [
      characterModel(256) { m, V, H in m.instance("rnn", of: gatedUnit, V, H) }
    ],
    "time-machine-rnn-equations.rnn": [
      characterModel(512) { m, V, H in
        m.instance("rnn", of: elman({ _ in .normal(0.01) }, bias: .zeros), V, H)
      }
    ],
  ]

  // MARK: Cells

  private static let plain = Cell("Plain") { c in
    let I = c.size("I")
    let H = c.size("H")
    let O = c.size("O")
    let W = c.param("W", [I, H], .uniform(1))
    let U = c.param("U", [H, H], .uniform(1))
    let b = c.param("b", [H], .uniform(1))
    let V = c.param("V", [H, O], .uniform(1))
    let d = c.param("c", [O], .uniform(1))
    let x = c.input("x", [I])
    let h = c.state("h", [H])

    h.next = tanh(x • W + h • U + b)
    c.output(h.next, h.next • V + d)
  }

  /// The simple recurrent net, with first values for the matrices and the bias.
  private static func elman(_ matrices: @escaping (_ H: Size) -> InitialValue, bias: InitialValue? = nil)
    -> Cell
  {
    Cell("Elman") { c in
      let I = c.size("I")
      let H = c.size("H")
      let W = c.param("W", [H, I], matrices(H))
      let U = c.param("U", [H, H], matrices(H))
      let b = c.param("b", [H], bias ?? matrices(H))
      let x = c.input("x", [I])
      let h = c.state("h", [H])

      h.next = tanh(W • x + U • h + b)
      c.output(h.next)
    }
  }

  private static let gatedUnit = Cell("GatedUnit") { c in
    let I = c.size("I")
    let H = c.size("H")
    let gates = ["z", "r", "n"]
    let W = gates.map { c.param("W_\($0)", [H, I], .normal(0.01)) }
    let U = gates.map { c.param("U_\($0)", [H, H], .normal(0.01)) }
    let b = gates.map { c.param("b_\($0)", [H], .zeros) }
    let x = c.input("x", [I])
    let h = c.state("h", [H])

    let z = sigmoid(W[0] • x + U[0] • h + b[0])
    let r = sigmoid(W[1] • x + U[1] • h + b[1])
    let n = tanh(W[2] • x + U[2] • (r * h) + b[2])
    h.next = z * h + (1 - z) * n
    c.output(h.next)
  }

  // MARK: Models

  private static let arithmetic = Model("Arithmetic") { m in
    let I = m.size("I", default: 2)
    let H = m.size("H", default: 3)
    let O = m.size("O", default: 1)
    let x = m.input("x", .seq([I]))
    let answer = m.target("answer", .seq([O]))
    let net = m.instance("net", of: plain, I, H, O)

    let (h, y): (Value, Value) = net.outputs(x)
    m.output("h", h)
    m.output("y", y)
    m.loss(mse(y, answer))
  }

  private static let stack = Model("Stack") { m in
    let I = m.size("I", default: 4)
    let H = m.size("H", default: 2)
    let x = m.input("x", .seq([I]))
    let y = m.target("y", .seq([H]))
    let lower = m.instance("lower", of: .library("RNN"), I, H)
    let middle = m.instance("middle", of: .library("RNN"), H, H)
    let upper = m.instance("upper", of: .library("RNN"), H, H)

    let h = upper(middle(lower(x)))
    m.output("h", h)
    m.loss(mse(h, y))
  }

  private static let both = Model("Both") { m in
    let I = m.size("I", default: 4)
    let H = m.size("H", default: 6)
    let x = m.input("x", .seq([I]))
    let y = m.target("y", .seq([2 * H]))
    // A loop of Swift makes the layers.
    let layers = [I, 2 * H].enumerated().map { layer, width in
      (
        m.instance("f\(layer)", of: .library("LSTM"), width, H),
        m.instance("b\(layer)", of: .library("LSTM"), width, H)
      )
    }

    let h = layers.reduce(x) { x, layer in concat(layer.0(x), reverse(layer.1(reverse(x)))) }
    m.output("h", h)
    m.loss(mse(h, y))
  }

  private static func hello(_ name: String, _ makeCell: (ModelScope, _ V: Size) -> Instance) -> Model {
    Model(name) { m in
      let V = m.size("V", default: 4)
      let text = m.input("text", .seq(.token(V)))
      let next = m.target("next", .seq(.token(V)))
      let y = makeCell(m, V)(onehot(text))
      m.output(argmax(y))
      m.loss(total(crossEntropy(y, next)))
    }
  }

  private static let embedded = Model("Embedded") { m in
    let V = m.size("V", default: 4)
    let D = m.size("D", default: 10)
    let H = m.size("H", default: 8)
    let text = m.input("text", .seq(.token(V)))
    let next = m.target("next", .seq(.token(V)))
    let embedding = m.instance("embedding", of: .library("Embedding"), V, D)
    let lower = m.instance("lower", of: .library("RNN"), D, H)
    let upper = m.instance("upper", of: .library("RNN"), H, H)
    let out = m.instance("out", of: linear, H, V)

    let y = out(upper(lower(embedding(text))))
    m.output(argmax(y))
    m.loss(total(crossEntropy(y, next)))
  }

  private static let label = Model("Label") { m in
    let V = m.size("V", default: 27)
    let H = m.size("H", default: 32)
    let C = m.size("C", default: 2)
    let word = m.input("word", .seq(.token(V)))
    let label = m.target("label", .seq(.token(C)))
    let forward = m.instance("forward", of: gru, V, H)
    let backward = m.instance("backward", of: gru, V, H)
    let out = m.instance("out", of: linear, 2 * H, C)

    let x = onehot(word)
    let y = out(concat(forward(x), reverse(backward(reverse(x)))))
    m.output(argmax(y))
    m.loss(crossEntropy(y, label))
  }

  private static let read = Model("Read") { m in
    let V = m.size("V", default: 27)
    let H = m.size("H", default: 32)
    let C = m.size("C", default: 10)
    let word = m.input("word", .seq(.token(V)))
    let digit = m.target("digit", .token(C))
    let rnn = m.instance("rnn", of: gru, V, H)
    let out = m.instance("out", of: linear, H, C)

    let y = out(last(rnn(onehot(word))))
    m.output(argmax(y))
    m.loss(crossEntropy(y, digit))
  }

  private static let spell = Model("Spell") { m in
    let V = m.size("V", default: 27)
    let H = m.size("H", default: 32)
    let C = m.size("C", default: 10)
    let digit = m.input("digit", .token(C))
    let given = m.input("given", .seq(.token(V)))
    let next = m.target("next", .seq(.token(V)))
    let rnn = m.instance("rnn", of: gru, C + V, H)
    let out = m.instance("out", of: linear, H, V)

    let y = out(rnn(concat(repeated(onehot(digit)), onehot(given))))
    m.output(argmax(y))
    m.loss(crossEntropy(y, next))
  }

  private static let translate = Model("Translate") { m in
    let V = m.size("V", default: 27)
    let H = m.size("H", default: 32)
    let word = m.input("word", .seq("S", .token(V)))
    let given = m.input("given", .seq(.token(V)))
    let next = m.target("next", .seq(.token(V)))
    let read = m.instance("read", of: gru, V, H)
    let write = m.instance("write", of: gru, V, H)
    let out = m.instance("out", of: linear, H, V)

    _ = read(onehot(word))
    let y = out(write(onehot(given), from: read.final))
    m.output(argmax(y))
    m.loss(crossEntropy(y, next))
  }
}
