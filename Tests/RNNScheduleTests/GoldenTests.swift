import RNNGraph
import RNNPlan
import RNNTestSupport
import Testing

@testable import RNNSchedule

/// Plans and schedules as text: `//- schedule THREADS VECTOR-BYTES REGISTERS`, a graph, and what is printed.
@Suite struct ScheduleGoldenTests {
  @Test(arguments: Golden.all(in: "schedule"))
  func golden(_ golden: Golden) throws {
    let numbers = golden.arguments.compactMap { Int($0) }
    try #require(golden.command == "schedule" && numbers.count == 3)
    let machine = Machine(vectorBytes: numbers[1], vectorRegisters: numbers[2])
    let plan = try Planner.plan(try Graph(parsing: golden.input), batch: 4)
    let scheduled = try ScheduledPlan(plan, ProcessorScheduler(machine), threads: numbers[0])
    let mismatch = golden.mismatch("\(plan)\n\(scheduled)")
    #expect(mismatch == nil, "\(mismatch ?? "")")
  }

  @Test func thereAreGoldens() { #expect(Golden.all(in: "schedule").count >= 3) }
}
