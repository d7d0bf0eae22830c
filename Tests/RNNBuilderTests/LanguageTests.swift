import Foundation
import RNNBuilder
import RNNSupport
import RNNTestSupport
import Testing

@testable import RNNLanguage

@Suite("All of the language")
struct LanguageTests {
  /// The graphs of a model and of a text, as for training.
  private func graphs(_ model: Model, _ text: String) throws -> (swift: String, text: String) {
    func graph(_ text: String) throws -> String {
      let source = SourceFile(name: model.name, text: text)
      return try Frontend().lower(source, isTraining: true).graph.text(withPlaces: false)
    }
    _ = try Compiler().compile(model, batch: 2)
    return try (graph(model.listing), graph(text))
  }

  /// Every function of the language is one of Swift, and means the same.
  @Test func everyFunctionHasATwin() throws {
    let model = Model("M") { m in
      let x = m.input("x", .seq([6]))
      let t = m.input("t", .seq(.token(6)))
      let elementwise: [(Value) -> Value] = [
        tanh, sigmoid, exp, log, sqrt, rsqrt, abs, sin, cos, softplus, sign, relu, square, softmax,
        logSoftmax,
        reverse, expm1, log1p, erf, floor, round, silu, gelu,
      ]
      for (index, function) in elementwise.enumerated() { m.output("e\(index)", function(x)) }
      m.output("a", max(x, 2) + min(x, 3) + max(x) + min(x) + sum(x) + mean(x) + dot(x, x))
      m.output("p", pow(x, 2) + atan2(x, 1) + logaddexp(x, 0) + clamp(x, -1, 1))
      m.output("b", concat(x, onehot(t), repeated(last(x))))
      m.output("c", select(x <= 0, x, mse(x, 0 * x)))
      m.output("s", softmaxSteps(x) * bernoulli(0.5, like: x) - dropout(x, 0.25) + square(onehot(argmax(x))))
      let (p, q, r) = split(x)
      let parts = split(x, into: 6)
      m.output("d", p * q - r)
      m.output("e", parts[4] / parts[5])
      m.output("f", repeated(total(x)) * repeated(last(x), like: x))
      m.output("g", stopGradient(x) + straightThrough(onehot(t), clipGradient(x, 0.5)))
      m.output("h", grad(sum(square(x)), x))
      m.output("i", select(training > 0, normal(like: x), uniform(like: x)))
      m.output("j", onehot(sample(x)) + gumbelSoftmax(x, temperature: 0.5))
      let y = outer(x, p) + repeated(x, columns: 2) * repeated(q, rows: 6)
      let along: [((Value) -> Value, (Value, Axis) -> Value)] = [
        (sum, sum), (mean, mean), (max, max), (min, min), (norm, norm), (logSumExp, logSumExp),
      ]
      for (index, (all, over)) in along.enumerated() {
        m.output("r\(index)", over(y, .rows) + p * all(reshape(y, [12])))
        m.output("c\(index)", over(y, .columns))
      }
      m.output("z", softmax(y, over: .rows) + logSoftmax(y, over: .columns) - norm(x) * logSumExp(x))
      m.output("o", each("outer", y, y))
      m.loss(crossEntropy(x, t))
    }
    let text = """
      model M {
          input x: seq [6], t: seq token(6)
          output e0 = tanh(x), e1 = sigmoid(x), e2 = exp(x), e3 = log(x), e4 = sqrt(x), e5 = rsqrt(x), e6 = abs(x)
          output e7 = sin(x), e8 = cos(x), e9 = softplus(x), e10 = sign(x), e11 = relu(x), e12 = square(x)
          output e13 = softmax(x), e14 = log_softmax(x), e15 = reverse(x), e16 = expm1(x), e17 = log1p(x)
          output e18 = erf(x), e19 = floor(x), e20 = round(x), e21 = silu(x), e22 = gelu(x)
          output a = max(x, 2) + min(x, 3) + max(x) + min(x) + sum(x) + mean(x) + dot(x, x)
          output p = pow(x, 2) + atan2(x, 1) + logaddexp(x, 0) + clamp(x, -1, 1)
          output b = concat(x, onehot(t), repeat(last(x)))
          output c = where(x <= 0, x, mse(x, 0 * x))
          output s = softmax_steps(x) * bernoulli(0.5, like: x) - dropout(x, 0.25) + square(onehot(argmax(x)))
          p, q, r = split(x, 3)
          _, _, _, _, u, v = split(x, 6)
          output d = p * q - r
          output e = u / v
          output f = repeat(total(x)) * repeat(last(x), like: x)
          output g = stop_gradient(x) + straight_through(onehot(t), clip_gradient(x, 0.5))
          output h = grad(sum(square(x)), x), i = where(training > 0, normal(like: x), uniform(like: x))
          output j = onehot(sample(x)) + gumbel_softmax(x, 0.5)
          y = outer(x, p) + repeat(x, columns: 2) * repeat(q, rows: 6)
          output r0 = sum(y, over: rows) + p * sum(reshape(y, 12)), c0 = sum(y, over: columns)
          output r1 = mean(y, over: rows) + p * mean(reshape(y, 12)), c1 = mean(y, over: columns)
          output r2 = max(y, over: rows) + p * max(reshape(y, 12)), c2 = max(y, over: columns)
          output r3 = min(y, over: rows) + p * min(reshape(y, 12)), c3 = min(y, over: columns)
          output r4 = norm(y, over: rows) + p * norm(reshape(y, 12)), c4 = norm(y, over: columns)
          output r5 = logsumexp(y, over: rows) + p * logsumexp(reshape(y, 12)), c5 = logsumexp(y, over: columns)
          output z = softmax(y, over: rows) + log_softmax(y, over: columns) - norm(x) * logsumexp(x)
          output o = each(outer, y, y)
          loss cross_entropy(x, t)
      }
      """
    let listed = model.listing
    for function in Builtin.names {
      #expect(listed.contains("\(function)("), "\(function) is not said in Swift")
    }
    let graphs = try graphs(model, text)
    #expect(graphs.swift == graphs.text)
  }

