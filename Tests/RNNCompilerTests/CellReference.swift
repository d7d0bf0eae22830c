import Foundation
import RNNCompiler
import Testing

/// A vector whose operators work element by element.
struct Vector {
  var numbers: [Double]

  init(_ numbers: [Double]) { self.numbers = numbers }

  func map(_ function: (Double) -> Double) -> Vector { Vector(numbers.map(function)) }

  /// Part `index` of `count` equal ones.
  func part(_ index: Int, of count: Int) -> Vector {
    let length = numbers.count / count
    return Vector(Array(numbers[(index * length)..<((index + 1) * length)]))
  }

  static func + (a: Vector, b: Vector) -> Vector { Vector(zip(a.numbers, b.numbers).map(+)) }
  static func - (a: Vector, b: Vector) -> Vector { Vector(zip(a.numbers, b.numbers).map(-)) }
  static func * (a: Vector, b: Vector) -> Vector { Vector(zip(a.numbers, b.numbers).map(*)) }
  static func / (a: Vector, b: Vector) -> Vector { Vector(zip(a.numbers, b.numbers).map(/)) }
}

func sigmoid(_ x: Vector) -> Vector { x.map { 1 / (1 + exp(-$0)) } }
func tanh(_ x: Vector) -> Vector { x.map { Foundation.tanh($0) } }
func relu(_ x: Vector) -> Vector { x.map { max($0, 0) } }
func softplus(_ x: Vector) -> Vector { x.map { log(1 + exp($0)) } }
func rest(_ x: Vector) -> Vector { x.map { 1 - $0 } }

/// (x − mean) / sqrt(variance + 1e-5)
func normalized(_ x: Vector) -> Vector {
  let count = Double(x.numbers.count)
  let mean = x.numbers.reduce(0, +) / count
  let variance = x.numbers.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / count
  return x.map { ($0 - mean) / (variance + 1e-5).squareRoot() }
}

/// The parameters of one instance.
struct Weights {
  let tensors: [String: Tensor]
  let instance: String

  private func tensor(_ name: String) throws -> Tensor {
    guard let tensor = tensors["\(instance).\(name)"] else { throw InputError("no parameter \(name)") }
    return tensor
  }

  subscript(name: String) -> Vector { get throws { Vector(try tensor(name).values(as: Double.self)) } }

  /// The matrix `name` times a vector.
  func callAsFunction(_ name: String, _ x: Vector) throws -> Vector {
    let matrix = try tensor(name)
    let numbers = try matrix.values(as: Double.self)
    let columns = matrix.shape[1]
    return Vector(
      (0..<matrix.shape[0]).map { row in
        zip(numbers[(row * columns)..<((row + 1) * columns)], x.numbers).map(*).reduce(0, +)
      })
  }
}

/// A cell of the standard library, and one step of it in plain Swift.
struct CellReference: Sendable, CustomTestStringConvertible {
  typealias States = [String: Vector]

  /// How a model makes an instance, with sizes I and H.
  let call: String
  let states: [String]
  /// The output and the new states from parameters, input and old states.
  let step: @Sendable (_ p: Weights, _ x: Vector, _ s: inout States) throws -> Vector

  var testDescription: String { call }
  var name: String { String(call.prefix { $0 != "(" }) }

  init(
    _ call: String, _ states: [String] = ["h"],
    step: @escaping @Sendable (Weights, Vector, inout States) throws -> Vector
  ) {
    self.call = call
    self.states = states
    self.step = step
  }

  /// The outputs and the final states for one example: a list of inputs and initial states.
  func run(_ parameters: Weights, _ inputs: [Vector], from states: States) throws -> ([Vector], States) {
    var states = states
    return (try inputs.map { try step(parameters, $0, &states) }, states)
  }
}
