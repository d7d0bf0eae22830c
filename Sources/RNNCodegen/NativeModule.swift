import RNNLLVM
import RNNPlan

/// A plan as one LLVM module, verified and optimised: to be shown, or written to an object file.
public final class NativeModule {
  /// The plan it was made from.
  public let plan: Plan
  private let module: Module

  /// Emits a plan for a target.
  ///
  /// - Throws: `LLVMError` if LLVM refuses the code, which is a bug of rnnc.
  public init(_ plan: Plan, target: Target, timesKernels: Bool = false) throws {
    self.plan = plan
    let outline = ProgramOutline(plan, timesKernels: timesKernels)
    module = Module(plan.name, target: target)
    try ProgramEmitter.emit(outline, into: module)
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
