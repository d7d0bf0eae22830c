import Foundation
import RNNDifferentiation
import RNNGraph
import RNNInterpreter
import RNNSupport

/// Compares a model's gradients with differences of its loss, at a random point and with one random draw.
public struct GradientReport: Sendable {
  /// The largest disagreement in each tensor, by rising name.
  public let results: [GradientCheck.Result]
  /// The tensors whose derivatives belong to no function whose differences they could be compared with, by rising name:
  /// they pass an operation that has another derivative than its value.
  public let unchecked: [(name: String, reason: String)]
  /// The sizes the model was compiled with.
  public let sizes: [String: Int]

  /// The largest relative error that passes.
  public static let tolerance = 1e-6

  /// The largest relative error of all tensors.
  public var worst: Double { results.map(\.relativeError).max() ?? 0 }

  /// Whether the gradients agree with the differences.
  public var agrees: Bool { worst <= Self.tolerance }

  /// Checks every parameter, float input and initial state of a program.
  ///
  /// Values whose derivative is stopped are the same in all differences.
  ///
  /// - Parameters:
  ///   - steps: the size of every sequence.
  ///   - seed: decides the point, the directions and what is drawn.
  /// - Throws: `InputError` if the model has no loss or nothing to derive it by, or does not compute in `f64`.
  public init(_ program: Program, steps: Int = 4, seed: UInt64 = 0) throws {
    guard program.options.elementType == .f64 else {
      throw InputError("gradients can be checked in f64 only")
    }
    sizes = program.sizes
    // As arrays, changed, along a direction and as gradients, too.
    let tensors = try program.randomTensors(steps: steps, seed: seed, isDrawing: true, copies: 8)
    func execution(_ purpose: Purpose, _ change: (Graph) -> Graph) throws -> Execution {
      try Execution(
        program.compilation(for: .drawing(purpose), change), options: program.options, batch: program.batch)
    }
    let found = try execution(.gradients) { $0.recordingHeldValues() }.results(of: tensors)
    let held = found.filter { $0.key.hasPrefix(Graph.heldPrefix) }
    try Self.requireNumbers(found.filter { held[$0.key] == nil }, seed: seed)
    var point: [String: [Double]] = [:]
    var gradients: [String: [Double]] = [:]
    var unchecked: [(name: String, reason: String)] = []
    let model = try program.model.lowered(isTraining: true).graph
    for (name, tensor) in tensors {
      guard let gradient = found["grad." + name] else { continue }
      if let operation = model.input(named: name).flatMap({ model.surrogate(behind: $0.value) }) {
        let place = operation.site.map { " at \($0)" } ?? ""
        unchecked.append((name, "its derivative passes \(operation.kind.mnemonic)\(place)"))
        continue
      }
      point[name] = tensor.numbers
      gradients[name] = gradient.numbers
    }
    self.unchecked = unchecked.sorted { $0.name < $1.name }
    if gradients.isEmpty, unchecked.isEmpty {
      throw InputError(
        "there is nothing to check: model '\(program.source.name)' has no parameter, no input of floats and no state"
      )
    }
    var generator = RandomStream(seed: seed, name: "directions")
    let evaluation = try execution(.evaluation) { $0.takingHeldValues() }
    results = try GradientCheck().check(at: point, gradients: gradients, using: &generator) { moved in
      var all = tensors.merging(held) { $1 }
      for (name, numbers) in moved { all[name] = Tensor(numbers, shape: tensors[name]?.shape ?? []) }
      return try evaluation.results(of: all)["loss"]?.numbers.first ?? .nan
    }
    if let result = results.first(where: { !$0.difference.isFinite }) {
      throw Self.undefined(
        "the loss is \(result.difference) where '\(result.name)' is a little different", seed)
    }
  }

  /// Checks that the model has a value and derivatives at the point.
  private static func requireNumbers(_ found: [String: Tensor], seed: UInt64) throws {
    // What is computed first tells the most about what is wrong.
    func rank(_ name: String) -> Int { name.hasPrefix("grad.") ? 2 : name == "loss" ? 1 : 0 }
    for (name, tensor) in found.sorted(by: { (rank($0.key), $0.key) < (rank($1.key), $1.key) }) {
      guard let (value, place) = tensor.firstNonFinite else { continue }
      throw undefined("'\(name)' \(place.isEmpty ? "is \(value)" : "holds \(value) at \(place)")", seed)
    }
  }