  @Test func partsInstancesAndStatesMeanTheSame() throws {
    let pair = Cell("Pair") { c in
      let H = c.size("H")
      let D = c.size("D", default: H / 2)
      let x = c.input("x", [H])
      let h = c.state("h", [H])
      let d = c.state("d", [D], from: 0.5)
      let inner = c.instance("inner", of: .library("LSTM"), H, D)
      let y = inner(x)
      d.next = d * y + inner["c"] * inner["c"].next
      h.next = tanh(inner["W"].transposed • concat(d.next, y, y, y)) + x[0] * h
      c.output(h.next, inner["W"][0][from: 1])
    }
    let model = Model("M") { m in
      let V = m.size("V", default: 6)
      let t = m.input("t", .seq(.token(V)))
      let start = m.input("start", [V])
      let E = m.param("E", as: "weight", [V, V], .normal(0.1))
      let a = m.instance("a", of: pair, V, named: ["D": V - 3])
      let b = m.instance("b", of: pair, 6)
      let (y, _): (Value, Value) = a.outputs(
        E[t], from: [start, start[from: 0, to: 3], 0 * start[to: 3], start[from: V - 3]])
      let final = a["inner.c"].next
      let (z, _): (Value, Value) = b.outputs(y, from: a.final)
      let (again, w): (Value, Value) = a.outputs(z)
      m.output("y", y)
      m.output("z", again * z + sum(w))
      m.output("final", matmul(final, E[to: 3]) + b["h"].next)
    }
    let text = """
      cell Pair(H, D = H / 2) {
          input x: [H]
          state h: [H]
          state d: [D] = 0.5
          inner = LSTM(H, D)
          y = inner(x)
          d' = d * y + inner.c * inner.c'
          h' = tanh(inner.W.T @ concat(d', y, y, y)) + x[0] * h
          output h', inner.W[0][1:]
      }
      model M(V = 6) {
          input t: seq token(V), start: [V]
          param E as weight: [V, V] = normal(0.1)
          a = Pair(V, D: V - 3)
          b = Pair(6)
          y, _ = a(E[t], from: (start, start[0:3], 0 * start[:3], start[V - 3:]))
          final = a.inner.c'
          z, _ = b(y, from: a)
          again, w = a(z)
          output y, z = again * z + sum(w), final = final @ E[:3] + b.h'
      }
      """
    let graphs = try graphs(model, text)
    #expect(graphs.swift == graphs.text)
    #expect(model.listing.contains("    param E as weight: [V, V] = normal(0.1)\n"))
  }

