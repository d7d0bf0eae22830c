import RNNGraph
import RNNSupport

/// Names a value of a checked body by its position.
struct NodeID: Hashable, Sendable {
  let index: Int
}

/// What a node of a checked body computes from its operands, for one example and step.
enum CheckedOperation: Hashable, Sendable {
  case literal(Double)
  /// A parameter or constant of the cell or, by its path, of an instance in it.
  case parameter(String)
  case input(Int)
  /// The previous value of a state, counted over the cell's own and then its instances'.
  case state(Int)
  case unary(UnaryFunction)
  /// Operands of one shape, or one of them a scalar.
  case binary(BinaryFunction)
  case compare(Comparison)
  /// The first operand with another derivative; operands have one shape.
  case surrogate(Surrogate)
  /// Where two values differ.
  case notEqual
  case select
  /// Matrix times vector, vector times matrix, or matrix times matrix, for each place of so many axes in front.
  case product(stack: Int)
  /// Of each matrix of the last two axes.
  case transpose
  /// A vector and another one give the matrix of the products of their elements.
  case outer
  /// A value as each row of what has one axis more in front, or a vector as each column of a matrix.
  case tile(MatrixAxis)
  /// The same elements in the shape of the result.
  case reshape
  /// A function of the elements along an axis of the operand.
  case along(axis: Int, AxisFunction)
  /// A range of the first axis.
  case slice(start: Int, count: Int)
  /// One place of the first axis, which vanishes.
  case element(Int)
  /// Along the first axis.
  case concat
  case oneHot
  /// The first place of the greatest element of a vector.
  case argmax
  /// A row of a matrix by a token.
  case lookup
  /// Of logits and a token, of whose target this part is spread over all tokens.
  case crossEntropy(smoothing: Double)
  case squaredError
  /// A random number for each element of the first operand where draws are made, and elsewhere its middle. The second
  /// operand, if there is one, is a probability: a scalar, or of the same shape.
  case draw(Draw)
  /// 1 in training, 0 elsewhere.
  case training
  /// The derivative of the first operand, a scalar, by the second one, of each example and step by itself. The weight says
  /// how many operations it makes, like that of a cell.
  case gradient(weight: Int)
  /// The value at the last step.
  case last
  /// The sum over the steps.
  case total
  case reverse
  /// Softmax over the steps, of each element.
  case softmaxOverSteps
  /// The same value at every step.
  case repeated(steps: String)
  /// Operands are the inputs and then, if it has them, the initial states.
  case apply(Application)
  /// An output of the application that is the operand.
  case result(Int)
  /// A state after the application that is the operand.
  case nextState(Int)
  /// The only output of an instance without parameters and states, whose heads are the rows of the operands.
  case each(instance: Int)
}

/// A cell applied to values.
struct Application: Hashable, Sendable {
  /// Which instance of the body.
  let instance: Int
  /// Which application of this instance, from 1.
  let ordinal: Int
  /// The sequence it runs along, or nil for a single step.
  let steps: String?
  /// The number of operands that are inputs; the rest are initial states.
  let inputCount: Int
  /// How many rows of the operands, along their first axis, it is applied to one by one; nil if to all as they are.
  let rows: Int?
}

/// A value of a checked body.
struct CheckedNode: Sendable {
  let operation: CheckedOperation
  let operands: [NodeID]
  let type: ValueType
  let site: SourceRange
  /// What the equation that it is part of defines: a name, or the function that it is written out of.
  let equation: String
  /// The calls of functions that it was written out for, the innermost first.
  let calls: [SourcePlace]

  /// The equations that it is part of.
  var places: SourcePlaces { SourcePlaces([SourcePlace(site, name: equation)] + calls) }
}

struct CheckedParameter: Sendable {
  let name: String
  /// What other programs call it, if the cell says so.
  let otherName: String?
  let shape: [Int]
  let initializer: Initializer
  let site: SourceRange
}

/// Numbers that no training changes.
struct CheckedConstant: Sendable {
  let name: String
  let shape: [Int]
  let table: NumberTable
  let site: SourceRange
}

struct CheckedInput: Sendable {
  let name: String
  let type: ValueType
  let isTarget: Bool
  let site: SourceRange
}

/// What a state is before the first step.
enum InitialState: Hashable, Sendable {
  /// What the caller gives; zero unless it does.
  case given
  case constant(Double)
  /// The parameter or constant of this path.
  case parameter(String)
}

