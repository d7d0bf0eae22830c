import RNNGraph

/// A pass has made a graph that breaks an invariant: a bug of the pass.
public struct BrokenPass: Error, CustomStringConvertible {
  /// The pass, and its place in the pipeline, counted from 0.
  public let pass: String, place: Int
  /// What is wrong with the graph.
  public let underlying: VerificationError

  public var description: String { "pass \(place), \(pass), broke the graph:\n\(underlying)" }
}

/// How long one pass took, and what it left.
public struct PassTiming: Sendable {
  /// The pass.
  public let pass: String
  /// Its time.
  public let duration: Duration
  /// The number of operations after it.
  public let operationCount: Int
}

/// Applies pipelines to graphs.
public struct PassManager {
  /// Whether the graph is verified after each pass.
  public var verifiesEach = false
  /// The passes after which `report` gets the graph.
  public var printAfter: Set<String> = []
  /// The pass after whose first run the pipeline ends; nil for none.
  public var stopAfter: String?
  /// Gets the graph after each pass of `printAfter`, with the pass's name.
  public var report: (_ pass: String, _ graph: Graph) -> Void = { _, _ in }

  /// Makes a manager that only applies.
  public init() {}

  /// Makes a manager that applies as a user asks for it.
  ///
  /// - Parameter report: gets the graph as text after each pass of `printAfter`, with the pass's name.
  public init(
    verifiesEach: Bool, printAfter: Set<String>, report: @escaping (_ pass: String, _ graph: String) -> Void
  ) {
    self.verifiesEach = verifiesEach
    self.printAfter = printAfter
    self.report = { report($0, $1.description) }
  }

  /// Applies a pipeline and gives the time of each pass.
  ///
  /// - Throws: `BrokenPass` if graphs are verified and a pass has left one that is not valid.
  @discardableResult
  public func run(_ pipeline: Pipeline, on graph: inout Graph) throws(BrokenPass) -> [PassTiming] {
    var timings: [PassTiming] = []
    let clock = ContinuousClock()
    for (place, pass) in pipeline.passes.enumerated() {
      var hasChanged = false
      let duration = clock.measure { hasChanged = pass.run(&graph) }
      timings.append(
        PassTiming(pass: pass.name, duration: duration, operationCount: graph.liveOperationCount))
      if verifiesEach, hasChanged {
        do {
          try graph.verify()
        } catch {
          throw BrokenPass(pass: pass.name, place: place, underlying: error)
        }
      }
      if printAfter.contains(pass.name) { report(pass.name, graph) }
      if stopAfter == pass.name { break }
    }
    return timings
  }
}
