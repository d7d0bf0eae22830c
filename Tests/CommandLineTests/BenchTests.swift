import Foundation
import RNNCompiler
import Testing

@Suite("Bench")
struct BenchTests {
  let command: Command

  init() throws { command = try Command() }

  @Test func casesAreTimedBesideTheMachine() throws {
    let outcome = try command.run(
      "bench", "--filter", "v4-h8", "--seconds", "0.01", "--json", "--threads", "1")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let lines = try outcome.output.split(separator: "\n").map {
      try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    #expect(lines.count == 2)
    #expect(try #require(lines[0]["fma_peak_gflops"] as? Double) > 1)
    #expect(lines[1]["case"] as? String == "train-gru-l1-b1-t5-v4-h8")
    let gigaflops = try #require(lines[1]["gflops"] as? Double)
    let milliseconds = try #require(lines[1]["milliseconds"] as? Double)
    // 3 · 2 · B · T · (3 H (V + H) + H V), by hand.
    let products: Int = 3 * 8 * (4 + 8) + 8 * 4
    let gigaoperations = Double(3 * 2 * 5 * products) / 1e9
    let seconds = milliseconds / 1e3
    // The rate is printed with one digit.
    #expect(abs(gigaflops * seconds - gigaoperations) <= 0.06 * seconds + 0.05 * gigaoperations)
  }

  @Test func aModelOfTheUsersIsTimed() throws {
    let outcome = try command.run(
      "bench", Command.example("char-gru"), "--set", "H=8", "--batch", "2", "--steps", "3", "--seconds",
      "0.01",
      "--inference", "--threads", "1")
    #expect(outcome.status == 0 && outcome.output.contains("CharLM"), "\(outcome.errors)")
    #expect(outcome.output.contains("of peak"))
  }

  /// A share above 1 is a measurement that other work disturbed, and no number.
  @Test func sharesAreOfWhatThereIs() {
    #expect(Share(80, of: 100).value == 0.8)
    #expect(Share(100, of: 100).value == 1)
    #expect(Share(105, of: 100).value == nil)
    #expect(Share(100, of: 0).value == nil)
  }

  @Test func anUnknownCaseNamesTheKnownOnes() throws {
    let outcome = try command.run("bench", "--filter", "mlp")
    #expect(outcome.status == 1 && outcome.errors.contains("no case has 'mlp' in its name"))
    #expect(outcome.errors.contains("train-rnn-l1-b32-t35-v28-h512"))
  }
}
