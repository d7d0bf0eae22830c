import Foundation
import RNNPlan
import Testing

@testable import RNNCompiler

extension Plan {
  /// The bytes of the least working memory, for as many steps of every sequence.
  func leastBytes(steps: Int) -> Int {
    arenaBytes.evaluate(segmented(Dictionary(uniqueKeysWithValues: symbols.map { ($0, steps) }), within: 0))
  }
}

/// Expects that a program computes the same bits in the least memory that it can do with, for 37 steps.
///
/// - Parameter compile: makes the program for a limit of memory, in bytes.
func expectTheSameBitsInLeastMemory(_ compile: (Int?) throws -> Program) throws {
  let least = try compile(1).compilation(for: .gradients).layout.leastBytes(steps: 37)
  let whole = try compile(nil)
  let tensors = try whole.randomTensors(steps: 37, seed: 5)
  #expect(try compile(least).run(tensors, gradients: true) == whole.run(tensors, gradients: true))
}

/// A run that goes on from the checkpoint, in a file, of one that was stopped after some steps.
///
/// - Parameter makeRun: makes a run that has done nothing yet.
func resumedRun(afterSteps stop: Int, _ makeRun: () throws -> TrainingRun) throws -> TrainingRun {
  let first = try makeRun()
  var hooks = TrainingRun.Hooks()
  hooks.shouldStop = { first.stepsDone == stop }
  #expect(try !first.run(hooks))
  let path = FileManager.default.temporaryDirectory.appendingPathComponent("rnnc-\(UUID())").path
  defer { try? FileManager.default.removeItem(atPath: path) }
  try first.checkpoint().write(toFile: path)
  let second = try makeRun()
  try second.resume(Checkpoint(contentsOfFile: path), origin: "checkpoint")
  return second
}