  private static func undefined(_ what: String, _ seed: UInt64) -> InputError {
    InputError(
      "the gradient cannot be checked: \(what)",
      notes: [
        "log and sqrt of what may be negative, '/' by what may be 0, and exp of what may be large have no value",
        "the point is random: try another --seed than \(seed)",
      ])
  }
}

extension Execution {
  /// The outputs by name.
  fileprivate func results(of tensors: [String: Tensor]) throws -> [String: Tensor] {
    try setInputs(tensors, origin: "the random point")
    try run()
    return Dictionary(
      uniqueKeysWithValues: graph.outputs.enumerated().map { ($1.name, result($0)) })
  }
}

extension Program {
  /// A random tensor for every input of the model: normal numbers, ids that are equally likely.
  ///
  /// - Parameters:
  ///   - isDrawing: whether the model makes random draws, and needs their seed.
  ///   - copies: how often the caller needs memory for the tensors.
  /// - Throws: `InputError` if there are no steps, or there is too little memory.
  func randomTensors(steps: Int, seed: UInt64, isDrawing: Bool = false, copies: Double = 1) throws -> [String:
    Tensor]
  {
    try model.lowered(isTraining: isDrawing).graph.randomTensors(
      steps: steps, batch: batch, seed: seed, copies: copies)
  }
}

extension Graph {
  /// Sizes for all symbols: the batch, and the same number of steps for every sequence.
  func sizes(steps: Int, batch: Int) -> [Symbol: Int] {
    Dictionary(symbols.map { ($0, steps) }, uniquingKeysWith: { first, _ in first })
      .merging([.batch: batch]) { $1 }
  }

  /// A random tensor for every input: normal numbers, ids and lengths that are equally likely.
  func randomTensors(
    steps: Int, batch: Int, seed: UInt64, copies: Double = 1
  ) throws -> [String: Tensor] {
    guard steps > 0 else {
      throw InputError(
        "sequences of \(counted(steps, "step")) hold nothing", note: "choose a positive number")
    }
    let sizes = sizes(steps: steps, batch: batch)
    try AvailableMemory.require(
      bytes: copies * byteCount(of: inputs.map(\.value), sizes),
      for: "the tensors for \(counted(batch, "example")) of \(counted(steps, "step"))")
    var tensors: [String: Tensor] = [:]
    for input in inputs {
      let type = type(input.value)
      let extents = type.extents(sizes)
      var stream = RandomStream(seed: seed, name: input.name)
      var tensor = Tensor(ElementType(type.element), shape: extents)
      if let limit = input.idLimit {
        tensor.withUnsafeMutableBytes { bytes in
          let ids = bytes.assumingMemoryBound(to: Int32.self)
          for i in ids.indices { ids[i] = Int32(stream.integer(below: limit)) }
        }
      } else if input.role == .seed {
        tensor = Tensor([Int32(truncatingIfNeeded: stream.next())], shape: [])
      } else if case .lengths = input.role {
        tensor = Tensor(
          (0..<(extents.first ?? 0)).map { _ in Int32(clamping: stream.integer(below: steps + 1)) })
      } else if type.element.isFloat {
        // Spread enough for every derivative to matter, and little enough for squashes not to saturate.
        tensor.fillNormal(standardDeviation: 0.5, using: &stream)
      }
      tensors[input.name] = tensor
    }
    return tensors
  }
}

extension Compiler {
  /// Compiles a model of a file for a check of its gradients: in `f64`, with sizes made small.
  ///
  /// Sizes that `sizes` does not give become small numbers, equal ones equal ones; where the model does not allow that,
  /// they keep their defaults.
  public func compileForGradientCheck(
    contentsOfFile path: String, model: String? = nil, sizes: [String: Int] = [:], batch: Int = 3
  ) throws -> Program {
    var compiler = self
    compiler.options.elementType = .f64
    let program = try compiler.compile(contentsOfFile: path, model: model, sizes: sizes, batch: batch)
    let large = Set(program.sizes.filter { sizes[$0.key] == nil && $0.value > 6 }.values).sorted()
    if large.isEmpty { return program }
    let small = Dictionary(uniqueKeysWithValues: large.enumerated().map { ($1, 5 + $0) })
    var reduced = sizes
    for (name, size) in program.sizes where sizes[name] == nil { reduced[name] = small[size] ?? size }
    do {
      return try compiler.compile(contentsOfFile: path, model: model, sizes: reduced, batch: batch)
    } catch is DiagnosticError {
      return program
    }
  }
}
