import Foundation
import Testing

/// A printed schedule is what `rnnc compile --schedule` takes.
@Suite struct ScheduleTests {
  let command: Command

  init() throws { command = try Command() }

  private func compile(_ arguments: String...) throws -> Outcome {
    try command.run(
      ["compile", Command.example("char-gru"), "--set", "H=32", "--threads", "2", "--target", "x86-64-v3"]
        + arguments)
  }

  @Test func anEditedScheduleIsCompiled() throws {
    let schedule = try compile("--emit", "schedule").output
    let usual = try compile("--emit", "asm").output
    try command.write(schedule, to: "same.schedule")
    #expect(try compile("--emit", "asm", "--schedule", command.path("same.schedule")).output == usual)
    let edited = schedule.replacing(/rounds of [0-9]+/, with: "rounds of 3")
    #expect(edited != schedule)
    try command.write(edited, to: "edited.schedule")
    let other = try compile(
      "--emit", "schedule,asm", "--schedule", command.path("edited.schedule"), "-o", command.path("out") + "/"
    )
    #expect(other.status == 0, "\(other.errors)")
    #expect(String(decoding: try command.contents("out/char-gru.schedule"), as: UTF8.self) == edited)
    #expect(try command.contents("out/char-gru.s") != Data(usual.utf8))
  }

  @Test func aScheduleThatDoesNotFitIsRefused() throws {
    let schedule = try compile("--emit", "schedule").output
    let faults = [
      ("schedule net {\n  nothing {\n", "line 2 of the schedule: the plan has no function 'nothing'"),
      (schedule.replacing(/rounds of [0-9]+/, with: "rounds of 0"), "rounds of no index"),
      (schedule.replacing(/\n.*micro-kernel.*/, with: ""), "0 micro-kernels of"),
    ]
    for (text, message) in faults {
      try command.write(text, to: "broken.schedule")
      let outcome = try compile("--emit", "asm", "--schedule", command.path("broken.schedule"))
      #expect(outcome.status == 1 && outcome.errors.contains(message), "\(outcome.errors)")
    }
  }
}
