import RNNLLVM
import RNNPlan

/// A plan as an LLVM module, verified and optimised.
public final class NativeModule {
  /// The plan it was made from.
  public let plan: Plan
  /// The name of the exported function, of the C type `void (void *context, int thread)`.
  public let entryName: String
  /// Whether each kernel adds the ticks that it takes to its clock.
  public let timesKernels: Bool
  let module: Module

  /// Emits a plan for a target.
  ///
  /// - Throws: `LLVMError` if LLVM refuses the code, which is a bug of rnnc.
  public init(_ plan: Plan, target: Target, timesKernels: Bool = false) throws {
    self.plan = plan
    self.timesKernels = timesKernels
    entryName =
      "rnnc_" + plan.name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? String($0) : "_" }.joined()
    module = Module(plan.name, target: target)
    ProgramEmitter(plan, module, timesKernels: timesKernels).emit(entryName)
    try module.verify()
    try module.run(passes: "function(early-cse,instsimplify,simplifycfg,loop-mssa(licm),early-cse)")
  }

  /// The code as LLVM's text.
  public var llvmIR: String { module.description }

  /// The code in assembly language.
  public func assembly() throws -> String { try module.assembly() }

  /// The code as an object file.
  public func object() throws -> [UInt8] { try module.object() }

  /// How many LLVM instructions there are.
  public var instructionCount: Int { module.instructionCount }
}

/// A program in memory, ready to run on this machine.
public final class NativeProgram: Sendable {
  /// The function of a thread: all of the plan's threads must call it with one context, each with its own number.
  public typealias Entry = @convention(c) (UnsafeMutableRawPointer?, Int32) -> Void

  /// The plan it was made from.
  public let plan: Plan
  /// What to call; valid as long as the program lives.
  public let entry: Entry
  /// Whether each kernel adds the ticks that it takes to its clock.
  public let timesKernels: Bool
  private let jit: JIT

  /// Compiles a module and links it into the process.
  public init(_ module: NativeModule) throws {
    plan = module.plan
    timesKernels = module.timesKernels
    jit = try JIT(module.module)
    entry = unsafeBitCast(try jit.address(of: module.entryName), to: Entry.self)
  }
}

extension Target {
  /// What the planner needs to know of the target.
  public var machine: Machine { Machine(vectorBytes: vectorBytes, vectorRegisters: vectorRegisters) }
}
