import RNNGraph
import RNNPlan
import Testing

@testable import RNNSchedule

/// The text of a schedule is read back, and what is none is refused with its line.
@Suite struct ScheduleParserTests {
  private func scheduled() throws -> ScheduledPlan {
    let graph = try Graph(
      parsing: """
        graph "net" {
          %a = data "a" : f32[23, 40]
          %b = data "b" : f32[48, 40]
          %p = dot %a, %b contract(1; 1) : f32[23, 48]
          %q = tanh %a : f32[23, 40]
          output "p" = %p
          output "q" = %q
        }
        """)
    let machine = Machine(vectorBytes: 32, vectorRegisters: 16)
    return try ScheduledPlan(try Planner.plan(graph, batch: 1), ProcessorScheduler(machine))
  }

  private func fault(_ text: String) throws -> String {
    var scheduled = try scheduled()
    do {
      try scheduled.apply(text)
      return ""
    } catch {
      return "\(error)"
    }
  }

  @Test func oneFunctionMayBeChanged() throws {
    let usual = try scheduled()
    var changed = usual
    let name = try #require(usual.functions.first { $0.schedule.product != nil }?.name)
    let lines = usual.description.split(separator: "\n").map(String.init)
    let start = try #require(lines.firstIndex { $0.contains(name) })
    let end = try #require(lines[start...].firstIndex { $0 == "  }" })
    let edited = lines[start...end].map { $0.replacing(/rounds of [0-9]+/, with: "rounds of 8") }
    try changed.apply((["schedule net {"] + edited + ["}"]).joined(separator: "\n"))
    try changed.verify()
    for (old, new) in zip(usual.functions, changed.functions) {
      #expect((old.schedule == new.schedule) == (old.name != name))
    }
    let kernels = try #require(changed.functions.first { $0.name == name }?.schedule.product?.microKernels)
    #expect(kernels.allSatisfy { $0.unrolling == 8 })
  }

  @Test func whatIsNoScheduleIsRefused() throws {
    let name = try scheduled().functions[0].name
    #expect(try fault("") == "1: expected '}'")
    #expect(try fault("plan net {\n}") == "1: expected 'schedule … {'")
    #expect(try fault("schedule net {\n  kernel9 {\n") == "2: the plan has no function 'kernel9'")
    #expect(try fault("schedule net {\n  \(name) {\n  }\n  \(name) {\n") == "4: '\(name)' is there twice")
    #expect(try fault("schedule net {\n  \(name)\n") == "2: expected 'FUNCTION {'")
    #expect(try fault("schedule net {\n}\nx\n") == "3: expected nothing behind the schedule's '}'")
    #expect(try fault("schedule net {\n  \(name) {\n    fast\n").contains("3: 'fast' is no decision for"))
    #expect(
      try fault("schedule net {\n  \(name) {\n    99999999999999999999 accumulators\n").contains(
        "is too large"))
  }

  /// Damaged text is read or refused, and never ends the program.
  @Test func damagedTextIsRefused() throws {
    var generator = SystemRandomNumberGenerator()
    let text = Array(try scheduled().description.utf8)
    for _ in 0..<500 {
      var damaged = text
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: 0..<damaged.count, using: &generator)
        damaged[place] = UInt8.random(in: 32..<127, using: &generator)
      }
      var scheduled = try scheduled()
      try? scheduled.apply(String(decoding: damaged, as: UTF8.self))
      try? scheduled.verify()
    }
  }
}
