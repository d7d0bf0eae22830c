import RNNGraph

extension GraphBuilder {
  /// Adds, where the builder stands, the derivative of the sum of a value's elements by another value, of that one's type.
  ///
  /// Nothing is shared between the examples and steps of a model, so this is the derivative of each of the elements by its
  /// own example and step. It can be differentiated in turn.
  ///
  /// - Requires: both are floats of the region that the builder stands in.
  /// - Throws: `DifferentiationError`.
  public func derivative(of value: ValueID, by source: ValueID) throws -> ValueID {
    let activity = Activity(of: graph, from: [source], to: value, in: region)
    let zeros = StrongZeros(of: graph, activity, loss: value, in: region)
    let adjoints = AdjointBuilder(
      self, activity: activity, strongZeros: zeros, isDifferentiated: true, origin: places)
    let seed = at(adjoints.places(of: graph.places(of: value))) { constant(1, like: value) }
    adjoints.accumulate(seed, into: value)
    for operation in graph[region].operations.reversed() { try adjoints.reverse(operation) }
    return adjoints.adjoint(of: source) ?? constant(0, like: source)
  }
}
