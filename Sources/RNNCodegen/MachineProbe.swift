import RNNLLVM

/// Measures what this machine can do at most, with code made the way that programs are.
public final class MachineProbe {
  /// What a probe's functions get: all threads read it.
  private struct Context {
    var rounds: Int
    /// Bytes that each thread reads in a round, a multiple of `blockBytes`.
    var bytes: Int
    /// Memory of all threads, one part behind the other.
    var memory: UnsafeMutableRawPointer?
    /// Where each thread leaves a result, a vector apart, so that the work is not in vain.
    var results: UnsafeMutableRawPointer?
  }

  private let jit: JIT
  private let multiplyAdd: NativeProgram.Entry
  private let read: NativeProgram.Entry
  private let lanes: Int

  /// Independent sums: enough to hide the latency of an addition, and fewer than there are registers.
  private static let sums = 12
  /// Bytes between the results of two threads.
  private static let resultBytes = 128

  /// Compiles the probes.
  public init() throws {
    let target = Target.host
    let module = Module("probe", target: target)
    lanes = target.vectorBytes / 4
    Self.emitMultiplyAdd(module, lanes)
    Self.emitRead(module, lanes)
    try module.verify()
    jit = try JIT(module)
    multiplyAdd = unsafeBitCast(try jit.address(of: "multiply_add"), to: NativeProgram.Entry.self)
    read = unsafeBitCast(try jit.address(of: "read"), to: NativeProgram.Entry.self)
  }

  /// Runs a function on a number of threads; the caller has the threads.
  public typealias Runner = (_ body: NativeProgram.Entry, _ context: UnsafeMutableRawPointer) -> Void

  /// Measures, at each call for about three milliseconds, how many floating-point operations in a second `threads` reach
  /// together by fused multiply-adds in registers.
  public func multiplyAddMeter(threads: Int, _ run: @escaping Runner) -> () -> Double {
    let operations = Double(threads * Self.sums * lanes * 2)
    return meter(threads: threads, memory: nil, bytes: 0, multiplyAdd, run) { Double($0) * operations }
  }

  /// Bytes in a second that `threads` read together, each its part of `bytes` again and again; the best of some times.
  public func readRate(bytes: Int, threads: Int, _ run: @escaping Runner) -> Double {
    let block = Self.sums * lanes * 4
    let part = max(bytes / threads / block, 1) * block
    let memory = ZeroedBytes(part * threads)
    let meter = meter(threads: threads, memory: memory, bytes: part, read, run) {
      Double($0 * part * threads)
    }
    return (0..<12).map { _ in meter() }.max() ?? 0
  }

  /// Measures the rate of some work for about three milliseconds at each call.
  private func meter(
    threads: Int, memory: ZeroedBytes?, bytes: Int, _ body: NativeProgram.Entry, _ run: @escaping Runner,
    work: @escaping (_ rounds: Int) -> Double
  ) -> () -> Double {
    let results = ZeroedBytes(Self.resultBytes * threads)
    var context = Context(
      rounds: 1, bytes: bytes, memory: memory?.address, results: results.address)
    func seconds() -> Double {
      let start = ContinuousClock.now
      withExtendedLifetime((memory, results)) { run(body, &context) }
      return (ContinuousClock.now - start) / .seconds(1)
    }
    // The least of some times: others may be using the machine.
    while [seconds(), seconds(), seconds()].min() ?? 1 < 3e-3, context.rounds < 1 << 40 {
      context.rounds *= 2
    }
    return { work(context.rounds) / seconds() }
  }

  // MARK: Code

  private static func function(_ name: String, _ module: Module) -> FunctionBuilder {
    FunctionBuilder(module.function(name, [module.pointer, module.i32], module.void), in: module)
  }

  /// A field of the context.
  private static func field(_ index: Int, _ b: FunctionBuilder, _ module: Module, _ type: IRType) -> IRValue {
    b.load(type, b.offset(b.parameters[0], bytes: index * 8), align: 8)
  }

  /// Leaves the sum of some vectors where it counts as used.
  private static func finish(_ sums: [IRValue], _ b: FunctionBuilder, _ module: Module) {
    let thread = b.zext(b.parameters[1], to: module.i64)
    let place = b.mul(thread, module.i64.constant(resultBytes))
    let result = sums.dropFirst().reduce(sums[0]) { b.fadd($0, $1) }
    b.store(result, b.offset(field(3, b, module, module.pointer), bytes: place), align: 4)
    b.return()
  }

  private static func emitMultiplyAdd(_ module: Module, _ lanes: Int) {
    let b = function("multiply_add", module)
    let vector = module.f32.vector(lanes)
    // Loaded, so that nothing is known of it: zero, as the results are at first.
    let factor = b.load(vector, field(3, b, module, module.pointer), align: 4)
    let sums = b.forLoop(
      from: module.i64.zero, to: field(0, b, module, module.i64), step: module.i64.constant(1),
      carrying: Array(repeating: vector.zero, count: sums), hints: LoopHints(unroll: 4)
    ) { _, sums in sums.map { b.mulAdd(factor, factor, $0) } }
    finish(sums, b, module)
  }

  private static func emitRead(_ module: Module, _ lanes: Int) {
    let b = function("read", module)
    let vector = module.f32.vector(lanes)
    let bytes = field(1, b, module, module.i64)
    let thread = b.zext(b.parameters[1], to: module.i64)
    let start = b.offset(field(2, b, module, module.pointer), bytes: b.mul(thread, bytes))
    let zeros = Array(repeating: vector.zero, count: sums)
    let total = b.forLoop(
      from: module.i64.zero, to: field(0, b, module, module.i64), step: module.i64.constant(1),
      carrying: zeros
    ) { _, outer in
      b.forLoop(
        from: module.i64.zero, to: bytes, step: module.i64.constant(sums * lanes * 4), carrying: outer,
        hints: LoopHints(unroll: 1)
      ) { place, inner in
        inner.enumerated().map { i, sum in
          b.fadd(sum, b.load(vector, b.offset(b.offset(start, bytes: place), bytes: i * lanes * 4), align: 4))
        }
      }
    }
    finish(total, b, module)
  }
}

/// Memory that is freed with the object.
private final class ZeroedBytes {
  let address: UnsafeMutableRawPointer

  init(_ count: Int) {
    address = .allocate(byteCount: count, alignment: 64)
    address.initializeMemory(as: UInt8.self, repeating: 0, count: count)
  }

  deinit { address.deallocate() }
}
