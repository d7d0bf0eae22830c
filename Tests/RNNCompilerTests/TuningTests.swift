import Foundation
import RNNSchedule
import RNNTestSupport
import Testing

@testable import RNNCompiler

/// Neighbours of a schedule are legal, keep the bits, and read back; what the tuner keeps is used.
@Suite final class TuningTests {
  private let folder: String
  private let cache: CodeCache

  init() {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    cache = CodeCache(path: folder)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private static let text = """
    model Text(V = 9, H = 20) {
        input  text: seq token(V)
        target next: seq token(V)
        rnn = GRU(H, H); embed = Embedding(V, H); out = Linear(H, V)
        y = out(dropout(rnn(embed(text)), 0.2))
        loss cross_entropy(y, next)
    }
    """
  private static let layer = """
    model Layer(H = 40) {
        input x: seq [H]
        rnn = LSTM(H, H)
        output rnn(x)
    }
    """

  private func program(_ source: String, threads: Int, cache: CodeCache? = nil) throws -> Program {
    let options = CompileOptions(threads: threads, cache: cache)
    return try Compiler(options).compile(source: source, batch: 5)
  }

  /// A call of a program, what compiles it, and its schedule.
  private func prepare(
    _ program: Program, _ kind: BenchmarkCase.Kind
  ) throws -> (track: RaceTrack, call: NativeCall, compilation: Compilation) {
    let call = try TimedCall(kind, program, program.randomTensors(steps: 3, seed: 0))
    let track = try RaceTrack(call)
    let native = try #require(call.execution().native)
    return (track, native.call, native.compilation)
  }

  @Test(arguments: [(text, 1), (text, 2), (layer, 1), (layer, 2)])
  func neighboursKeepTheBits(_ source: String, threads: Int) throws {
    let seed = UInt64.random(in: 0..<1 << 32)
    var random = SplitMix64(seed: seed)
    let program = try program(source, threads: threads)
    let (track, call, compilation) = try prepare(program, source == Self.text ? .training : .inference)
    let plan = try compilation.scheduledPlan
    var (count, decisions) = (0, Set([plan.decisions]))
    var changes: Set<String> = []
    for part in plan.arrangedParts {
      // All of them are made, and some are run: those that need other panels, and a sample of the rest.
      for neighbour in plan.neighbours(of: part) {
        count += 1
        #expect(neighbour.plan.decisions != plan.decisions, "\(neighbour.change)")
        decisions.insert(neighbour.plan.decisions)
        changes.insert(neighbour.change)
        let isOfSample = Int.random(in: 0..<12, using: &random) == 0
        guard isOfSample || neighbour.change == "columns as they lie" else { continue }
        var read = try ScheduledPlan(
          plan.source, ProcessorScheduler(program.options.target.machine), threads: threads)
        try read.apply("\(neighbour.plan)")
        let isSame = read.decisions == neighbour.plan.decisions
        #expect(isSame, "\(neighbour.change)")
        let native = try compilation.with(neighbour.plan, timesKernels: false).native
        let hasSameBits = try track.hasSameResults(NativeCall(native, sharing: call))
        #expect(hasSameBits, "\(neighbour.change), seed \(seed)")
      }
    }
    // Kernels that share a function have neighbours in common.
    #expect(decisions.count > 20 && count >= decisions.count - 1, "\(count) neighbours")
    for words in ["tile", "rounds of", "columns as they lie", "one register"] {
      #expect(changes.contains { $0.contains(words) }, "\(words): \(changes.sorted())")
    }
    #expect(changes.contains { $0.contains("one thread") } == (threads > 1))
  }

  /// A neighbour of the schedule, in the words of which a number is another.
  private func neighbour(_ plan: ScheduledPlan) throws -> Neighbour {
    for part in plan.arrangedParts {
      if let found = plan.neighbours(of: part).first(where: { $0.change.contains("tile") }) { return found }
    }
    throw InputError("no neighbour")
  }

  @Test func whatWasKeptIsUsed() throws {
    let source = Self.layer
    func text(_ cache: CodeCache?) throws -> String {
      try program(source, threads: 1, cache: cache).compilation(for: .inference).scheduleText
    }
    let usual = try text(nil)
    let before = try program(source, threads: 1, cache: cache)
    let tensors = try before.randomTensors(steps: 3, seed: 0)
    let results = try before.run(tensors)
    let compilation = try before.compilation(for: .inference)
    let other = try neighbour(compilation.scheduledPlan).plan
    let file = try #require(try compilation.keep(other))
    #expect(try text(cache) == "// tuned by measuring; with --no-cache, the compiler's\n\(other)")
    #expect(try text(nil) == usual)
    let after = try program(source, threads: 1, cache: cache)
    #expect(try after.run(tensors) == results)
    let stages = try after.compilation(for: .evaluation).timings.filter { !$0.isPass }.map(\.name)
    #expect(stages == ["optimize", "plan", "tuned", "code", "link"])
    // Code with it is kept, too, apart from that without.
    let again = try program(source, threads: 1, cache: cache)
    #expect(try again.run(tensors) == results)
    #expect(try again.compilation(for: .evaluation).timings.contains { $0.name == "cache" })
    // A schedule of the user goes before it, and other threads have a plan of their own.
    var options = CompileOptions(threads: 1, cache: cache)
    options.schedule = usual
    let chosen = try Compiler(options).compile(source: source, batch: 5).compilation(for: .inference)
    #expect(try "\(chosen.scheduledPlan)" == usual)
    let two = try program(source, threads: 2, cache: cache).compilation(for: .inference)
    #expect(try two.tuned == nil)
    // Whatever is wrong with the file, it is as if it were not there.
    let whole = try Data(contentsOf: URL(fileURLWithPath: file))
    for damaged in [whole.prefix(whole.count / 2), Data(), whole.dropLast() + [whole.last! ^ 1]] {
      try damaged.write(to: URL(fileURLWithPath: file))
      chmod(file, 0o600)
      #expect(try text(cache) == usual)
      #expect(!FileManager.default.fileExists(atPath: file))
    }
  }

  @Test func whatFitsNoPlanIsRemoved() throws {
    let compilation = try program(Self.layer, threads: 1, cache: cache).compilation(for: .inference)
    let key = try #require(try compilation.planKey)
    let usual = "\(try compilation.scheduledPlan)"
    for text in ["", "schedule x {\n  nothing {\n", usual.replacing(/rounds of [0-9]+/, with: "rounds of 0")]
    {
      let file = try #require(cache.store(schedule: text, for: key))
      let again = try program(Self.layer, threads: 1, cache: cache).compilation(for: .inference)
      #expect(try again.scheduleText == usual)
      #expect(!FileManager.default.fileExists(atPath: file))
    }
  }

  @Test(arguments: [text, layer]) func theTunerFindsALegalSchedule(_ source: String) throws {
    let program = try program(source, threads: 1, cache: cache)
    let isTrained = source == Self.text
    let tuner = try Tuner(program, training: isTrained ? OptimizationRequest() : nil, steps: 3)
    #expect(tuner.seconds > 0 && tuner.leastSaving >= 0.01 && !tuner.continuesEarlier)
    let result = try tuner.run(seconds: 3)
    #expect(result.wrongChanges == [] && result.triedCount > 0)
    #expect((result.file == nil) == result.gains.isEmpty)
    // What it found is a schedule of the plan.
    let options = CompileOptions(threads: 1, schedule: result.schedule)
    let again = try Compiler(options).compile(source: source, batch: 5)
    let purpose = isTrained ? again.mainPurpose : .inference
    #expect(try "\(again.compilation(for: purpose).scheduledPlan)" == result.schedule)
    #expect(throws: InputError.self) { try tuner.run(seconds: 0) }
    let interpreted = try Compiler(CompileOptions(backend: .interpreter)).compile(source: source)
    #expect(throws: InputError.self) { try Tuner(interpreted, training: nil, steps: 3) }
  }

  @Test func aRaceIsWonByNearlyAllRounds() {
    func race(_ ratios: [Double]) -> Race { Race(ratios.map { ($0, 1) }) }
    #expect(race(Array(repeating: 0.9, count: 25)).isWon(by: 0.05))
    #expect(!race(Array(repeating: 0.97, count: 25)).isWon(by: 0.05))
    #expect(!race(Array(repeating: 0.9, count: 20) + Array(repeating: 1.1, count: 5)).isWon(by: 0.05))
    #expect(race([0.5, 0.7, 2]).ratio == 0.7)
  }
}
