import RNNGraph

/// What the lowering of a model shares among all bodies.
final class LoweringContext {
  let builder: GraphBuilder
  /// The type of all numbers.
  let element: ElementType
  /// Whether `training` is 1.
  let isTraining: Bool
  /// The number of draws so far.
  private(set) var streamCount = 0

  init(_ builder: GraphBuilder, _ element: ElementType, isTraining: Bool) {
    self.builder = builder
    self.element = element
    self.isTraining = isTraining
  }

  /// The number of the next draw: no two draws of a program have the same random numbers.
  func nextStream() -> Int {
    defer { streamCount += 1 }
    return streamCount
  }

  /// Makes again what once made the draws from one on: it gets the same random numbers.
  func repeatingDraws<Result>(from first: Int, _ make: () -> Result) -> Result {
    let count = streamCount
    streamCount = first
    defer { streamCount = count }
    return make()
  }
}

/// What a body finds around it beside its inputs; a loop's body captures nothing, so it has values of its own.
struct Surroundings {
  /// The numbers of valid steps of the examples, `i32[B]`, for each ragged number of steps.
  var lengths: [Symbol: ValueID] = [:]
  /// Where random numbers come from, `i32[]`; nil where nothing is drawn.
  var seed: ValueID?
  /// The number of the step, `i32[]`, in a loop that needs it.
  var step: ValueID?
}
