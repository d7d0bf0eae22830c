import RNNGraph

/// Something that a compilation can write out.
public enum Artifact: String, CaseIterable, Sendable {
  /// The source as rnnc reads it.
  case syntax
  /// The typed graph of the model.
  case graph
  /// The graph with all derivatives.
  case gradient
  /// The graph after all passes.
  case optimized
  /// What becomes one kernel, and what lies in memory.
  case clusters
  /// Ordered steps over memory.
  case plan
  /// How each kernel of the plan is computed.
  case schedule
  /// The LLVM module.
  case llvmIR = "llvm-ir"
  /// Assembly language.
  case assembly = "asm"
  /// An object file.
  case object = "obj"
  /// A C header for the object file.
  case header
  /// The optimised graph in Graphviz's language.
  case dot

  /// Whether it is for programs that call the code, which go on without this library.
  fileprivate var isLinked: Bool { self == .object || self == .header }

  /// The usual end of such a file's name.
  public var fileExtension: String {
    switch self {
    case .syntax: "rnn"
    case .graph: "graph"
    case .gradient: "gradient.graph"
    case .optimized: "optimized.graph"
    case .clusters: "clusters"
    case .plan: "plan"
    case .schedule: "schedule"
    case .llvmIR: "ll"
    case .assembly: "s"
    case .object: "o"
    case .header: "h"
    case .dot: "dot"
    }
  }
}

extension Program {
  /// The bytes of an artifact of the code for a purpose.
  ///
  /// - Parameter longSums: whether sums over steps are made in `f64`, as calls with many terms are computed (note
  ///   [Long sums], `Sources/RNNPasses/WidenSums.swift`). If nil, those of object files are, which do not know how long
  ///   sequences will be.
  public func artifact(
    _ artifact: Artifact, for purpose: Purpose, longSums: Bool? = nil
  ) throws -> [UInt8] {
    func compilation() throws -> Compilation {
      let usual = try self.compilation(for: purpose)
      var variant = usual.variant
      variant.hasLongSums = longSums ?? artifact.isLinked
      return usual.variant(variant)
    }
    let text =
      switch artifact {
      case .syntax: syntax
      case .graph: graph
      case .gradient: try gradientGraph
      case .optimized: try compilation().optimizedGraph.description
      case .clusters: "\(try compilation().planStages)"
      case .plan: "\(try compilation().plan)"
      case .schedule: try compilation().scheduleText
      case .llvmIR: try compilation().module.llvmIR
      case .assembly: try compilation().module.assembly()
      case .object: String?.none
      case .header: try compilation().module.header
      case .dot: try compilation().optimizedGraph.dot
      }
    guard let text else { return try compilation().module.object() }
    return Array(text.utf8)
  }
}