  /// The attention and the zoneout of `docs/language.md`.
  @Test func wholeSequencesAndRandomnessMeanTheSame() throws {
    let attention = Cell("Attention") { c in
      let H = c.size("H")
      let query = c.input("query", [H])
      let memory = c.input("memory", .seq([H]))
      let weights = softmaxSteps(dot(repeated(query, like: memory), memory))
      c.output(total(weights * memory))
    }
    let decoder = Cell("Decoder") { c in
      let I = c.size("I")
      let H = c.size("H")
      let percent = c.size("percent", default: 10)
      let attend = c.instance("attend", of: attention, H)
      let rnn = c.instance("rnn", of: .library("GRU"), I + H, H)
      let x = c.input("x", [I])
      let memory = c.input("memory", .seq([H]))
      let h = c.state("h", [H])
      let new = rnn(concat(x, attend(h, memory)))
      let mask = bernoulli(Value(percent) / 100, like: h)
      h.next = mask * h + (1 - mask) * new
      c.output(h.next)
    }
    let model = Model("Reverse") { m in
      let V = m.size("V", default: 5)
      let H = m.size("H", default: 6)
      let word = m.input("word", .seq("S", .token(V)))
      let given = m.input("given", .seq(.token(V)))
      let next = m.target("next", .seq(.token(V)))
      let encode = m.instance("encode", of: .library("GRU"), V, H)
      let decode = m.instance("decode", of: decoder, V, H)
      let out = m.instance("out", of: .library("Linear"), H, V)
      let memory = encode(onehot(word))
      let y = out(dropout(decode(onehot(given), memory), 0.5))
      m.output(argmax(y))
      m.loss(select(next == 0, 0, crossEntropy(y, next)) + select(given != next, 1, 0))
    }
    let text = """
      cell Attention(H) {
          input query: [H], memory: seq [H]
          weights = softmax_steps(dot(repeat(query, like: memory), memory))
          output total(weights * memory)
      }
      cell Decoder(I, H, percent = 10) {
          attend = Attention(H)
          rnn = GRU(I + H, H)
          input x: [I], memory: seq [H]
          state h: [H]
          new = rnn(concat(x, attend(h, memory)))
          mask = bernoulli(percent / 100, like: h)
          h' = mask * h + (1 - mask) * new
          output h'
      }
      model Reverse(V = 5, H = 6) {
          input  word: seq(S) token(V), given: seq token(V)
          target next: seq token(V)
          encode = GRU(V, H)
          decode = Decoder(V, H)
          out = Linear(H, V)
          memory = encode(onehot(word))
          y = out(dropout(decode(onehot(given), memory), 0.5))
          output argmax(y)
          loss where(next == 0, 0, cross_entropy(y, next)) + where(given != next, 1, 0)
      }
      """
    let graphs = try graphs(model, text)
    #expect(graphs.swift == graphs.text)
    #expect(graphs.swift.contains("random"))
  }

  /// Cells that are made again for other numbers of Swift, or that bear the name of another thing.
  @Test func cellsOfOneNameAreToldApart() throws {
    func scaled(_ factor: Double) -> Cell {
      Cell("GRU") { c in
        let H = c.size("H")
        let x = c.input("x", [H])
        let tanh = c.instance(
          "mean_of", of: Cell("tanh") { c in c.output(mean(c.input("x", [c.size("H")]))) }, H)
        let h = c.state("h", [H])
        h.next = x * Value(factor) + tanh(x)
        c.output(h.next)
      }
    }
    let model = Model("M") { m in
      let x = m.input("x", .seq([4]))
      let cells = [scaled(2), scaled(3), scaled(2), .library("GRU")]
      var y = x
      for (index, cell) in cells.enumerated() {
        y = index < 3 ? m.instance("i\(index)", of: cell, 4)(y) : m.instance("i3", of: cell, 4, 4)(y)
      }
      m.output(y)
    }
    let text = """
      cell Mean(H) { input x: [H]; output mean(x) }
      cell Twice(H) { input x: [H]; mean_of = Mean(H); state h: [H]; h' = x * 2 + mean_of(x); output h' }
      cell Thrice(H) { input x: [H]; mean_of = Mean(H); state h: [H]; h' = x * 3 + mean_of(x); output h' }
      model M {
          input x: seq [4]
          i0 = Twice(4); i1 = Thrice(4); i2 = Twice(4); i3 = GRU(4, 4)
          output i3(i2(i1(i0(x))))
      }
      """
    let graphs = try graphs(model, text)
    #expect(graphs.swift == graphs.text)
    #expect(model.listing.components(separatedBy: "cell ").count == 4)
  }

  @Test func cellsOfFilesCanBeUsed() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rnnc-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("cells.rnn").path
    try Data("cell Half(H) { input x: [H]; output x[:H / 2] }\n".utf8).write(to: URL(fileURLWithPath: path))
    let model = Model("M") { m in
      let x = m.input("x", .seq([4]))
      m.output(m.instance("half", of: .imported("Half", from: path), 4)(x))
    }
    let program = try Compiler().compile(model, batch: 2)
    #expect(program.graph.contains("f32[T, B, 2]"), "\(program.graph)")
    #expect(program.source.imports.keys.sorted() == [path])
  }
}