struct CheckedState: Sendable {
  /// The path from the cell.
  let name: String
  let shape: [Int]
  let initial: InitialState
  let site: SourceRange
}

struct CheckedOutput: Sendable {
  let name: String
  let node: NodeID
}

/// A scalar whose mean over steps and examples is made small or reported.
struct CheckedMean: Sendable {
  /// What it is reported as; nil of a loss that has no name.
  let name: String?
  let node: NodeID
  /// How much each step and example counts; nil if all count alike.
  let weights: NodeID?

  /// The values that it is computed from.
  var nodes: [NodeID] { [node] + [weights].compactMap { $0 } }
}

/// A cell or a model for given sizes, with every name resolved and every shape known.
final class CheckedCell: Sendable {
  let name: String
  /// Whether it is of the standard library.
  let isLibrary: Bool
  let sizes: [String: Int]
  /// Its own parameters; those of its instances are theirs.
  let parameters: [CheckedParameter]
  /// Its own constants; those of its instances are theirs.
  let constants: [CheckedConstant]
  let inputs: [CheckedInput]
  /// Its own states, then those of its instances in the order of their definitions.
  let states: [CheckedState]
  let instances: [CheckedInstance]
  /// Each node stands behind its operands.
  let nodes: [CheckedNode]
  /// The values of the states after the step, in the order of `states`; empty for a model.
  let nextStates: [NodeID]
  let outputs: [CheckedOutput]
  /// What is made small: several have names, and their sum is made small.
  let losses: [CheckedMean]
  /// What else is reported.
  let measures: [CheckedMean]
  /// Whether it draws random numbers, itself or in its instances.
  let isRandom: Bool
  /// Whether it computes with `training`, itself or in its instances.
  let readsTraining: Bool
  /// The number of nodes, those of its instances included.
  let weight: Int
  /// The number of elements of the largest tensor for one example and step, those of its instances included.
  let volume: Int
  /// The number of cells inside of each other, from this one to the innermost.
  let depth: Int

  init(
    name: String, isLibrary: Bool, sizes: [String: Int], parameters: [CheckedParameter],
    constants: [CheckedConstant], inputs: [CheckedInput],
    states: [CheckedState], instances: [CheckedInstance], nodes: [CheckedNode], nextStates: [NodeID],
    outputs: [CheckedOutput], losses: [CheckedMean], measures: [CheckedMean]
  ) {
    self.name = name
    self.isLibrary = isLibrary
    self.sizes = sizes
    self.parameters = parameters
    self.constants = constants
    self.inputs = inputs
    self.states = states
    self.instances = instances
    self.nodes = nodes
    self.nextStates = nextStates
    self.outputs = outputs
    self.losses = losses
    self.measures = measures
    isRandom =
      instances.contains { $0.cell.isRandom }
      || nodes.contains { if case .draw = $0.operation { true } else { false } }
    readsTraining =
      instances.contains { $0.cell.readsTraining } || nodes.contains { $0.operation == .training }
    let derivatives = nodes.reduce(0) { sum, node in
      if case .gradient(let weight) = node.operation { sum + weight } else { sum }
    }
    weight = instances.reduce(nodes.count + derivatives + parameters.count + constants.count + 1) {
      $0 + $1.cell.weight
    }
    // Parameters, inputs and states are nodes, too.
    let volumes = nodes.compactMap(\.type.shape.volume) + instances.compactMap(\.volume)
    volume = volumes.max() ?? 1
    depth = 1 + (instances.map(\.cell.depth).max() ?? 0)
  }

  func type(_ node: NodeID) -> ValueType { nodes[node.index].type }

  /// Whether it is computed for one step after the other rather than for all at once: its states go from step to
  /// step, or every step sees whole sequences.
  var runsStepByStep: Bool {
    !states.isEmpty || inputs.contains { $0.type.isSequence }
  }

  /// All its parameters, those of its instances included, by their paths behind a prefix.
  func parameterPaths(_ prefix: String = "") -> [String] {
    parameters.map { prefix + $0.name } + instances.flatMap { $0.cell.parameterPaths("\(prefix)\($0.name).") }
  }

  /// All its parameters and constants, likewise: what is the same at every step.
  func tensorPaths(_ prefix: String = "") -> [String] {
    parameters.map { prefix + $0.name } + constants.map { prefix + $0.name }
      + instances.flatMap { $0.cell.tensorPaths("\(prefix)\($0.name).") }
  }
}
