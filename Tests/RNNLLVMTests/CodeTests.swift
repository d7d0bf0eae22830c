import Testing

@testable import RNNLLVM

/// `f(x, n)`: the sum of `n` floats, by whole vectors and a masked tail.
func sumModule(_ target: Target) -> Module {
  let module = Module("sum", target: target)
  let function = module.function("sum", [module.pointer, module.i64], module.f32)
  module.set([.noalias, .nonnull, .readonly, .nocapture], onParameter: 0, of: function)
  let b = FunctionBuilder(function, in: module)
  let (x, n) = (b.parameters[0], b.parameters[1])
  let lanes = target.vectorBytes / 4
  let vector = module.f32.vector(lanes)
  let (zero, step) = (module.i64.zero, module.i64.constant(lanes))
  let whole = b.sub(n, b.urem(n, step))
  let sum = b.forLoop(
    from: zero, to: whole, step: step, carrying: [vector.zero], hints: LoopHints(unroll: 1)
  ) { i, carried in
    let element = b.gep(module.f32, x, [i])
    return [b.fadd(carried[0], b.load(vector, element, align: 4, isInvariant: true))]
  }
  let mask = b.mask(below: b.sub(n, whole), lanes: lanes)
  let tail = b.maskedLoad(vector, b.gep(module.f32, x, [whole]), mask: mask, align: 4)
  let sums = b.fadd(sum[0], tail)
  b.return((1..<lanes).reduce(b.extract(sums, 0)) { b.fadd($0, b.extract(sums, $1)) })
  return module
}

@Suite struct CodeTests {
  @Test(arguments: [0, 1, 3, 4, 7, 8, 16, 31, 100])
  func `a sum by vectors with a masked tail`(_ count: Int) throws {
    typealias Sum = @convention(c) (UnsafePointer<Float>, Int) -> Float
    let module = sumModule(.host)
    try module.verify()
    try module.run(passes: "default<O2>")
    try module.verify()
    let jit = try JIT(module)
    let sum = unsafeBitCast(try jit.address(of: "sum"), to: Sum.self)
    // What lies behind the numbers must not count.
    let numbers = (0..<count + 64).map { $0 < count ? Float($0 + 1) : .nan }
    #expect(sum(numbers, count) == Float(count * (count + 1) / 2))
  }

  @Test func `assembly uses the widest registers of the target, and objects are made for it`() throws {
    for (name, register, absent) in [
      ("x86-64-v2", "%xmm", "%ymm"), ("x86-64-v3", "%ymm", "%zmm"), ("x86-64-v4", "%zmm", "addss\t%ymm"),
    ] {
      let module = sumModule(try Target(named: name))
      let text = module.description
      let assembly = try module.assembly()
      #expect(assembly.contains(register) && !assembly.contains(absent), "\(name)")
      #expect(Array(try module.object().prefix(4)) == [0x7f, 0x45, 0x4c, 0x46])
      #expect(module.description == text, "emission must not change the module")
    }
  }

  @Test func `loops carry values, and do not run on an empty range`() throws {
    // Fibonacci numbers, in a loop whose end is not known, inside one whose bounds are.
    let module = Module("fibonacci", target: .host)
    let i64 = module.i64
    let b = FunctionBuilder(module.function("f", [i64, i64], i64), in: module)
    let slot = b.alloca(i64, align: 8)
    b.store(i64.zero, slot, align: 8)
    b.forLoop(from: i64.zero, to: i64.constant(2), step: i64.constant(1)) { _ in
      let last = b.forLoop(
        from: b.parameters[0], to: b.parameters[1], step: i64.constant(1),
        carrying: [i64.zero, i64.constant(1)], hints: LoopHints(unroll: 4)
      ) { _, pair in [pair[1], b.add(pair[0], pair[1])] }
      b.store(b.add(b.load(i64, slot, align: 8), last[0]), slot, align: 8)
    }
    b.return(b.load(i64, slot, align: 8))
    try module.verify()
    #expect(module.description.contains("llvm.loop.unroll.count"))
    let jit = try JIT(module)
    let f = unsafeBitCast(try jit.address(of: "f"), to: (@convention(c) (Int, Int) -> Int).self)
    #expect(f(0, 10) == 110)
    #expect(f(3, 4) == 2)
    #expect(f(4, 4) == 0)
    #expect(f(9, 4) == 0)
  }

