import RNNBuilder

/// The tasks of long memory.
extension Twins {
  static let tasks: [String: [Model]] = [
    "adding.rnn": [adding],
    "copy.rnn": [copy],
    "reverse.rnn": [teach, reverseAlone],
  ]

  private static let adding = Model("Adding") { m in
    let H = m.size("H", default: 64)
    let x = m.input("x", .seq([2]))
    let answer = m.target("answer", [])
    let rnn = m.instance("rnn", of: gru, 2, H)
    let out = m.instance("out", of: linear, H, 1)

    let y = out(last(rnn(x)))[0]
    m.output("y", y)
    m.loss(square(y - answer))
  }

  private static let orthogonalRNN = Cell("OrthogonalRNN") { c in
    let I = c.size("I")
    let H = c.size("H")
    let W = c.param("W", [H, I], .uniform(1 / sqrt(I)))
    let U = c.param("U", [H, H], .orthogonal)
    let b = c.param("b", [H], .zeros)
    let x = c.input("x", [I])
    let h = c.state("h", [H])

    h.next = W • x + U • h
    c.output(relu(h.next + b))
  }

  private static let copy = Model("Copy") { m in
    let V = m.size("V", default: 10)
    let H = m.size("H", default: 128)
    let seen = m.input("seen", .seq(.token(V)))
    let said = m.target("said", .seq(.token(V)))
    let rnn = m.instance("rnn", of: orthogonalRNN, V, H)
    let out = m.instance("out", of: linear, H, V)

    let y = out(rnn(onehot(seen)))
    m.output(argmax(y))
    m.loss(crossEntropy(y, said))
  }

  private static let decoder = Cell("Decoder") { c in
    let V = c.size("V")
    let H = c.size("H")
    let attend = c.instance("attend", of: .library("DotAttention"), H)
    let rnn = c.instance("rnn", of: gru, V + H, H)
    let out = c.instance("out", of: linear, 2 * H, V)
    let before = c.input("before", .token(V))
    let memory = c.input("memory", .seq([H]))

    let seen = attend(rnn["h"], memory)
    let h = rnn(concat(onehot(before), seen))
    c.output(out(concat(h, seen)))
  }

  private static let taught = Cell("Taught") { c in
    let V = c.size("V")
    let H = c.size("H")
    let decode = c.instance("decode", of: decoder, V, H)
    let given = c.input("given", .token(V))
    let memory = c.input("memory", .seq([H]))
    c.output(decode(given, memory))
  }

  private static let free = Cell("Free") { c in
    let V = c.size("V")
    let H = c.size("H")
    let decode = c.instance("decode", of: decoder, V, H)
    _ = c.input("_clock", [])
    let memory = c.input("memory", .seq([H]))
    let scores = c.state("scores", [V])
    scores.next = decode(argmax(scores), memory)
    c.output(argmax(scores.next))
  }

  /// Both directions over a word.
  private static func remembered(_ word: Value, _ m: ModelScope, _ V: Size, _ H: Size) -> Value {
    let forward = m.instance("forward", of: gru, V, H / 2)
    let backward = m.instance("backward", of: gru, V, H / 2)
    let x = onehot(word)
    return concat(forward(x), reverse(backward(reverse(x))))
  }

  private static let teach = Model("Teach") { m in
    let V = m.size("V", default: 27)
    let H = m.size("H", default: 128)
    let word = m.input("word", .seq("S", .token(V)))
    let given = m.input("given", .seq(.token(V)))
    let next = m.target("next", .seq(.token(V)))
    let memory = remembered(word, m, V, H)
    let write = m.instance("write", of: taught, V, H)

    let y = write(given, memory)
    m.output(argmax(y))
    m.loss(crossEntropy(y, next))
  }

  private static let reverseAlone = Model("Reverse") { m in
    let V = m.size("V", default: 27)
    let H = m.size("H", default: 128)
    let word = m.input("word", .seq("S", .token(V)))
    let clock = m.input("clock", .seq([]))
    let memory = remembered(word, m, V, H)
    let write = m.instance("write", of: free, V, H)
    m.output(write(clock, memory))
  }
}
