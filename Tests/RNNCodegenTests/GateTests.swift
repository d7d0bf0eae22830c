import RNNGraph
import RNNInterpreter
import RNNLLVM
import RNNPlan
import RNNSchedule
import RNNTestSupport
import Testing

/// Products with several groups of columns, whose sums may wait for each other in memory.
@Suite struct GateTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var gates: Int, batch: Int, hidden: Int
    var testDescription: String { "\(gates) gates, batch \(batch), hidden \(hidden)" }
  }

  // Rows that make even tiles, uneven ones and a rest; columns that fill panels, vectors, or neither.
  static let cases = [(2, 33), (3, 7), (4, 9), (4, 32), (5, 16)].flatMap { gates, batch in
    [5, 24, 48].map { Case(gates: gates, batch: batch, hidden: $0) }
  }

  @Test(arguments: cases) func agreesWithTheInterpreter(_ test: Case) throws {
    let (gates, hidden) = (test.gates, test.hidden)
    let body = (0..<gates).map {
      """
      %s\($0) = slice %m axis(1) front(\($0 * hidden)) count(\(hidden)) : f32[B, \(hidden)]
      %t\($0) = tanh %s\($0) : f32[B, \(hidden)]
      %u\($0) = multiply %t\($0), %a\($0) : f32[B, \(hidden)]
      %a\($0 + 1) = add %t\($0), %u\($0) : f32[B, \(hidden)]
      """
    }
    let text = """
      graph "gates" {
        %w = data "w" : f32[\(gates * hidden), \(hidden)]
        %x = data "x" : f32[T, B, \(hidden)]
        %h = data "h" : f32[B, \(hidden)]
        %z, %y = scan T : f32[B, \(hidden)], f32[T, B, \(hidden)] {
          invariant %v = %w : f32[\(gates * hidden), \(hidden)]
          carry %c = %h : f32[B, \(hidden)]
          sequence %a0 = %x : f32[B, \(hidden)]
          %m = dot %c, %v contract(1; 1) : f32[B, \(gates * hidden)]
          \(body.joined(separator: "\n"))
          yield %a\(gates), %a\(gates)
        }
        output "z" = %z
        output "y" = %y
      }
      """
    try check(text, [.batch: test.batch, .steps: 3])
  }

  /// Rows that are no examples, in order and across memory: threads share them, and they are not copied in blocks.
  @Test(arguments: [
    "%x = data \"x\" : f32[60, 24]",
    "%x0 = data \"x\" : f32[24, 60]\n%x = transpose %x0 axes(1, 0) : f32[60, 24]",
  ])
  func rowsNeedNotBeExamples(rows: String) throws {
    try check(
      """
      graph "rows" {
        \(rows)
        %w = data "w" : f32[24, 48]
        %b = data "b" : f32[60, 16]
        %m = dot %x, %w contract(1; 0) : f32[60, 48]
        %s = slice %m axis(1) front(0) count(16) : f32[60, 16]
        %t = slice %m axis(1) front(16) count(16) : f32[60, 16]
        %u = slice %m axis(1) front(32) count(16) : f32[60, 16]
        %a = sigmoid %s : f32[60, 16]
        %c = tanh %t : f32[60, 16]
        %d = multiply %a, %c : f32[60, 16]
        %e = multiply %u, %b : f32[60, 16]
        %f = add %d, %e : f32[60, 16]
        output "f" = %f
      }
      """, [:])
  }

  /// Registers and caches of today's largest cores.
  private var wide: Machine {
    var machine = Machine(vectorBytes: 64, vectorRegisters: 32)
    machine.l1Bytes = 48 << 10
    machine.l2Bytes = 1 << 20
    return machine
  }

  private func check(_ text: String, _ sizes: [Symbol: Int]) throws {
    for element in [ElementType.f32, .f64] {
      let graph = try Graph(parsing: element == .f32 ? text : text.replacing("f32[", with: "f64["))
      try graph.verify()
      var random = SplitMix64(seed: 3)
      let inputs = randomInputs(for: graph, sizes: sizes, using: &random)
      let expected = try Interpreter(graph).run(inputs: inputs, sizes: sizes)
      // Plans for wide and for many registers, too, which LLVM makes of those that there are.
      let machines = [Target.host.machine, wide, Machine(vectorBytes: 16, vectorRegisters: 32)]
      for (threads, machine) in [(1, machines[0])] + machines.map({ (2, $0) }) {
        let found = try runNatively(graph, inputs: inputs, sizes: sizes, threads: threads, machine: machine)
        for (name, value) in expected {
          #expect(
            relativeDifference(value, found[name]!) <= (element == .f32 ? 1e-5 : 1e-12),
            "output \(name) in \(element) with \(threads) threads, vectors of \(machine.vectorBytes) bytes")
        }
      }
    }
  }
}