  @Test func `choices and calls of host functions`() throws {
    let host: @convention(c) (Int32) -> Int32 = { $0 * 100 }
    let module = Module("calls", target: .host)
    let i32 = module.i32
    let outside = module.function("outside", [i32], i32)
    let inner = module.function("inner", [i32], i32, isInternal: true, attributes: [.noInline])
    do {
      let b = FunctionBuilder(inner, in: module)
      b.return(b.mul(b.parameters[0], i32.constant(11)))
    }
    let b = FunctionBuilder(module.function("f", [i32], i32), in: module)
    let x = b.parameters[0]
    let chosen = b.ifElse(b.icmp(.less, x, i32.zero)) {
      [b.call(outside, [x])]
    } else: {
      [b.call(inner, [x])]
    }
    b.return(chosen[0])
    try module.verify()
    let functions = ["outside": unsafeBitCast(host, to: UnsafeRawPointer.self)]
    // Two at a time, as two programs compiled in one process.
    let jits = [try JIT(module, functions: functions), try JIT(module, functions: functions)]
    for jit in jits {
      let f = unsafeBitCast(try jit.address(of: "f"), to: (@convention(c) (Int32) -> Int32).self)
      #expect([f(-3), f(1), f(2)] == [-300, 11, 22])
    }
    #expect(throws: LLVMError.self) { try jits[0].address(of: "missing") }
    #expect { try JIT(module).address(of: "f") } throws: { "\($0)".contains("outside") }
  }

  @Test func `memory: gather, scatter, masks, atomics`() throws {
    let module = Module("memory", target: .host)
    let (i64, f32) = (module.i64, module.f32)
    let b = FunctionBuilder(
      module.function("f", [module.pointer, module.pointer, module.pointer], i64), in: module)
    let lanes = 4
    let all = module.i1.vector(lanes).constant(1)
    let reversed = i64.vector(lanes).constant(lanes: [3, 2, 1, 0])
    let from = b.gep(f32, b.parameters[0], [reversed])
    let values = b.gather(f32.vector(lanes), from, mask: all, align: 4)
    let doubled = b.fmul(values, values.type.constant(2.0))
    let to = b.gep(f32, b.parameters[1], [i64.vector(lanes).constant(lanes: [0, 2, 4, 6])])
    let some = module.i1.vector(lanes).constant(lanes: [1, 1, 0, 1])
    b.scatter(doubled, to, mask: some, align: 4)
    b.pause()
    b.prefetch(b.parameters[0])
    let before = b.atomicLoad(i64, b.parameters[2], .acquire)
    b.atomicStore(b.add(before, i64.constant(6)), b.parameters[2], .release)
    b.return(before)
    try module.verify()
    let jit = try JIT(module)
    typealias Function =
      @convention(c) (UnsafePointer<Float>, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Int>) -> Int
    let f = unsafeBitCast(try jit.address(of: "f"), to: Function.self)
    var result = [Float](repeating: 0, count: 7)
    var counter = 7
    #expect(f([1, 2, 3, 4], &result, &counter) == 7)
    #expect(counter == 13)
    #expect(result == [8, 0, 6, 0, 0, 0, 2])
  }

  @Test func `floating-point instructions carry the builder's liberties`() throws {
    let module = Module("fast", target: .host)
    let b = FunctionBuilder(module.function("f", [module.f32, module.f32], module.f32), in: module)
    let (x, y) = (b.parameters[0], b.parameters[1])
    let fast = b.withFastMath([.contract, .noSignedZeros]) { b.fadd(x, y) }
    b.return(b.fmul(fast, y))
    #expect(module.description.contains("fadd nsz contract float"))
    #expect(module.description.contains("fmul float"))
    #expect(module.instructionCount == 3)
  }

  @Test func `what LLVM refuses is an error with its words`() throws {
    let module = Module("broken", target: .host)
    let b = FunctionBuilder(module.function("f", [], module.i32), in: module)
    #expect { try module.verify() } throws: { "\($0)".contains("does not have terminator") }
    b.return(module.i32.zero)
    try module.verify()
    #expect { try module.run(passes: "no-such-pass") } throws: { "\($0)".contains("no-such-pass") }
  }
}
