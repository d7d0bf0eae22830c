import RNNSupport

/// One operation: what it computes, on what, giving what.
public struct Operation: Sendable {
  /// What it computes.
  public internal(set) var kind: OperationKind
  /// The values it reads.
  public internal(set) var operands: [ValueID]
  /// The values it defines.
  public internal(set) var results: [ValueID]
  /// The region in which it stands.
  public internal(set) var region: RegionID
  /// The equations it comes from.
  public internal(set) var places: SourcePlaces

  /// The closest of them, as `file:line:column`.
  public var site: String? { places.first?.site }

  /// The only result of an operation that has one.
  public var result: ValueID {
    precondition(results.count == 1, "the operation has \(results.count) results")
    return results[0]
  }

  /// What the sums of a product, a reduction or a scatter-add start from; nil for 0.
  public var start: ValueID? {
    guard kind.traits.contains(.summing) else { return nil }
    let terms = if case .reduce = kind { 1 } else { 2 }
    return operands.dropFirst(terms).first
  }
}

/// Where a value comes from.
public enum ValueDefinition: Sendable, Hashable {
  /// The result number `index` of an operation.
  case result(OperationID, index: Int)
  /// The argument number `index` of a region.
  case argument(RegionID, index: Int)
}

/// A value: its type and where it comes from.
public struct Value: Sendable {
  /// The element type and shape.
  public let type: TensorType
  /// Where it comes from.
  public internal(set) var definition: ValueDefinition
}

/// A straight sequence of operations, with arguments and results.
public struct Region: Sendable {
  /// Values defined on entry.
  public internal(set) var arguments: [ValueID]
  /// The operations, in an order in which each value is defined before it is used.
  public internal(set) var operations: [OperationID]
  /// Values handed out at the end.
  public internal(set) var results: [ValueID]
  /// The scan whose body this is, or nil for the entry.
  public internal(set) var owner: OperationID?
}

/// How a parameter gets its first value.
public enum Initializer: Sendable, Hashable {
  /// Every element is this number.
  case constant(Double)
  /// Uniform between minus and plus the bound.
  case uniform(bound: Double)
  /// Normal with mean 0.
  case normal(deviation: Double)
  /// A matrix with orthonormal rows or columns, whichever are fewer.
  case orthogonal
}

/// What an input of a graph stands for.
public enum InputRole: Sendable, Hashable {
  /// Learned; kept by the caller between calls.
  case parameter(Initializer)
  /// Data of one batch, needed for the outputs.
  case data
  /// Data of one batch, needed for the loss only.
  case target
  /// The state of a cell before the first step.
  case state
  /// A number chosen by the user, such as the learning rate.
  case hyperparameter
  /// Kept by the caller between calls and changed by the optimiser only; zero at first.
  case optimizer
  /// For each example the number of steps, of those that the symbol counts, which hold data: at most the symbol's size.
  case lengths(of: Symbol)
  /// The number that random operations of this run start from.
  case seed
}

/// An input of a graph.
public struct Input: Sendable {
  /// The name under which the caller gives it, such as `rnn.W_z`.
  public var name: String
  /// What it stands for.
  public var role: InputRole
  /// Ids must be below this; nil if the input does not hold ids.
  public var idLimit: Int?
  /// Where it is declared.
  public var places = SourcePlaces.none
  /// The entry region's argument.
  public let value: ValueID
}

/// What an output of a graph stands for.
public enum OutputRole: Sendable, Hashable {
  /// A result that the model declares.
  case output
  /// The scalar to be minimised.
  case loss
  /// The state of a cell after the last step; its name is that of the matching input.
  case state
  /// The derivative of the loss by the input of this name.
  case gradient(of: String)
  /// The next value of the input of this name, which it replaces when the program has run.
  case update(of: String)
  /// A scalar reported to the user, such as the gradient's norm.
  case metric
  /// A part of the loss, which is the sum of all: a scalar reported to the user.
  case term
  /// By how much a batch counts in the mean of the output of this name over several batches: the sum of the weights of what
  /// that output is a weighted mean over.
  case weight(of: String)
}

/// An output of a graph.
public struct Output: Sendable {
  /// The name under which the caller finds it.
  public var name: String
  /// What it stands for.
  public var role: OutputRole
  /// What a loss, a part of it or a metric is a mean over: `[T, B]` if over every step, `[B]` if over every example; else empty.
  public var over: [Symbol] = []
  /// The value.
  public var value: ValueID

  /// A value as a plain result of this name.
  public func plain(_ value: ValueID) -> Output { Output(name: name, role: .output, value: value) }
}

/// A program as flat tables of values, operations and regions.
///
/// Values are immutable and typed; the only control flow is `scan`. The entry region's arguments are the inputs, its
/// results the outputs. Operations are made through `GraphBuilder`, which checks them by the shape rules.
public struct Graph: Sendable {
  /// The name of the model.
  public var name: String
  /// The inputs, in the order of the entry region's arguments.
  public internal(set) var inputs: [Input] = []
  /// The outputs, in the order of the entry region's results.
  public internal(set) var outputs: [Output] = []
  /// The place of the first input of each name.
  private var inputPlaces: [String: Int] = [:]
  /// The place of the first output of each name.
  private var outputPlaces: [String: Int] = [:]

  var values: [Value] = []
  var operations: [Operation] = []
  var regions: [Region] = [Region(arguments: [], operations: [], results: [], owner: nil)]

