import RNNGraph
import RNNInterpreter
import RNNLLVM
import RNNSchedule
import RNNTestSupport
import Testing

@testable import RNNCodegen
@testable import RNNPlan

/// Kernels that differ in sizes only share code, and compute the same bits as alone.
@Suite struct OpenSizesTests {
  /// Products of rows, products over all steps and examples, updates and sums, each kind with several sizes: whole panels of
  /// any target, and rows and contracted indices that come out even with nothing.
  private static let kinds: [[String]] = [
    ["a = dot %u, %wu contract(1; 1) : f32[B, 128]", "b = dot %v, %wv contract(1; 1) : f32[B, 64]"],
    [
      "c = dot %s, %x contract(0, 1; 0, 1) : f32[50, 128]",
      "d = dot %t, %x contract(0, 1; 0, 1) : f32[211, 128]",
      "e = dot %t, %y contract(0, 1; 0, 1) : f32[211, 64]",
    ],
    ["f = multiply %p, %p : f32[100]", "g = multiply %q, %q : f32[37]"],
    ["h = reduce_sum %p axes(0) : f32[]", "i = reduce_sum %q axes(0) : f32[]"],
    ["j = multiply %k, %k : f32[64]", "l = multiply %m, %m : f32[320]"],
  ]

  private func graph(_ definitions: [String]) throws -> Graph {
    let names = definitions.map { $0.prefix(1) }
    let inputs = [
      ("u", "B, 67"), ("v", "B, 30"), ("wu", "128, 67"), ("wv", "64, 30"), ("s", "T, B, 50"),
      ("t", "T, B, 211"), ("x", "T, B, 128"), ("y", "T, B, 64"), ("p", "100"), ("q", "37"), ("k", "64"),
      ("m", "320"),
    ].map { "%\($0) = data \"\($0)\" : f32[\($1)]" }
    let outputs = names.map { "output \"\($0)\" = %\($0)" }
    return try Graph(
      parsing: (["graph \"sizes\" {"] + inputs + definitions.map { "%" + $0 } + outputs + ["}"])
        .joined(separator: "\n"))
  }

  @Test(arguments: [1, 2], [5, 17]) func sharedCodeComputesTheSame(threads: Int, batch: Int) throws {
    let sizes: [Symbol: Int] = [.batch: batch, .steps: 30]
    let all = try graph(Self.kinds.flatMap { $0 })
    var random = SplitMix64(seed: 4)
    let inputs = randomInputs(for: all, sizes: sizes, using: &random)
    let together = try runNatively(all, inputs: inputs, sizes: sizes, threads: threads)
    for (name, expected) in try Interpreter(all).run(inputs: inputs, sizes: sizes) {
      let difference = relativeDifference(expected, together[name]!)
      #expect(difference <= 1e-5, "\(name): \(difference)")
    }
    for definition in Self.kinds.flatMap({ $0 }) {
      let name = String(definition.prefix(1))
      let alone = try runNatively(graph([definition]), inputs: inputs, sizes: sizes, threads: threads)
      #expect(alone[name] == together[name], "\(name)")
    }
  }

  @Test func eachKindIsOneFunction() throws {
    func functions(_ definitions: [String]) throws -> Int {
      let plan = try Planner.plan(graph(definitions), batch: 12)
      return try ScheduledPlan(plan, ProcessorScheduler(Target.host.machine)).functions.count
    }
    for kind in Self.kinds.dropLast() {
      let alone = try kind.map { try functions([$0]) }
      #expect(try functions(kind) < alone.reduce(0, +), "\(kind)")
    }
    // Rows that fill pairs of vectors need no code for what is left of a vector, and are a kind of their own.
    #expect(try functions(Self.kinds[4]) == 1)
    #expect(try functions(Self.kinds[2] + Self.kinds[4]) == 2)
  }
}
