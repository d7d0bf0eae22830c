/// Compares derivatives with differences of the function that they are said to belong to.
///
/// The function is a closure, so that the interpreter and compiled code are checked alike; it should compute in `f64`.
/// Each tensor is checked along random directions, and a small one in each element, too. A difference uses four points:
///
///     f'(x) ≈ (8 (f(x+h) - f(x-h)) - (f(x+2h) - f(x-2h))) / 12h
///
/// A wide step is exact to rounding on smooth functions, a narrow one keeps clear of kinks: steps are narrowed until
/// the difference agrees, and the best agreement counts.
///
/// The relative error is `|difference - derivative| / max(|difference|, |derivative|, s, 1e-6 · max(1, |f|))`, in which
/// `s` is the root mean square of the tensor's derivatives: elements that hardly matter beside the others of their
/// tensor are measured by these, and rounding of `f` is not taken for a derivative.
public struct GradientCheck: Sendable {
  /// Agreement at which no narrower step is tried.
  public var tolerance = 1e-6
  /// Tensors of at most this number of elements are checked in each.
  public var elementLimit = 32
  /// The number of random directions for each tensor.
  public var directionCount = 2
  /// Steps, widest first; a direction has length 1.
  public var steps = [1e-3, 1e-4, 1e-5]

  /// Makes a check with the default limits.
  public init() {}

  /// The largest disagreement found in one tensor.
  public struct Result: Sendable {
    /// The name of the tensor.
    public var name: String
    /// The element, or nil if it was found along a random direction.
    public var element: Int?
    /// The derivative that was given.
    public var derivative: Double
    /// The difference of the function.
    public var difference: Double
    /// How far they are apart.
    public var relativeError: Double
  }

  /// Checks derivatives at a point and gives the largest disagreement for each, by rising name.
  ///
  /// - Parameters:
  ///   - point: tensors by name, as flat arrays.
  ///   - gradients: the derivatives by some of them.
  ///   - generator: chooses directions.
  ///   - function: the function; it gets all tensors of the point, one of them changed.
  /// - Requires: each gradient belongs to a tensor of the point and has its size.
  public func check(
    at point: [String: [Double]], gradients: [String: [Double]],
    using generator: inout some RandomNumberGenerator,
    _ function: ([String: [Double]]) throws -> Double
  ) rethrows -> [Result] {
    let scale = try 1e-6 * max(1, abs(function(point)))
    var results: [Result] = []
    for (name, gradient) in gradients.sorted(by: { $0.key < $1.key }) {
      guard let center = point[name], center.count == gradient.count else {
        preconditionFailure("the gradient of '\(name)' has no tensor of its size")
      }
      let meanSquare = gradient.reduce(0) { $0 + $1 * $1 } / Double(max(gradient.count, 1))
      let floor = max(meanSquare.squareRoot(), scale)
      var worst = Result(name: name, element: nil, derivative: 0, difference: 0, relativeError: 0)
      for (element, direction) in directions(count: center.count, using: &generator) {
        let derivative = zip(gradient, direction).reduce(0) { $0 + $1.0 * $1.1 }
        let (difference, error) = try compare(derivative, floor: floor) { distance in
          var moved = point
          moved[name] = zip(center, direction).map { $0 + distance * $1 }
          return try function(moved)
        }
        if !(error <= worst.relativeError) {
          worst = Result(
            name: name, element: element, derivative: derivative, difference: difference, relativeError: error
          )
        }
      }
      results.append(worst)
    }
    return results
  }

  /// Directions of length 1: each element's own if these are few, and random ones.
  private func directions(
    count: Int, using generator: inout some RandomNumberGenerator
  ) -> [(element: Int?, direction: [Double])] {
    if count == 0 { return [] }
    var directions: [(element: Int?, direction: [Double])] = []
    if count <= elementLimit {
      for element in 0..<count {
        var direction = [Double](repeating: 0, count: count)
        direction[element] = 1
        directions.append((element, direction))
      }
    }
    let length = 1 / Double(count).squareRoot()
    for _ in 0..<directionCount {
      directions.append((nil, (0..<count).map { _ in Bool.random(using: &generator) ? length : -length }))
    }
    return directions
  }

  /// The difference that agrees best with a derivative, and how well.
  private func compare(
    _ derivative: Double, floor: Double, _ function: (_ distance: Double) throws -> Double
  ) rethrows -> (difference: Double, error: Double) {
    var best = (difference: Double.nan, error: Double.infinity)
    for step in steps {
      let near = try function(step) - function(-step)
      let far = try function(2 * step) - function(-2 * step)
      let difference = (8 * near - far) / (12 * step)
      let error = abs(difference - derivative) / max(abs(difference), abs(derivative), floor)
      if error < best.error || best.difference.isNaN { best = (difference, error) }
      if error <= tolerance { break }
    }
    return (best.difference, best.error.isNaN ? .infinity : best.error)
  }
}
