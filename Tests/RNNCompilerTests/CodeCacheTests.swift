import Foundation
import RNNCompiler
import RNNPlan
import Testing

@testable import RNNCompiler

@Suite("Cache of code")
final class CodeCacheTests {
  private let folder: String
  private let cache: CodeCache

  init() {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    cache = CodeCache(path: "\(folder)/code")
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private var files: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: cache.path)) ?? []).sorted()
  }

  /// Compiles, and gives what is computed and the stages that it took.
  private func run(
    _ options: CompileOptions = CompileOptions(threads: 2), source: String = smallModel, batch: Int = 3
  ) throws -> (results: [String: Tensor], stages: [String]) {
    var options = options
    options.cache = options.cache ?? cache
    let program = try Compiler(options).compile(source: source, batch: batch)
    let results = try program.run(program.randomTensors(steps: 4, seed: 0))
    let timings = try program.compilation(for: .evaluation).timings
    return (results, timings.filter { !$0.isPass }.map(\.name))
  }

  @Test func theSecondTimeNothingIsCompiled() throws {
    let first = try run()
    #expect(first.stages == ["optimize", "plan", "schedule", "code", "link"])
    #expect(files.count == 1)
    let second = try run()
    #expect(second.stages == ["optimize", "plan", "cache", "layout", "link"])
    #expect(second.results == first.results)
    #expect(files.count == 1)
  }

  @Test func theKeyTellsProgramsApart() throws {
    let targets = try ["x86-64-v2", "x86-64-v3"].map { try Target(named: $0) }.filter(\.runsHere)
    let different: [(String, Int, CompileOptions)] =
      [
        (smallModel, 3, CompileOptions(threads: 2)), (smallModel, 3, CompileOptions(threads: 1)),
        (smallModel, 4, CompileOptions(threads: 2)),
        (smallModel, 3, CompileOptions(elementType: .f64, threads: 2)),
        (smallModel, 3, CompileOptions(threads: 2, timesKernels: true)),
        (smallModel.replacingOccurrences(of: "GRU", with: "LSTM"), 3, CompileOptions(threads: 2)),
      ] + targets.map { (smallModel, 3, CompileOptions(threads: 2, target: $0)) }
    for (i, (source, batch, options)) in different.enumerated() {
      #expect(try run(options, source: source, batch: batch).stages.contains("code"))
      #expect(files.count == i + 1)
    }
    for (source, batch, options) in different {
      #expect(try run(options, source: source, batch: batch).stages.contains("cache"))
    }
  }

  @Test func damageIsRepaired() throws {
    let results = try run().results
    let path = "\(cache.path)/\(try #require(files.first))"
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    func check(_ damaged: Data, _ what: String) throws {
      try damaged.write(to: URL(fileURLWithPath: path))
      chmod(path, 0o600)
      let again = try run()
      #expect(again.stages.contains("code") && again.results == results, "\(what)")
      #expect(try run().stages.contains("cache"), "\(what)")
    }
    // The magic, the checksum, the counts, the key, and the objects.
    for place in [0, 9, 17, 25, 33, 60, whole.count / 2, whole.count - 1] {
      var damaged = whole
      damaged[place] ^= 0x40
      try check(damaged, "byte \(place)")
    }
    for length in [0, 7, 20, 50, whole.count - 1] { try check(whole.prefix(length), "\(length) bytes") }
    try check(whole + Data([0]), "a byte more")
  }

  @Test func entriesReadBack() {
    let entry = CodeCacheEntry(key: "a key", objects: [[1, 2, 3], [], [4]])
    #expect(CodeCacheEntry(entry.bytes) == entry)
    #expect(CodeCacheEntry([]) == nil)
    // Counts that are right by their checksum and wrong otherwise.
    for (place, number) in [(16, UInt8.max), (24, UInt8.max), (23, UInt8.max), (39, 0x7F)] {
      var bytes = entry.bytes
      bytes[place] = number
      let checksum = StableHash.of(bytes[16...])
      for i in 0..<8 { bytes[8 + i] = UInt8(truncatingIfNeeded: checksum >> (8 * i)) }
      #expect(CodeCacheEntry(bytes) == nil)
    }
  }

  @Test func whatOthersMayWriteIsNotRun() throws {
    _ = try run()
    let path = "\(cache.path)/\(try #require(files.first))"
    for (place, mode) in [(cache.path, mode_t(0o777)), (cache.path, 0o720), (path, 0o666), (path, 0o620)] {
      chmod(place, mode)
      #expect(try run().stages.contains("code"), "\(place) \(String(mode, radix: 8))")
      chmod(cache.path, 0o700)
      #expect(try run().stages.contains("cache"))
    }
    // A link may lead to a file of anyone.
    let elsewhere = "\(folder)/elsewhere"
    try FileManager.default.moveItem(atPath: path, toPath: elsewhere)
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: elsewhere)
    #expect(try run().stages.contains("code"))
  }

  @Test(.enabled(if: geteuid() == 0, "only the superuser can give files away"))
  func whatBelongsToOthersIsNotRun() throws {
    _ = try run()
    let path = "\(cache.path)/\(try #require(files.first))"
    for place in [path, cache.path] {
      chown(place, 1, 1)
      #expect(try run().stages.contains("code"), "\(place)")
      chown(place, 0, 0)
    }
  }

  @Test func aFolderThatCannotBeUsedIsNoError() throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data().write(to: URL(fileURLWithPath: cache.path))
    let options = CompileOptions(threads: 1)
    #expect(try run(options).stages.contains("code"))
    var nowhere = options
    nowhere.cache = CodeCache(path: "/proc/nothing/code")
    #expect(try run(nowhere).stages.contains("code"))
  }

  /// A pipe and a file of terabytes are no code; the next compilation puts its own in their place.
  @Test(.timeLimit(.minutes(1))) func whatNeverEndsIsNotRead() throws {
    let results = try run().results
    let path = "\(cache.path)/\(try #require(files.first))"
    for isPipe in [true, false] {
      unlink(path)
      if isPipe {
        #expect(mkfifo(path, 0o600) == 0)
      } else {
        #expect(FileManager.default.createFile(atPath: path, contents: nil))
        #expect(chmod(path, 0o600) == 0 && truncate(path, 1 << 42) == 0)
      }
      let again = try run()
      #expect(again.stages.contains("code") && again.results == results)
      #expect(try run().stages.contains("cache"))
    }
  }

  @Test func whatKilledProcessesLeftGoes() throws {
    _ = try run()
    try Data([1]).write(to: URL(fileURLWithPath: "\(cache.path)/x.1-2.tmp"))
    _ = try run(source: smallModel.replacingOccurrences(of: "GRU", with: "LSTM"))
    #expect(files.count == 2 && files.allSatisfy { !$0.hasSuffix(".tmp") })
  }

  @Test func theOldestFilesGo() throws {
    var small = cache
    _ = try run()
    let first = try #require(files.first)
    let size = try Data(contentsOf: URL(fileURLWithPath: "\(cache.path)/\(first)")).count
    // Used long ago, and a write that never ended.
    let old = [timeval(tv_sec: 1_000_000, tv_usec: 0), timeval(tv_sec: 1_000_000, tv_usec: 0)]
    utimes("\(cache.path)/\(first)", old)
    try Data().write(to: URL(fileURLWithPath: "\(cache.path)/x.tmp"))
    utimes("\(cache.path)/x.tmp", old)
    small.byteLimit = size * 3 / 2
    var options = CompileOptions(threads: 1)
    options.cache = small
    _ = try run(options)
    #expect(files.count == 1 && files.first != first)
  }

  @Test func manyAtOnceAgree() async throws {
    let expected = try run(CompileOptions(threads: 2)).results
    try FileManager.default.removeItem(atPath: cache.path)
    try await withThrowingTaskGroup(of: [String: Tensor].self) { group in
      for _ in 0..<8 {
        group.addTask { [cache] in
          var options = CompileOptions(threads: 2)
          options.cache = cache
          let program = try Compiler(options).compile(source: smallModel, batch: 3)
          return try program.run(program.randomTensors(steps: 4, seed: 0))
        }
      }
      for try await results in group { #expect(results == expected) }
    }
    #expect(files.count == 1)
  }
}
