import CRNNLLVM

/// The machine that code is made for, and what its vector unit can do.
public struct Target: Hashable, Sendable {
  /// A family of instruction sets, as far as rnnc distinguishes them.
  public enum Architecture: Hashable, Sendable {
    /// 64-bit x86.
    case x86_64
    /// 64-bit Arm.
    case aarch64
    /// That of a machine that rnnc itself runs on; there is no other way to get it.
    case other
  }

  /// LLVM's name of architecture, vendor and operating system.
  public let triple: String
  /// LLVM's name of the processor.
  public let cpu: String
  /// Features added to or taken from those of the processor, as `+avx2,-fma`.
  public let features: String
  /// How hard LLVM's code generator works, from 0 to 3.
  public let optimizationLevel: Int
  /// Sizes and alignments, in LLVM's notation.
  public let dataLayout: String
  /// The family of the instruction set.
  public let architecture: Architecture
  /// The bytes of the widest vector register in use.
  public let vectorBytes: Int
  /// How many vector registers there are.
  public let vectorRegisters: Int
  /// Whether there is a fused multiply-add instruction for vectors.
  public let hasFMA: Bool
  /// A core's caches: this machine's if the target is named after it, else the least that is to be expected.
  public let caches: CoreCaches

  /// The machine this runs on.
  public static let host: Target = {
    let cpu = taking(message: LLVMGetHostCPUName())
    let features = taking(message: LLVMGetHostCPUFeatures())
    do {
      return try Target(triple: hostTriple, cpu: cpu, features: features, caches: .host)
    } catch {
      preconditionFailure("LLVM cannot compile for the machine it runs on: \(error)")
    }
  }()

  /// LLVM's triple of the machine this runs on.
  public static var hostTriple: String { taking(message: LLVMGetDefaultTargetTriple()) }

  /// Finds the target a user names: `native`, a processor (`x86-64-v3`, `znver4`, `neoverse-n1`), or a triple
  /// (`aarch64-unknown-linux-gnu`), which stands for the oldest processor of its kind.
  ///
  /// A processor of another architecture than this machine's is taken to run this machine's operating system.
  ///
  /// - Throws: `UnknownTarget` if there is no such thing, or the tests compile nothing for it.
  public init(named name: String, optimizationLevel: Int = 2) throws {
    if name == "native" {
      self = try Target(
        triple: Target.hostTriple, cpu: Target.host.cpu, features: Target.host.features,
        optimizationLevel: optimizationLevel, caches: .host)
      return
    }
    let family = TargetNames.architecture(ofCPU: name)
    let triple: String
    if let family, family == Target.host.architecture {
      triple = Target.hostTriple
    } else {
      let system = Target.hostTriple.split(separator: "-").dropFirst().joined(separator: "-")
      triple = family.map { "\($0 == .x86_64 ? "x86_64" : "aarch64")-\(system)" } ?? name
      guard TargetNames.isServed(triple: triple) else { throw UnknownTarget(name) }
    }
    self = try Target(
      triple: triple, cpu: family == nil ? "generic" : name, optimizationLevel: optimizationLevel)
  }

  /// Makes a target of LLVM's names, all of which LLVM must know: it tells of others on standard error only.
  private init(
    triple: String, cpu: String, features: String = "", optimizationLevel: Int = 2,
    caches: CoreCaches = .least
  ) throws {
    guard let target = LLVMTargets.find(triple) else { throw UnknownTarget(triple) }
    let machine = TargetMachine(target, triple, cpu, features, optimizationLevel)
    let layout = LLVMCreateTargetDataLayout(machine.ref)
    defer { LLVMDisposeTargetData(layout) }
    // The context of a program and its C header have room for such addresses only.
    guard LLVMPointerSize(layout) == 8 else { throw UnknownTarget(triple) }
    let abilities = try VectorAbilities(machine)
    self.triple = triple
    self.cpu = cpu
    self.features = features
    self.optimizationLevel = optimizationLevel
    self.caches = caches
    dataLayout = taking(message: LLVMCopyStringRepOfTargetData(layout))
    architecture =
      switch String(cString: LLVMGetTargetName(target)) {
      case "x86-64": .x86_64
      case "aarch64": .aarch64
      default: .other
      }
    vectorBytes = abilities.vectorBytes
    hasFMA = abilities.hasFMA
    vectorRegisters = vectorBytes == 64 || architecture == .aarch64 ? 32 : 16
  }

  /// Whether code for this target runs in this process.
  public var runsHere: Bool {
    let host = Target.host
    return architecture == host.architecture && triple == host.triple && vectorBytes <= host.vectorBytes
      && (host.hasFMA || !hasFMA)
  }

  /// What makes a function use this target's instructions, the widest vectors among them.
  public var functionAttributes: [IRAttribute] {
    var attributes: [IRAttribute] = [
      .text("target-cpu", cpu), .text("prefer-vector-width", String(vectorBytes * 8)),
      .text("frame-pointer", "none"),
    ]
    if !features.isEmpty { attributes.append(.text("target-features", features)) }
    return attributes
  }

