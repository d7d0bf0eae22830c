import Foundation
import Testing

@testable import RNNCompiler

/// Runs programs in all ways, and compares.
struct ProgramComparison {
  private let programs: [RandomProgram]
  private let options: ProgramGenerator.Options
  private let isTorch: Bool
  /// How far results in `f64` may be from the judge's, beside the largest element.
  private let tolerance: Double

  /// Compares random programs.
  init(seeds: [UInt64], options: ProgramGenerator.Options = .init(), isTorch: Bool = false) {
    programs = seeds.map { RandomProgram(seed: $0, options) }
    self.options = options
    self.isTorch = isTorch
    tolerance = 1e-9
  }

  /// Compares programs that are given.
  init(_ programs: [RandomProgram], isTorch: Bool = false, tolerance: Double) {
    self.programs = programs
    options = .init()
    self.isTorch = isTorch
    self.tolerance = tolerance
  }

  /// What one way of running a program gave.
  private struct Result {
    let name: String
    let file: String
    let tensors: [String: Tensor]
    let tolerance: Double
    /// How far arguments must be from kinks for the comparison to mean anything.
    let margin: Double
  }

  func check() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rnnc-programs-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var runs: [(program: RandomProgram, results: [Result])] = []
    for program in programs {
      do {
        runs.append((program, try results(of: program, in: folder)))
      } catch {
        Issue.record("\(description(of: program))\n\(Failure(error).text)")
      }
    }
    do {
      try Judge.judge(folder, isTorch: isTorch)
    } catch {
      Issue.record("the judge failed: \(error)")
    }
    var (compared, nearKinks) = (0, 0)
    for (program, results) in runs {
      // The first way that differs tells the most: the interpreter is wrong with all that comes after it.
      for result in results {
        let path = folder.appendingPathComponent(result.file + ".out.safetensors").path
        guard let expected = try? Safetensors(contentsOfFile: path).tensors else { continue }
        compared += 1
        if try numbers(expected["margin"])[0] < result.margin {
          nearKinks += 1
        } else if let fault = try difference(result, expected) {
          Issue.record("\(description(of: program))\n\(result.name): \(fault)")
          break
        }
      }
    }
    #expect(nearKinks * 2 <= compared, "\(nearKinks) of \(compared) comparisons are near kinks")
  }

  private func description(of program: RandomProgram) -> String {
    let sizes = program.sizes.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)" }
    return """
      seed \(program.seed), batch \(program.batch), sizes [\(sizes.joined(separator: ", "))], \
      ragged \(program.ragged.sorted()):
      \(program.rnn)
      again: RNNC_TEST_SEED=\(program.seed) RNNC_TEST_PROGRAMS=1 swift test --filter RandomProgramTests/\(test)
      """
  }

  private var test: String {
    isTorch ? "agreeWithPyTorch" : options.partialFunctions ? "branchesThatAreNotTaken" : "agree"
  }

  // MARK: Running

  /// Runs a program in all ways, and writes what the judge needs.
  private func results(of program: RandomProgram, in folder: URL) throws -> [Result] {
    let number = Int(program.seed % 12)
    var results: [Result] = []
    func add(
      _ name: String, _ options: CompileOptions, draws: Bool, tolerance: Double, margin: Double
    ) throws -> [String: Tensor] {
      let compiled = try Compiler(options).compile(
        source: program.rnn, name: "program.rnn", sizes: program.sizes, batch: program.batch,
        ragged: program.ragged)
      let found = try compiled.runDrawing(program.tensors, draws: draws)
      results.append(
        Result(
          name: name, file: "\(program.seed)\(draws ? "" : "-mean")", tensors: found, tolerance: tolerance,
          margin: margin))
      return found
    }
    let plain = CompileOptions(
      elementType: .f64, threads: 1, optimization: .none, backend: .interpreter)
    let found = try add("interpreter", plain, draws: true, tolerance: tolerance, margin: 1e-6)
    let told = Dictionary(uniqueKeysWithValues: program.draws.map { ("seen." + $0, found[$0]!) })
    try write(program, told, "\(program.seed)", folder)
    let threads = 1 + number % 3
    // LLVM's own optimisation takes a good part of the time: every other program goes without it.
    let target = number % 2 == 0 ? .host : try Target(named: "native", optimizationLevel: 0)
    let native = CompileOptions(elementType: .f64, threads: threads, target: target)
    _ = try add(
      "native code of \(threads) threads", native, draws: true, tolerance: tolerance, margin: 1e-6)
    if number % 4 == 0, !options.partialFunctions {
      _ = try add(
        "native code in f32", CompileOptions(elementType: .f32, threads: threads, target: target),
        draws: true, tolerance: 3e-4, margin: 1e-3)
    }
    if number % 3 == 0, !program.draws.isEmpty {
      _ = try add("native code without draws", native, draws: false, tolerance: tolerance, margin: 1e-6)
      try write(program, [:], "\(program.seed)-mean", folder)
    }
    return results
  }

  private func write(_ program: RandomProgram, _ told: [String: Tensor], _ name: String, _ folder: URL) throws
  {
    let path = folder.appendingPathComponent(name).path
    try Safetensors(tensors: program.tensors.merging(told) { $1 }).write(toFile: path + ".in.safetensors")
    try program.python.write(toFile: path + ".py", atomically: false, encoding: .utf8)
  }

  // MARK: Comparing

  /// The first difference that rounding does not explain; nil if there is none.
  private func difference(_ result: Result, _ expected: [String: Tensor]) throws -> String? {
    let wanted = expected.keys.filter { $0 != "margin" && !$0.hasPrefix("grad.wanted") }.sorted()
    // A model of tokens reports its accuracy as well, which is no output of the program, and weights are no result.
    let given = result.tensors.keys.filter { $0 != "accuracy" && !$0.hasSuffix("@weight") }.sorted()
    guard wanted == given else {
      let extra = Set(given).symmetricDifference(wanted).sorted()
      return "only one of both gives \(extra.joined(separator: ", "))"
    }
    for name in wanted {
      let (a, b) = (result.tensors[name]!, expected[name]!)
      guard a.shape == b.shape else { return "\(name) is \(a), but should be \(b)" }
      let (found, right) = (try numbers(a), try numbers(b))
      let scale = max(right.filter(\.isFinite).map(abs).max() ?? 0, 0.01)
      for (place, (x, y)) in zip(found, right).enumerated()
      where x != y && !(abs(x - y) <= result.tolerance * scale) {
        return "\(name) element \(place) is \(x), but should be \(y)"
      }
    }
    return nil
  }

  private func numbers(_ tensor: Tensor?) throws -> [Double] { tensor?.numbers ?? [0] }
}

extension Program {
  /// Outputs, loss and derivatives, with random draws as in training or with their means.
  fileprivate func runDrawing(_ tensors: [String: Tensor], draws: Bool) throws -> [String: Tensor] {
    guard draws else { return try run(tensors, gradients: true) }
    let execution = try execution(for: .drawing(.gradients))
    try execution.setInputs(tensors, origin: "the program")
    try execution.run()
    return Dictionary(
      uniqueKeysWithValues: zip(execution.graph.outputs.map(\.name), execution.outputs))
  }
}
