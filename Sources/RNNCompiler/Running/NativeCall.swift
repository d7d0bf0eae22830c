import RNNCodegen
import RNNGraph
import RNNSupport

/// Native code with its threads and its working memory.
final class NativeCall {
  let context: NativeContext
  private let program: NativeProgram
  private let pool: ThreadPool
  private let arena: Arena
  /// Whether nothing has been computed in the arena yet.
  var hasNewArena = true
  /// Whether later calls can use what this one prepares.
  let keepsPreparation: Bool
  let clocks: KernelClocks?

  /// The working memory, which grows.
  private final class Arena { var memory = AlignedMemory(byteCount: 0) }

  /// Takes memory and threads of its own.
  convenience init(_ program: NativeProgram) throws {
    self.init(program, try ThreadPool(count: program.plan.threads), Arena())
  }

  /// Takes the memory and the threads of other code. One of them is called at a time, and each finds what the other left
  /// there.
  ///
  /// - Requires: it has as many threads.
  convenience init(_ program: NativeProgram, sharing other: NativeCall) {
    precondition(
      program.plan.threads == other.pool.count, "the threads of other code are too few or too many")
    self.init(program, other.pool, other.arena)
  }

  private init(_ program: NativeProgram, _ pool: ThreadPool, _ arena: Arena) {
    self.program = program
    self.pool = pool
    self.arena = arena
    context = NativeContext(program.plan)
    keepsPreparation = program.plan.hasPreparation
    clocks = program.timesKernels ? KernelClocks(program.plan) : nil
    if let clocks { context.setClocks(clocks.address) }
  }

  /// The bytes of working memory that there must be beyond what there is, approximately.
  func missingBytes(_ sizes: [Symbol: Int]) -> Double {
    let bytes = program.plan.arenaBytes.approximate(sizes)
    let held = arena.memory.byteCount
    return bytes > Double(held) ? bytes - Double(held) : 0
  }

  func setSizes(_ sizes: [Symbol: Int]) {
    let bytes = program.plan.arenaBytes.evaluate(sizes)
    if bytes > arena.memory.byteCount {
      // The old one goes before the new one comes.
      arena.memory = AlignedMemory(byteCount: 0)
      arena.memory = AlignedMemory(byteCount: bytes)
      hasNewArena = true
    }
    context.setArena(arena.memory.baseAddress)
    context.setSizes(sizes)
  }

  func run() { pool.run(program.entry, context: context.pointer) }
}