  /// Makes LLVM's code generator for this target; one thread at a time may use it.
  func machine() throws -> TargetMachine {
    guard let target = LLVMTargets.find(triple) else { throw UnknownTarget(triple) }
    return TargetMachine(target, triple, cpu, features, optimizationLevel)
  }
}

extension Target: CustomStringConvertible {
  /// Processor and triple.
  public var description: String { "\(cpu) (\(triple))" }
}

/// LLVM's code generator for one target.
final class TargetMachine {
  let ref: LLVMTargetMachineRef

  init(
    _ target: LLVMTargetRef, _ triple: String, _ cpu: String, _ features: String, _ optimizationLevel: Int
  ) {
    let level =
      switch optimizationLevel {
      case ...0: LLVMCodeGenLevelNone
      case 1: LLVMCodeGenLevelLess
      case 2: LLVMCodeGenLevelDefault
      default: LLVMCodeGenLevelAggressive
      }
    // Position independent and small: what the JIT links, and what goes into any program or library.
    ref = LLVMCreateTargetMachine(
      target, triple, cpu, features, level, LLVMRelocPIC, LLVMCodeModelDefault)
  }

  deinit { LLVMDisposeTargetMachine(ref) }
}

/// What a processor's vector unit can do, found by compiling for it.
///
/// LLVM's C API does not tell the features of a processor named by the user, but its code generator uses them:
/// a vector of 16 floats is added in one register if there is one that wide.
struct VectorAbilities {
  var vectorBytes = 16
  var hasFMA = true

  init(_ machine: TargetMachine) throws {
    let context = LLVMContextCreate()!
    defer { LLVMContextDispose(context) }
    let assembly = try VectorAbilities.assembly(of: VectorAbilities.probe, machine, context)
    // Registers of x86; vectors have 16 bytes everywhere else.
    if assembly.contains("%zmm") {
      vectorBytes = 64
    } else if assembly.contains("%ymm") {
      vectorBytes = 32
    }
    // Without the instruction, the C library's function is called.
    hasFMA = !assembly.contains("fmaf")
  }

  // Integers, since AVX without AVX2 is too little for vectors of 32 bytes.
  private static let probe = """
    define void @add(ptr %p) "prefer-vector-width"="512" {
      %x = load <16 x i32>, ptr %p
      %y = mul <16 x i32> %x, %x
      store <16 x i32> %y, ptr %p
      ret void
    }
    define void @fused(ptr %p) {
      %x = load <4 x float>, ptr %p
      %y = call <4 x float> @llvm.fma.v4f32(<4 x float> %x, <4 x float> %x, <4 x float> %x)
      store <4 x float> %y, ptr %p
      ret void
    }
    declare <4 x float> @llvm.fma.v4f32(<4 x float>, <4 x float>, <4 x float>)
    """

  private static func assembly(
    of source: String, _ machine: TargetMachine, _ context: LLVMContextRef
  ) throws -> String {
    // The parser takes over the buffer.
    let input = LLVMCreateMemoryBufferWithMemoryRangeCopy(source, source.utf8.count, "probe")
    var module: LLVMModuleRef?
    var text: UnsafeMutablePointer<CChar>?
    guard LLVMParseIRInContext(context, input, &module, &text) == 0, let module else {
      throw LLVMError("LLVM does not read the probe of vector units: \(taking(message: text))")
    }
    defer { LLVMDisposeModule(module) }
    var output: LLVMMemoryBufferRef?
    let failed =
      LLVMTargetMachineEmitToMemoryBuffer(machine.ref, module, LLVMAssemblyFile, &text, &output) != 0
    guard !failed, let output else {
      throw LLVMError("LLVM does not compile the probe of vector units: \(taking(message: text))")
    }
    defer { LLVMDisposeMemoryBuffer(output) }
    return String(
      decoding: UnsafeRawBufferPointer(start: LLVMGetBufferStart(output), count: LLVMGetBufferSize(output)),
      as: UTF8.self)
  }
}

/// LLVM's tables of architectures.
enum LLVMTargets {
  private static let initialized: Void = {
    LLVMInitializeAllTargetInfos()
    LLVMInitializeAllTargets()
    LLVMInitializeAllTargetMCs()
    LLVMInitializeAllAsmPrinters()
  }()

  /// Fills the tables, once.
  static func initialize() { initialized }

  /// The code generator for a triple, if this LLVM has one.
  static func find(_ triple: String) -> LLVMTargetRef? {
    initialize()
    var target: LLVMTargetRef?
    var text: UnsafeMutablePointer<CChar>?
    guard LLVMGetTargetFromTriple(triple, &target, &text) == 0 else {
      LLVMDisposeMessage(text)
      return nil
    }
    return target
  }
}

/// The version of the LLVM in use.
public enum LLVMVersion {
  /// The first number of the version.
  public static let major = numbers[0]

  /// The whole version, as in `19.1.7`.
  public static let full = numbers.map(String.init).joined(separator: ".")

  private static let numbers: [Int] = {
    var (major, minor, patch): (UInt32, UInt32, UInt32) = (0, 0, 0)
    LLVMGetVersion(&major, &minor, &patch)
    return [major, minor, patch].map(Int.init)
  }()
}
