import CRNNLLVM
import RNNSupport

/// The name of a target that does not exist, or that code is not made for.
public struct UnknownTarget: Error, CustomStringConvertible, Sendable {
  /// What the user wrote.
  public let name: String
  /// The name that was most likely meant.
  public let suggestion: String?

  init(_ name: String) {
    self.name = name
    suggestion = TargetNames.nearest(to: name)
  }

  /// What is wrong, without what would fit.
  public var message: String {
    name.contains("-") && LLVMTargets.find(name) != nil
      ? "there is no code for the target '\(name)'" : "unknown target '\(name)'"
  }

  /// What would fit.
  public var note: String {
    let kinds =
      "a target is 'native', a processor such as x86-64-v3, znver4 or neoverse-n1, or a triple of x86_64 or aarch64 "
      + "with Linux or macOS, such as aarch64-unknown-linux-gnu"
    return suggestion.map { "did you mean '\($0)'? \(kinds)" } ?? kinds
  }

  /// The message and the note.
  public var description: String { "\(message); \(note)" }
}

/// The processors and the triples a user can name.
///
/// LLVM's C API neither lists nor checks processors (it takes an unknown name for an old processor), so those that
/// LLVM 19 knows of 64-bit x86 and Arm are repeated here. A newer one is reached as `native`.
enum TargetNames {
  static let x86_64: Set<String> = names(
    """
    x86-64 x86-64-v2 x86-64-v3 x86-64-v4
    nocona core2 penryn nehalem westmere sandybridge ivybridge haswell broadwell skylake skylake-avx512 skx
    cascadelake cooperlake cannonlake icelake-client icelake-server rocketlake tigerlake sapphirerapids
    emeraldrapids graniterapids graniterapids-d alderlake raptorlake meteorlake arrowlake arrowlake-s lunarlake
    pantherlake bonnell silvermont goldmont goldmont-plus tremont gracemont sierraforest grandridge
    clearwaterforest knl knm
    k8 k8-sse3 opteron opteron-sse3 athlon64 athlon64-sse3 athlon-fx amdfam10 barcelona
    btver1 btver2 bdver1 bdver2 bdver3 bdver4 znver1 znver2 znver3 znver4 znver5
    """)

  static let aarch64: Set<String> = names(
    """
    a64fx ampere1 ampere1a ampere1b carmel falkor kryo oryon-1 saphira thunderx thunderx2t99 thunderx3t110
    thunderxt81 thunderxt83 thunderxt88 tsv110 exynos-m3 exynos-m4 exynos-m5
    apple-a7 apple-a10 apple-a11 apple-a12 apple-a13 apple-a14 apple-a15 apple-a16 apple-a17 apple-m1 apple-m2
    apple-m3 apple-m4
    cortex-a34 cortex-a35 cortex-a53 cortex-a55 cortex-a57 cortex-a65 cortex-a65ae cortex-a72 cortex-a73
    cortex-a75 cortex-a76 cortex-a76ae cortex-a77 cortex-a78 cortex-a78ae cortex-a78c cortex-a510 cortex-a520
    cortex-a520ae cortex-a710 cortex-a715 cortex-a720 cortex-a720ae cortex-a725 cortex-r82 cortex-r82ae
    cortex-x1 cortex-x1c cortex-x2 cortex-x3 cortex-x4 cortex-x925
    neoverse-512tvb neoverse-e1 neoverse-n1 neoverse-n2 neoverse-n3 neoverse-v1 neoverse-v2 neoverse-v3
    neoverse-v3ae
    """)

  /// The architecture of a processor.
  static func architecture(ofCPU name: String) -> Target.Architecture? {
    if x86_64.contains(name) { return .x86_64 }
    return aarch64.contains(name) ? .aarch64 : nil
  }

  /// Whether code is made for a triple.
  ///
  /// LLVM knows many more. Some end the process while code is made for them, some have addresses of other sizes than
  /// programs count on, or the bytes of a number the other way round; nobody has tried the rest.
  static func isServed(triple: String) -> Bool {
    let normal = taking(message: LLVMNormalizeTargetTriple(triple))
    let parts = normal.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
    guard (3...4).contains(parts.count), ["x86_64", "amd64", "aarch64", "arm64"].contains(parts[0]) else {
      return false
    }
    let system = parts[2].prefix { $0.isLetter }
    let environment = parts.count > 3 ? parts[3] : ""
    return switch system {
    case "linux": ["", "gnu", "musl"].contains(environment)
    case "darwin", "macos", "macosx": environment.isEmpty
    default: false
    }
  }

  /// The name that was most likely meant.
  static func nearest(to name: String) -> String? {
    nearestName(to: name, among: x86_64.union(aarch64).union(["native"]))
  }

  private static func names(_ text: String) -> Set<String> {
    Set(text.split(whereSeparator: \.isWhitespace).map(String.init))
  }
}
