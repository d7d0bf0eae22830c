import RNNGraph
import RNNPlan

/// Where a call's pointers and sizes stand in the block of memory that the emitted function reads.
///
/// ```
/// bytes 0      the arena's address
///       8      whether what depends on parameters only is in the arena already
///      16      the address of the kernels' clocks, in a program that has them
///      64      two cache lines for each thread, if there are several: see `Barrier`
///             then the sizes of the plan's symbols, the addresses of inputs, and those of outputs
/// ```
public struct ContextLayout: Sendable {
  /// The version of the layout and of what a caller has to do: headers and object files of different ones do not link.
  public static let version = 1

  /// Bytes from the start to the arena's address.
  public let arena = 0
  /// Bytes from the start to whether the arena is prepared.
  public let prepared = 8
  /// Bytes from the start to the address of the clocks: ticks of each kernel and of waiting, thread by thread.
  public let clocks = 16
  /// Bytes from the start to where the threads meet.
  public let barrier = 64
  /// Bytes from the start to the sizes of symbols.
  public let sizes: Int
  /// Bytes from the start to the addresses of inputs.
  public let inputs: Int
  /// Bytes from the start to the addresses of outputs.
  public let outputs: Int
  /// The bytes of the whole block.
  public let byteCount: Int

  /// Bytes of a thread's part of the barrier.
  static let barrierBytes = 2 * Buffer.alignment

  /// The layout for a plan.
  public init(_ plan: Plan) {
    sizes = barrier + (plan.threads > 1 ? Self.barrierBytes * plan.threads : 0)
    inputs = sizes + 8 * plan.symbols.count
    outputs = inputs + 8 * plan.inputs.count
    byteCount = outputs + 8 * plan.outputs.count
  }
}

/// What one call of a program reads: pointers and sizes, kept between calls.
public final class NativeContext: @unchecked Sendable {  // Set by the owner between calls only.
  private let memory: UnsafeMutableRawPointer
  private let layout: ContextLayout
  private let symbols: [Symbol]

  /// Makes a context in which nothing is set.
  public init(_ plan: Plan) {
    layout = ContextLayout(plan)
    symbols = plan.symbols
    memory = .allocate(byteCount: layout.byteCount, alignment: Buffer.alignment)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: layout.byteCount)
  }

  deinit { memory.deallocate() }

  /// The block that the program's entry takes.
  public var pointer: UnsafeMutableRawPointer { memory }

  /// Sets the address of an input, which must hold as many elements as the plan says.
  public func setInput(_ index: Int, _ address: UnsafeMutableRawPointer) {
    set(layout.inputs + 8 * index, address)
  }

  /// Sets the address of an output that does not replace an input.
  public func setOutput(_ index: Int, _ address: UnsafeMutableRawPointer) {
    set(layout.outputs + 8 * index, address)
  }

  /// Sets the arena: aligned, and at least as large as the plan says for the sizes set.
  public func setArena(_ address: UnsafeMutableRawPointer) { set(layout.arena, address) }

  /// Sets where a program that times its kernels adds the ticks that they take: a counter for each kernel in the plan's
  /// order and one for waiting, for each thread.
  public func setClocks(_ address: UnsafeMutableRawPointer) { set(layout.clocks, address) }

  /// Says whether the arena holds what an earlier call prepared from the parameters that are set now.
  public func setPrepared(_ isPrepared: Bool) {
    memory.storeBytes(of: isPrepared ? 1 : 0, toByteOffset: layout.prepared, as: Int.self)
  }

  /// Sets the sizes of all the plan's symbols.
  public func setSizes(_ sizes: [Symbol: Int]) {
    for (i, symbol) in symbols.enumerated() {
      guard let size = sizes[symbol] else { preconditionFailure("no size for \(symbol)") }
      memory.storeBytes(of: size, toByteOffset: layout.sizes + 8 * i, as: Int.self)
    }
  }

  private func set(_ offset: Int, _ address: UnsafeMutableRawPointer) {
    memory.storeBytes(of: address, toByteOffset: offset, as: UnsafeMutableRawPointer.self)
  }
}
