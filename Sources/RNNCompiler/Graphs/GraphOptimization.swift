import Foundation
import RNNGraph
import RNNInterpreter
import RNNPasses
import RNNSupport

/// A printed graph to which passes are applied one by one: what a compilation does to it, for somebody who looks for the
/// fault of a pass.
public struct GraphOptimization {
  /// The graph before the passes, and behind those that were applied.
  private let original: Graph
  private var graph: Graph
  private let path: String
  private let batch: Int
  private var timings: [PassTiming] = []

  /// Whether the graph is verified after every pass.
  public var verifiesEachPass = false
  /// Names of the passes after which `report` gets the graph as text.
  public var printAfter: Set<String> = []
  /// Gets the graph after each pass of `printAfter`.
  public var report: (_ pass: String, _ graph: String) -> Void = { _, _ in }

  /// Reads the graph of a file.
  ///
  /// - Throws: `DiagnosticError` or `InputError` if the file holds no valid graph.
  public init(contentsOfFile path: String, batch: Int = 32) throws {
    try self.init(SourceFile(contentsOf: path), batch: batch)
  }

  /// Reads the graph of a text; `name` stands for the file in messages.
  public init(text: String, name: String = "graph", batch: Int = 32) throws {
    try self.init(SourceFile(name: name, text: text), batch: batch)
  }

  private init(_ source: SourceFile, batch: Int) throws {
    try Limits.require(batch: batch)
    guard GraphText.isGraph(source) else {
      throw InputError(
        "'\(source.name)' holds no graph",
        note:
          "'rnnc compile \(source.name) --emit graph' prints that of a model, and --emit gradient that of its derivatives"
      )
    }
    original = try GraphText.graph(of: source)
    try original.requireExtents()
    graph = original
    path = source.name
    self.batch = batch
  }

  /// The graph behind the passes.
  public var text: String { graph.description }

  /// Applies passes in their order.
  ///
  /// - Parameter names: the names of the passes; nil for all that `rnnc compile` applies.
  /// - Throws: `InputError` if there is no such pass, `CompilerFault` if a pass left a graph that is not valid.
  public mutating func apply(_ names: [String]?) throws {
    try apply(
      names.map { Pipeline(name: "chosen", passes: try PassNames.passes($0, batch: batch)) } ?? .full)
  }

  mutating func apply(_ pipeline: Pipeline) throws {
    let manager = PassManager(verifiesEach: verifiesEachPass, printAfter: printAfter, report: report)
    let before = graph
    do {
      timings += try manager.run(pipeline, on: &graph)
      try graph.verify()
    } catch {
      throw CompilerFault(stage: "optimize", error, source: nil, graph: before.description)
    }
  }

  /// A line for each pass that was applied, with its time and the number of operations behind it.
  public var timingTable: String {
    timings.map { timingLine($0.pass, $0.duration, $0.operationCount) }.joined()
  }

  /// Runs the graph before and behind the passes in the interpreter, on random inputs, and says how they differ.
  ///
  /// - Parameters:
  ///   - steps: the size of every sequence.
  ///   - seed: decides the inputs.
  /// - Throws: `InputError` if they differ by more than rounding, or the graph cannot be run.
  public func compare(steps: Int = 4, seed: UInt64 = 0) throws -> String {
    try original.requireRunnable()
    let tensors = try original.randomTensors(steps: steps, batch: batch, seed: seed)
    var sizes = original.sizes(steps: steps, batch: batch)
    graph.addSegments(of: 2, to: &sizes)
    func run(_ graph: Graph, _ what: String) throws -> [String: DenseArray] {
      let inputs = Dictionary(
        uniqueKeysWithValues: graph.inputs.compactMap { input in
          tensors[input.name].map { (input.name, DenseArray($0)) }
        })
      do throws(InterpreterError) {
        return try Interpreter(graph).run(inputs: inputs, sizes: sizes)
      } catch {
        throw InputError("the graph \(what) the passes cannot be run: \(error)")
      }
    }
    let (before, after) = (try run(original, "before"), try run(graph, "behind"))
    var worst: (name: String, error: Double) = ("", 0)
    for output in original.outputs {
      guard let a = before[output.name], let b = after[output.name], a.numbers.count == b.numbers.count else {
        throw InputError("the passes took output '\(output.name)' away")
      }
      let error = Self.difference(a.numbers, b.numbers)
      if error > worst.error { worst = (output.name, error) }
      // Where sums are made in another order, `f32` rounds otherwise.
      guard error <= (a.element == .f32 ? 1e-4 : 1e-9) else {
        throw InputError(
          "the passes change what '\(output.name)' is: by \(Self.spelled(error)) of its largest element",
          note: "'rnnc reduce \(path) --keep' finds the least graph that shows it (docs/bugs.md)")
      }
    }
    return
      "the outputs agree: the largest difference is \(Self.spelled(worst.error)) of the largest element\n"
  }

  private static func spelled(_ error: Double) -> String { String(format: "%.1e", error) }

  /// The largest difference of two lists of numbers, as a part of the largest of them; infinite if one of two numbers is
  /// not finite, and the other one another number.
  private static func difference(_ a: [Double], _ b: [Double]) -> Double {
    let scale = max((a + b).lazy.filter(\.isFinite).map(abs).max() ?? 0, 1e-30)
    return zip(a, b).reduce(0) { largest, pair in
      let (x, y) = pair
      if x == y || x.isNaN && y.isNaN { return largest }
      let error = abs(x - y) / scale
      return error.isNaN ? .infinity : max(largest, error)
    }
  }
}

extension Graph {
  /// Adds the sizes of segments, each of `longest` steps, to those of the steps that they cut.
  fileprivate func addSegments(of longest: Int, to sizes: inout [Symbol: Int]) {
    for region in reachableRegions {
      for id in self[region].operations {
        guard case .scan(let scan) = self[id].kind, let segments = scan.segments,
          let whole = sizes[segments.whole]
        else { continue }
        sizes[segments.longest] = longest
        sizes[scan.steps] = Segments.count(of: whole, longest: longest)
      }
    }
  }
}
