import Foundation
import RNNCompiler
import Testing

/// Losses over lattices, `CTC` and `CRF` of the standard library, against sums over all paths, and their derivatives against
/// differences of these sums.
@Suite("Losses over lattices")
struct LatticeTests {
  /// Scores `[B, T, K]`, and the sequences of `count` tokens.
  private func scores(_ batch: Int, _ steps: Int, _ tokens: Int) -> [[[Double]]] {
    var stream = RandomStream(seed: 4, name: "scores")
    return (0..<batch).map { _ in
      (0..<steps).map { _ in (0..<tokens).map { _ in stream.normal() } }
    }
  }

  private func paths(_ steps: Int, _ tokens: Int) -> [[Int]] {
    (0..<steps).reduce([[]]) { paths, _ in paths.flatMap { path in (0..<tokens).map { path + [$0] } } }
  }

  /// Tensors `[T, B, …]` of sequences of examples.
  private func sequence(_ values: [[[Double]]]) -> Tensor {
    let (batch, steps, width) = (values.count, values[0].count, values[0][0].count)
    let numbers = (0..<steps).flatMap { t in (0..<batch).flatMap { values[$0][t] } }
    return Tensor(numbers, shape: [steps, batch, width])
  }

  /// Compares a model's loss and its derivative by `y` with a function of the scores.
  private func check(
    _ source: String, _ y: [[[Double]]], _ tensors: [String: Tensor], lengths: [Int], isRagged: Bool,
    _ loss: ([[[Double]]]) -> Double
  ) throws -> [String: Tensor] {
    let program = try Compiler(CompileOptions(elementType: .f64, threads: 2)).compile(
      source: source, batch: y.count, ragged: isRagged ? ["T"] : [])
    var given = tensors
    given["y"] = sequence(y)
    if isRagged { given["y.lengths"] = Tensor(lengths.map(Int32.init), shape: [y.count]) }
    let results = try program.run(given, gradients: true)
    let found = try numbers(#require(results["loss"]))[0]
    #expect(abs(found - loss(y)) < 1e-12 * max(1, abs(found)))
    let gradient = try numbers(#require(results["grad.y"]))
    let (batch, width) = (y.count, y[0][0].count)
    for (place, slope) in gradient.enumerated() {
      let (t, b, k) = (place / width / batch, place / width % batch, place % width)
      var (up, down) = (y, y)
      up[b][t][k] += 1e-5
      down[b][t][k] -= 1e-5
      #expect(abs(slope - (loss(up) - loss(down)) / 2e-5) < 1e-9, "\(t), \(b), \(k)")
    }
    return results
  }

  @Test(arguments: [false, true]) func temporalClassification(isRagged: Bool) throws {
    let (steps, tokens, most) = (5, 3, 2)
    // Different labels, the same twice, one, and none.
    let labels = [[1, 2], [1, 1], [2], []]
    let lengths = isRagged ? [4, 3, 5, 2] : [5, 5, 5, 5]
    var rows = [Double](repeating: 0, count: labels.count * most * tokens)
    var ends = [Double](repeating: 0, count: labels.count * (most + 1))
    for (b, labels) in labels.enumerated() {
      for (i, label) in labels.enumerated() { rows[(b * most + i) * tokens + label] = 1 }
      ends[b * (most + 1) + labels.count] = 1
    }
    func loss(_ y: [[[Double]]]) -> Double {
      var sum = 0.0
      for (b, wanted) in labels.enumerated() {
        let logarithms = y[b].map { row -> [Double] in
          let total = log(row.reduce(0) { $0 + exp($1) })
          return row.map { $0 - total }
        }
        var probability = 0.0
        for path in paths(lengths[b], tokens) {
          var (read, last): ([Int], Int) = ([], 0)
          for token in path {
            if token != 0, token != last { read.append(token) }
            last = token
          }
          guard read == wanted else { continue }
          probability += exp(path.enumerated().reduce(0) { $0 + logarithms[$1.offset][$1.element] })
        }
        sum -= log(probability)
      }
      return sum / Double(labels.count)
    }
    let source = """
      model M(V = 3, L = 2) {
          input y: seq [V]
          target labels: [L, V], ends: [L + 1]
          ctc = CTC(V, L)
          loss last(ctc(y, repeat(labels), repeat(ends)))
      }
      """
    _ = try check(
      source, scores(labels.count, steps, tokens),
      [
        "labels": Tensor(rows, shape: [labels.count, most, tokens]),
        "ends": Tensor(ends, shape: [labels.count, most + 1]),
      ], lengths: lengths, isRagged: isRagged, loss)
  }

  @Test(arguments: [false, true]) func randomField(isRagged: Bool) throws {
    let (batch, steps, tokens) = (3, 4, 3)
    let lengths = isRagged ? [2, 4, 1] : [4, 4, 4]
    var stream = RandomStream(seed: 7, name: "field")
    let moves = (0..<tokens).map { _ in (0..<tokens).map { _ in stream.normal() } }
    let (first, end) = ((0..<tokens).map { _ in stream.normal() }, (0..<tokens).map { _ in stream.normal() })
    let tags = (0..<batch).map { _ in (0..<steps).map { _ in stream.integer(below: tokens) } }
    func score(_ path: [Int], _ y: [[Double]]) -> Double {
      var sum = first[path[0]] + end[path[path.count - 1]]
      for (t, tag) in path.enumerated() {
        sum += y[t][tag] + (t > 0 ? moves[path[t - 1]][tag] : 0)
      }
      return sum
    }
    func loss(_ y: [[[Double]]]) -> Double {
      let losses = (0..<batch).map { b -> Double in
        let all = paths(lengths[b], tokens).map { score($0, y[b]) }
        return log(all.reduce(0) { $0 + exp($1) }) - score(Array(tags[b].prefix(lengths[b])), y[b])
      }
      return losses.reduce(0, +) / Double(batch)
    }
    let source = """
      model M(K = 3) {
          input y: seq [K]
          target tags: seq token(K)
          crf = CRF(K)
          distance, best = crf(y, tags)
          output best = last(best)
          loss last(distance)
      }
      """
    let y = scores(batch, steps, tokens)
    let ids = (0..<steps).flatMap { t in tags.map { Int32($0[t]) } }
    let results = try check(
      source, y,
      [
        "tags": Tensor(ids, shape: [steps, batch]),
        "crf.W": Tensor(moves.flatMap { $0 }, shape: [tokens, tokens]),
        "crf.first": Tensor(first, shape: [tokens]), "crf.end": Tensor(end, shape: [tokens]),
      ], lengths: lengths, isRagged: isRagged, loss)
    let best = try numbers(#require(results["best"]))
    for b in 0..<batch {
      let expected = paths(lengths[b], tokens).map { score($0, y[b]) }.max() ?? 0
      #expect(abs(best[b] - expected) < 1e-12)
    }
  }
}
