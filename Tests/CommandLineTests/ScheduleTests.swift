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

  @Test func theTunersScheduleIsCompiled() throws {
    let arguments = [Command.example("char-gru"), "--set", "H=32", "--threads", "1"]
    let outcome = try command.run(
      ["tune"] + arguments + ["--seconds", "1", "-o", command.path("best.schedule")])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains(/a call takes [0-9.]+ (ms|µs) with the compiler's schedule/))
    #expect(outcome.output.contains(/[1-9][0-9]* schedules? tried/), "\(outcome.output)")
    let emit = ["compile"] + arguments + ["--emit", "schedule"]
    let best = String(decoding: try command.contents("best.schedule"), as: UTF8.self)
    let chosen = try command.run(emit + ["--no-cache", "--schedule", command.path("best.schedule")])
    #expect(chosen.output == best, "\(chosen.errors)")
    // Where something was gained, compile uses it without being told.
    let isKept = outcome.output.contains("\nkept in ")
    let kept = try command.run(emit).output
    #expect(kept == (isKept ? "// tuned by measuring; with --no-cache, the compiler's\n" : "") + best)
  }

  @Test func whatTheTunerCannotDoIsRefused() throws {
    let model = Command.example("char-gru")
    let faults = [
      (["--no-cache"], 64, "give one with -o"), (["--interpret"], 1, "the interpreter has no schedule"),
      (["--seconds", "0"], 1, "no schedule is tuned in 0"), (["--steps", "0"], 1, "0 steps hold nothing"),
      (["--clip=-1"], 1, "--clip -1"),
      (["--inference", "--optimizer", "adam"], 1, "say nothing of inference"),
    ]
    for (arguments, status, message) in faults {
      let outcome = try command.run(["tune", model, "--set", "H=4", "--threads", "1"] + arguments)
      #expect(outcome.status == status && outcome.errors.contains(message), "\(arguments): \(outcome.errors)")
    }
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
