import RNNGraph
import RNNInterpreter
import RNNTestSupport
import Testing

@testable import RNNLanguage

/// Copies of a cell side by side compute what as many instances of it do.
struct HeadTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let cells: String
    /// The data of both models.
    let data: String
    /// What is made of `rnn` and the like.
    let heads: String
    /// The same of `rnn0`, `rnn1` and so on.
    let apart: String
    /// What both put out and make small.
    let results: String
  }

  private static let cases = [
    Case(
      testDescription: "a matrix as a state, learned and given first states",
      cells: """
        cell Memory(K, V) {
            param W: [K, V] = normal(1)
            param first: [V] = normal(1)
            input q: [K], k: [K], v: [V], rate: [], keep: []
            state S: [K, V]
            state n: [V] = first
            state m: [] = 1
            S' = keep * S + outer(k, rate * (v - S.T @ k)) + m * W
            n' = tanh(n + S'.T @ k) @ (W.T @ S')
            m' = 0.5 * m + sum(n)
            output S'.T @ q, n' * m
        }
        """,
      data: "q: seq [2, 3], k: seq [2, 3], v: seq [2, 4], rate: seq [2], keep: seq []",
      heads: """
        rnn = heads(2, Memory(3, 4))
        y, z = rnn(q, k, v, rate, repeat(keep, rows: 2))
        """,
      apart: """
        rnn0 = Memory(3, 4)
        rnn1 = Memory(3, 4)
        y0, z0 = rnn0(q[0], k[0], v[0], rate[0], keep)
        y1, z1 = rnn1(q[1], k[1], v[1], rate[1], keep)
        y = concat(reshape(y0, 1, 4), reshape(y1, 1, 4))
        z = concat(reshape(z0, 1, 4), reshape(z1, 1, 4))
        """,
      results: """
        output y, z
        loss mse(y, sin(y)) + mse(z, z * z + 1)
        """),
    Case(
      testDescription: "heads in heads, in a cell and at once",
      cells: """
        cell Inner(H) {
            param U: [H, H] = normal(1)
            input x: [H]
            state h: [H]
            h' = tanh(x + U @ h)
            output h'
        }
        cell Outer(H) {
            inner = heads(2, Inner(H))
            param W: [H, H] = normal(1)
            input x: [2, H]
            state c: [H]
            y = inner(repeat(W @ x[0] * c, rows: 2) + inner.U @ x)
            c' = sum(y, over: rows) + sum(inner.h, over: rows)
            output c', y + inner.h'
        }
        cell OuterApart(H) {
            inner0 = Inner(H)
            inner1 = Inner(H)
            param W: [H, H] = normal(1)
            input x: [2, H]
            state c: [H]
            y0 = inner0(W @ x[0] * c + inner0.U @ x[0])
            y1 = inner1(W @ x[0] * c + inner1.U @ x[1])
            c' = y0 + y1 + inner0.h + inner1.h
            output c', concat(reshape(y0 + inner0.h', 1, H), reshape(y1 + inner1.h', 1, H))
        }
        """,
      data: "x: seq [2, 2, 3], a: [2, 2, 3]",
      heads: """
        rnn = heads(2, Outer(3))
        many = heads(2, heads(2, Inner(3)))
        z, y = rnn(x)
        w = many(x) + repeat(many(a), like: x)
        u = rnn.c' + sum(rnn.inner.U[1][0], over: rows)[0]
        """,
      apart: """
        rnn0 = OuterApart(3)
        rnn1 = OuterApart(3)
        z0, y0 = rnn0(x[0])
        z1, y1 = rnn1(x[1])
        z = concat(reshape(z0, 1, 3), reshape(z1, 1, 3))
        y = concat(reshape(y0, 1, 2, 3), reshape(y1, 1, 2, 3))
        many0_0 = Inner(3)
        many0_1 = Inner(3)
        many1_0 = Inner(3)
        many1_1 = Inner(3)
        all = concat(many0_0(x[0][0]), many0_1(x[0][1]), many1_0(x[1][0]), many1_1(x[1][1]))
        one = concat(many0_0(a[0][0]), many0_1(a[0][1]), many1_0(a[1][0]), many1_1(a[1][1]))
        w = reshape(all + repeat(one, like: x), 2, 2, 3)
        u = concat(reshape(rnn0.c', 1, 3), reshape(rnn1.c', 1, 3)) + sum(rnn1.inner0.U, over: rows)[0]
        """,
      results: """
        output z, y, w, u
        loss mse(y, sin(y)) + mse(z, w[0] * w[1]) + repeat(mse(u, 0 * u), like: x)
        """),
    Case(
      testDescription: "first states and a second application",
      cells: "",
      data: "x: seq [2, 3], a: [2, 4]",
      heads: """
        param p: [2, 4] = normal(1)
        rnn = heads(2, LSTM(3, 4))
        y = rnn(x)
        z = rnn(2 * x, from: (a, p))
        w = rnn(-x, from: rnn)
        u = rnn.c' @ rnn.U[0].T
        """,
      apart: """
        param p: [2, 4] = normal(1)
        rnn0 = LSTM(3, 4)
        rnn1 = LSTM(3, 4)
        y = concat(reshape(rnn0(x[0]), 1, 4), reshape(rnn1(x[1]), 1, 4))
        z = concat(
            reshape(rnn0(2 * x[0], from: (a[0], p[0])), 1, 4), reshape(rnn1(2 * x[1], from: (a[1], p[1])), 1, 4))
        w = concat(reshape(rnn0(-x[0], from: rnn0), 1, 4), reshape(rnn1(-x[1], from: rnn1), 1, 4))
        u = concat(reshape(rnn0.c', 1, 4), reshape(rnn1.c', 1, 4)) @ rnn0.U.T
        """,
      results: """
        output y, z, w, u
        loss mse(y, sin(z)) + mse(z, w) + repeat(mse(u, 0 * u), like: x)
        """),
    Case(
      testDescription: "cells without state on sequences, and whole sequences",
      cells: """
        cell Attention(H) {
            param W: [H, H] = normal(1)
            map = Linear(H, H)
            input query: [H], memory: seq [H]
            keys = W @ memory + map(memory)
            weights = softmax_steps(dot(repeat(query, like: memory), keys))
            output total(weights * memory) + last(reverse(memory)), map(query)
        }
        cell Codes(K, H) {
            param E: [K, H] = normal(1)
            input z: [H]
            code = argmax(E @ z)
            output E[code] + onehot(code)[:1] @ repeat(z, rows: 1), cross_entropy(E @ z, code), mse(z, square(z))
        }
        """,
      data: "x: seq [2, 3], s: seq(S) [2, 3], a: [2, 3]",
      heads: """
        attend = heads(2, Attention(3))
        codes = heads(2, Codes(4, 3))
        p, q = attend(x, s)
        r, t = attend(a, s)
        y = p * q + repeat(r - t, like: x)
        z, w, v = codes(x)
        b, c, d = codes(a)
        u = repeat(c * b[0][0] * d, like: x) + w * v
        """,
      apart: """
        attend0 = Attention(3)
        attend1 = Attention(3)
        codes0 = Codes(4, 3)
        codes1 = Codes(4, 3)
        p0, q0 = attend0(x[0], s[0])
        p1, q1 = attend1(x[1], s[1])
        r0, t0 = attend0(a[0], s[0])
        r1, t1 = attend1(a[1], s[1])
        y = concat(reshape(p0 * q0 + repeat(r0 - t0, like: x), 1, 3), reshape(p1 * q1 + repeat(r1 - t1, like: x), 1, 3))
        z0, w0, v0 = codes0(x[0])
        z1, w1, v1 = codes1(x[1])
        z = concat(reshape(z0, 1, 3), reshape(z1, 1, 3))
        b0, c0, d0 = codes0(a[0])
        b1, c1, d1 = codes1(a[1])
        u0 = repeat(c0 * b0[0] * d0, like: x) + w0 * v0
        u1 = repeat(c1 * b0[0] * d1, like: x) + w1 * v1
        u = concat(reshape(u0, 1), reshape(u1, 1))
        """,
      results: """
        output y, z, u
        loss mse(y, sin(y)) + mse(z, square(z)) + sum(u)
        """),
    Case(
      testDescription: "functions of each row",
      cells: """
        fn unit(x) = x / norm(x)
        fn scores(a, b) = clip_gradient(dot(a, b) * unit(a) + 2, 0.1)
        fn rows(m) = each(unit, m)
        fn together(s, v) = softmax_steps(s) * repeat(last(s) + v, like: s)
        cell Cell(H) {
            param W: [2, H] = normal(1)
            input x: [2, H]
            state S: [2, H]
            S' = each(unit, S + x) + each(logsumexp, W)[0] * each(tanh, W)
            output S'
        }
        cell CellApart(H) {
            param W: [2, H] = normal(1)
            input x: [2, H]
            state S: [2, H]
            next = concat(reshape(unit(S[0] + x[0]), 1, H), reshape(unit(S[1] + x[1]), 1, H))
            S' = next + logsumexp(W[0]) * tanh(W)
            output S'
        }
        """,
      data: "x: seq [2, 3], a: [2, 3]",
      heads: """
        param P: [2, 3] = normal(1)
        rnn = Cell(3)
        y = each(scores, x, repeat(each(unit, P), like: x)) + repeat(each(total, x), like: x)
        m = each(rows, each(outer, x, sin(x)))
        z = rnn(m[1][:2] + repeat(each(scores, P, a), like: x))
        w = each(together, x, a)
        """,
      apart: """
        param P: [2, 3] = normal(1)
        rnn = CellApart(3)
        t = repeat(total(x), like: x)
        p = scores(x[0], repeat(unit(P[0]), like: x))
        q = scores(x[1], repeat(unit(P[1]), like: x))
        y = concat(reshape(p, 1, 3), reshape(q, 1, 3)) + t
        o = outer(x[1], sin(x[1]))
        m = concat(reshape(unit(o[0]), 1, 3), reshape(unit(o[1]), 1, 3))
        n = concat(reshape(scores(P[0], a[0]), 1, 3), reshape(scores(P[1], a[1]), 1, 3))
        z = rnn(m + repeat(n, like: x))
        f = together(x[0], a[0])
        g = together(x[1], a[1])
        w = concat(reshape(f, 1, 3), reshape(g, 1, 3))
        """,
      results: """
        output y, z, w
        loss mse(y, sin(y)) + mse(z, w)
        """),
    Case(
      testDescription: "an instance for each row, and heads of that",
      cells: """
        cell Scaled(H) {
            map = Linear(H, H)
            param g: [H] = normal(1)
            input x: [H], s: []
            output s * map(x) + g
        }
        cell Rows(H) {
            scale = Scaled(H)
            pair = heads(2, Scaled(H))
            input x: [2, H]
            s = sum(x, over: columns)
            output each(scale, x, s) + each(pair, repeat(x, rows: 2), outer(s, s))[1]
        }
        cell RowsApart(H) {
            scale = Scaled(H)
            pair0 = Scaled(H)
            pair1 = Scaled(H)
            input x: [2, H]
            s = sum(x, over: columns)
            a = scale(x[0], s[0]) + pair0(x[0], s[0] * s[1])
            b = scale(x[1], s[1]) + pair1(x[1], s[1] * s[1])
            output concat(reshape(a, 1, H), reshape(b, 1, H))
        }
        """,
      data: "x: seq [2, 2, 3], a: [2, 2, 3]",
      heads: """
        rows = heads(2, Rows(3))
        one = Rows(3)
        y = rows(x)
        z = one(x[0]) + repeat(one(a[1]), like: x)
        """,
      apart: """
        rows0 = RowsApart(3)
        rows1 = RowsApart(3)
        one = RowsApart(3)
        y = concat(reshape(rows0(x[0]), 1, 2, 3), reshape(rows1(x[1]), 1, 2, 3))
        z = one(x[0]) + repeat(one(a[1]), like: x)
        """,
      results: """
        output y, z
        loss mse(y, sin(y)) + mse(z, y[0])
        """),
  ]

  /// What a name of single instances stands for: `rnn1.inner0.h` is of `rnn.inner.h` the place `[1, 0]`.
  private func place(of name: String) -> (name: String, indices: [Int]) {
    var indices: [Int] = []
    let parts = name.split(separator: ".").map { part -> String in
      let application = part.drop { $0 != "@" }
      let digits = part.dropLast(application.count).filter(\.isNumber)
      indices += digits.map { $0.wholeNumberValue! }
      return digits.isEmpty ? String(part) : String(part.prefix { $0.isLetter } + application)
    }
    return (parts.joined(separator: "."), indices)
  }

  /// The place of an array of which the first axis may be the batch.
  private func part(_ array: DenseArray, _ indices: [Int], hasBatch: Bool) -> DenseArray {
    let (first, count) = (hasBatch ? 1 : 0, indices.count)
    let inner = array.shape.dropFirst(first + count).reduce(1, *)
    let copies = array.shape[first..<(first + count)].reduce(1, *)
    let place = zip(indices, array.shape.dropFirst(first)).reduce(0) { $0 * $1.1 + $1.0 }
    let numbers = (0..<(array.numbers.count / inner)).flatMap { row in
      row % copies == place ? Array(array.numbers[(row * inner)..<((row + 1) * inner)]) : []
    }
    let shape = Array(array.shape.prefix(first)) + array.shape.dropFirst(first + count)
    return DenseArray(array.element, shape, numbers)
  }

  @Test(arguments: cases, [false, true])
  func copiesComputeWhatInstancesDo(_ wanted: Case, isRagged: Bool) throws {
    let steps = isRagged ? Set(wanted.data.contains("seq(S)") ? ["T", "S"] : ["T"]) : []
    let (heads, apart) = try (
      loweredGraph(of: wanted.model(wanted.heads), ragged: steps),
      loweredGraph(of: wanted.model(wanted.apart), ragged: steps)
    )
    var random = SplitMix64(seed: 4)
    let inputs = randomInputs(for: heads, sizes: [.batch: 3, .steps: 4, Symbol("S"): 3], using: &random)
    var own: [String: DenseArray] = [:]
    for input in apart.inputs {
      let (name, indices) = place(of: input.name)
      own[input.name] = part(try #require(inputs[name]), indices, hasBatch: input.role == .state)
    }
    let (found, expected) = try (gradients(of: heads, inputs), gradients(of: apart, own))
    #expect(difference(found["loss"], expected["loss"]) < 1e-12)
    #expect(try #require(found["loss"]).numbers[0].isFinite)
    for output in apart.outputs where output.role != .metric {
      let (name, indices) = place(of: output.name)
      let value = part(try #require(found[name]), indices, hasBatch: output.role == .state)
      #expect(difference(value, expected[output.name]) < 1e-12, "\(output.name)")
    }
    for input in apart.inputs where apart.type(input.value).element.isFloat {
      let (name, indices) = place(of: input.name)
      let value = part(try #require(found["grad.\(name)"]), indices, hasBatch: input.role == .state)
      #expect(difference(value, expected["grad.\(input.name)"]) < 1e-11, "the gradient of \(input.name)")
    }
  }

  @Test func eachHeadDrawsForItself() throws {
    let graph = try loweredGraph(
      of: """
        cell Drops {
            param w: [64] = ones
            input x: [64]
            state h: [64]
            h' = dropout(x, 0.5)
            output h', bernoulli(0.5, like: w) + 0 * x
        }
        cell Layer {
            input x: [64]
            output dropout(x, 0.5), bernoulli(0.5, like: x)
        }
        model M {
            input x: seq [2, 64]
            drops = heads(2, Drops())
            layer = heads(2, Layer())
            y, w = drops(x)
            z, u = layer(x)
            output y, w, z, u
        }
        """, isTraining: true)
    let (steps, batch) = (3, 4)
    var inputs = [
      "x": DenseArray(.f64, [steps, batch, 2, 64], repeating: 1), "seed": DenseArray(.i32, scalar: 5),
      "drops.w": DenseArray(.f64, [2, 64], repeating: 1),
      "drops.h": DenseArray(.f64, [batch, 2, 64], repeating: 0),
    ]
    let outputs = try Interpreter(graph).run(inputs: inputs)
    func rows(_ name: String) throws -> [[Double]] {
      let numbers = try #require(outputs[name]).numbers
      return stride(from: 0, to: numbers.count, by: 64).map { Array(numbers[$0..<($0 + 64)]) }
    }
    for name in ["y", "z", "u"] { #expect(Set(try rows(name)).count == steps * batch * 2, "\(name)") }
    // A draw like a parameter is one for all examples and steps, and one for each head.
    let w = try rows("w")
    #expect(w[0] != w[1])
    #expect(w.indices.allSatisfy { w[$0] == w[$0 % 2] })
    inputs["seed"] = DenseArray(.i32, scalar: 6)
    #expect(try Interpreter(graph).run(inputs: inputs)["y"] != outputs["y"])
  }
}

extension HeadTests.Case {
  fileprivate func model(_ statements: String) -> String {
    "\(cells)\nmodel M {\n input \(data)\n\(statements)\n\(results)\n}"
  }
}
