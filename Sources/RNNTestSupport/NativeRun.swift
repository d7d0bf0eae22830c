import RNNCodegen
import RNNGraph
import RNNInterpreter
import RNNLLVM
import RNNPlan
import RNNSchedule
import RNNRuntime

/// Plans a graph, compiles it and runs it, again if a call prepares the next one: what the interpreter's `run` does, by the other way.
///
/// - Throws: what the planner or LLVM throws.
public func runNatively(
  _ graph: Graph, inputs: [String: DenseArray], sizes: [Symbol: Int], threads: Int = 1,
  target: Target = .host, machine: Machine? = nil, weights: Buffer.Format = .full,
  scheduler: (any Scheduler)? = nil
) throws -> [String: DenseArray] {
  var machine = machine ?? target.machine
  // Threads share all that they can, however small it is.
  machine.barrierCost = 0
  let source = try Planner.plan(graph, batch: sizes[.batch] ?? 1, weights: weights)
  try source.verify()
  let scheduled = try ScheduledPlan(source, scheduler ?? ProcessorScheduler(machine), threads: threads)
  let plan = scheduled.plan
  try plan.verify()
  try scheduled.verify()
  return try runNatively(scheduled, inputs: inputs, sizes: sizes, target: target)
}

/// Compiles a scheduled plan and runs it, again if a call prepares the next one.
///
/// - Throws: what LLVM throws.
public func runNatively(
  _ scheduled: ScheduledPlan, inputs: [String: DenseArray], sizes: [Symbol: Int], target: Target = .host
) throws -> [String: DenseArray] {
  let plan = scheduled.plan
  let program = try NativeProgram(plan, NativeCode(scheduled, target: target))
  let context = NativeContext(plan)
  context.setSizes(sizes)
  var sizes = sizes
  for symbol in plan.symbols where sizes[symbol] == nil { sizes[symbol] = 1 }
  let arena = AlignedMemory(byteCount: max(64, plan.arenaBytes.evaluate(sizes)))
  // What the program reads before it writes shows as NaN.
  arena.baseAddress.initializeMemory(as: UInt8.self, repeating: 0xFF, count: arena.byteCount)
  context.setArena(arena.baseAddress)
  var memory: [AlignedMemory] = []
  for (i, port) in plan.inputs.enumerated() {
    let bytes = encode(inputs[port.name]!)
    memory.append(guarded(bytes.count))
    bytes.withUnsafeBytes { memory[i].baseAddress.copyMemory(from: $0.baseAddress!, byteCount: bytes.count) }
    context.setInput(i, memory[i].baseAddress)
  }
  var results: [AlignedMemory] = []
  for (i, port) in plan.outputs.enumerated() {
    let count = port.shape.reduce(1) { $0 * $1.evaluate(sizes) }
    if let replaced = port.replaces {
      results.append(memory[replaced])
      continue
    }
    results.append(guarded(count * port.element.byteCount))
    context.setOutput(i, results[i].baseAddress)
  }
  let pool = try ThreadPool(count: plan.threads)
  pool.run(program.entry, context: context.pointer)
  if plan.hasPreparation, !plan.outputs.contains(where: { $0.replaces != nil }) {
    // Again, with what the first call has prepared.
    for result in results {
      result.baseAddress.initializeMemory(as: UInt8.self, repeating: 0xFF, count: result.byteCount)
    }
    context.setPrepared(true)
    pool.run(program.entry, context: context.pointer)
  }
  var outputs: [String: DenseArray] = [:]
  for (port, result) in zip(plan.outputs, results) {
    outputs[port.name] = decode(result.baseAddress, port.element, port.shape.map { $0.evaluate(sizes) })
  }
  withExtendedLifetime((program, memory, arena)) {}
  return outputs
}

/// Memory of some bytes, never none, in which nothing that was left out shows as a number.
private func guarded(_ bytes: Int) -> AlignedMemory {
  let memory = AlignedMemory(byteCount: max(bytes, 1))
  memory.baseAddress.initializeMemory(as: UInt8.self, repeating: 0xFF, count: memory.byteCount)
  return memory
}

private func encode(_ array: DenseArray) -> [UInt8] {
  func bytes<T>(_ values: [T]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }
  return switch array.element {
  case .f32: bytes(array.numbers.map { Float($0) })
  case .f64: bytes(array.numbers)
  case .i32: bytes(array.numbers.map { Int32($0) })
  case .bool: bytes(array.numbers.map { UInt8($0) })
  }
}

private func decode(_ address: UnsafeMutableRawPointer, _ element: RNNGraph.ElementType, _ shape: [Int])
  -> DenseArray
{
  let count = shape.reduce(1, *)
  func values<T>(_ type: T.Type) -> [T] {
    Array(UnsafeBufferPointer(start: address.assumingMemoryBound(to: type), count: count))
  }
  let numbers: [Double] =
    switch element {
    case .f32: values(Float.self).map(Double.init)
    case .f64: values(Double.self)
    case .i32: values(Int32.self).map(Double.init)
    case .bool: values(UInt8.self).map(Double.init)
    }
  return DenseArray(element, shape, numbers)
}

/// The largest difference of two tensors' elements, by the larger of the largest magnitude among them and 1e-3.
///
/// Infinite if one has a NaN where the other has none.
public func relativeDifference(_ a: DenseArray, _ b: DenseArray) -> Double {
  guard a.shape == b.shape else { return .infinity }
  var scale = 1e-3
  var difference = 0.0
  for (x, y) in zip(a.numbers, b.numbers) {
    if x == y || (x.isNaN && y.isNaN) { continue }
    if x.isNaN || y.isNaN || x.isInfinite || y.isInfinite { return .infinity }
    difference = max(difference, abs(x - y))
  }
  for x in a.numbers where x.isFinite { scale = max(scale, abs(x)) }
  return difference / scale
}