  /// Makes an empty graph.
  public init(name: String) { self.name = name }

  /// The value named `id`.
  public subscript(id: ValueID) -> Value { values[id.index] }
  /// The operation named `id`.
  public subscript(id: OperationID) -> Operation { operations[id.index] }
  /// The region named `id`.
  public subscript(id: RegionID) -> Region { regions[id.index] }

  /// The type of a value.
  public func type(_ value: ValueID) -> TensorType { values[value.index].type }

  /// The operation that defines a value, or nil for an argument.
  public func definingOperation(_ value: ValueID) -> OperationID? {
    if case .result(let operation, _) = values[value.index].definition { operation } else { nil }
  }

  /// The equations that a value comes from: of an argument of a body, those of the loop.
  public func places(of value: ValueID) -> SourcePlaces {
    switch values[value.index].definition {
    case .result(let operation, _): operations[operation.index].places
    case .argument(.entry, let index): inputs[index].places
    case .argument(let body, _): regions[body.index].owner.map { operations[$0.index].places } ?? .none
    }
  }

  /// The equations that some operations come from.
  public func places(of operations: [OperationID]) -> SourcePlaces {
    operations.reduce(into: .none) { $0.formUnion(self[$1].places) }
  }

  /// What defines a value, if that is an operation.
  public func definingKind(_ value: ValueID) -> OperationKind? {
    definingOperation(value).map { operations[$0.index].kind }
  }

  /// The region in which a value is defined.
  public func region(of value: ValueID) -> RegionID {
    switch values[value.index].definition {
    case .result(let operation, _): operations[operation.index].region
    case .argument(let region, _): region
    }
  }

  /// The number of values ever made: one more than the largest index of a `ValueID`.
  public var valueCount: Int { values.count }
  /// The number of operations ever made: one more than the largest index of an `OperationID`.
  public var operationCount: Int { operations.count }

  /// The regions in use: the entry, then the bodies of scans, each behind the region that holds its scan.
  public var reachableRegions: [RegionID] { regions(from: .entry) }

  /// A region and the bodies of the scans in it, each behind the region that holds its scan.
  public func regions(from root: RegionID) -> [RegionID] {
    var found = [root]
    var next = 0
    while next < found.count {
      for id in self[found[next]].operations {
        if case .scan(let scan) = self[id].kind { found.append(scan.body) }
      }
      next += 1
    }
    return found
  }

  /// Every size that the graph leaves open: of axes, of loops, and of what counts them; without the lengths of segments,
  /// which follow from the others.
  public var symbols: Set<Symbol> {
    var found: Set<Symbol> = []
    var lengths: Set<Symbol> = []
    for region in reachableRegions {
      let operations = self[region].operations.map { self[$0] }
      for value in self[region].arguments + operations.flatMap(\.results) {
        found.formUnion(type(value).shape.compactMap(\.symbol))
      }
      for operation in operations {
        if case .scan(let scan) = operation.kind {
          found.insert(scan.steps)
          if let segments = scan.segments {
            found.formUnion([segments.whole, segments.longest])
            lengths.insert(segments.length)
          }
        }
        if case .size(let symbols, _) = operation.kind { found.formUnion(symbols) }
      }
    }
    return found.subtracting(lengths)
  }

  /// The number of operations that are in use, in all regions.
  public var liveOperationCount: Int { reachableRegions.reduce(0) { $0 + self[$1].operations.count } }

  /// The input of this name.
  public func input(named name: String) -> Input? { inputPlaces[name].map { inputs[$0] } }
  /// The output of this name.
  public func output(named name: String) -> Output? { outputPlaces[name].map { outputs[$0] } }

  /// The loss, if there is one.
  public var loss: Output? { outputs.first { $0.role == .loss } }

  /// By how much a batch counts in the mean of the output of this name, if that is not by the number of elements.
  public func weight(ofOutput name: String) -> Output? { outputs.first { $0.role == .weight(of: name) } }

  /// The place of the input of this name among the inputs.
  public func place(ofInput name: String) -> Int? { inputPlaces[name] }

  mutating func append(_ input: Input) {
    if inputPlaces[input.name] == nil { inputPlaces[input.name] = inputs.count }
    inputs.append(input)
  }

  mutating func append(_ output: Output) {
    if outputPlaces[output.name] == nil { outputPlaces[output.name] = outputs.count }
    outputs.append(output)
  }

  mutating func setInputs(_ new: [Input]) {
    (inputs, inputPlaces) = ([], [:])
    for input in new { append(input) }
  }

  mutating func setOutputs(_ new: [Output]) {
    (outputs, outputPlaces) = ([], [:])
    for output in new { append(output) }
  }

  /// The number of uses of each value, by operations and as results of regions, indexed by `ValueID.index`.
  public func useCounts() -> [Int] {
    var counts = [Int](repeating: 0, count: values.count)
    for region in reachableRegions {
      for id in self[region].operations { for operand in self[id].operands { counts[operand.index] += 1 } }
      for result in self[region].results { counts[result.index] += 1 }
    }
    return counts
  }

  /// The operations that read each value, indexed by `ValueID.index`; an operation that reads it twice stands twice.
  public func users() -> [[OperationID]] {
    var users = [[OperationID]](repeating: [], count: values.count)
    for region in reachableRegions {
      for id in self[region].operations {
        for operand in self[id].operands { users[operand.index].append(id) }
      }
    }
    return users
  }
}
