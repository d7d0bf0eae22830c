import Foundation
import RNNCompiler
import Testing

@testable import RNNCompiler

/// The largest difference of two tensors' numbers, relative to the largest number of the second.
func relativeDifference(_ found: Tensor, _ expected: Tensor) throws -> Double {
  guard found.shape == expected.shape else { return .infinity }
  let (a, b) = (try numbers(found), try numbers(expected))
  let worst = zip(a, b).map { abs($0 - $1) }.reduce(0) { $1.isNaN ? .infinity : max($0, $1) }
  return worst == 0 ? 0 : worst / max(b.map(abs).max() ?? 0, 1e-30)
}

@Suite("Layers compute what PyTorch's do, forwards and backwards")
struct TorchTests {
  static let names = TorchFixture.names

  @Test func allFixturesAreThere() { #expect(TorchFixture.names.count == 26) }

  @Test(arguments: names, [(ElementType.f64, 1e-10), (.f32, 1e-5)])
  func layersAgree(_ name: String, _ precision: (element: ElementType, tolerance: Double)) throws {
    let fixture = try TorchFixture(name)
    let program = try Compiler(CompileOptions(elementType: precision.element, threads: 2)).compile(
      source: fixture.source, batch: fixture.configuration.B)
    let layout: SequenceLayout = fixture.configuration.batch_first ? .batchMajor : .timeMajor
    // The weights keep PyTorch's names, and are found by their order.
    let lengths = fixture.configuration.variable_length ? "lengths" : nil
    let found = try program.run(fixture.inputs, gradients: true, layout: layout, lengths: lengths)
    for (name, tensor) in try fixture.expected {
      // A sum of terms of both signs, which cancel: f32 loses digits there, in no matter whose hands.
      if name == "loss", precision.element == .f32 { continue }
      let difference = try relativeDifference(try #require(found[name], "no \(name)"), tensor)
      #expect(difference <= precision.tolerance, "\(name)")
    }
    let gradients = try program.stateDictionary(of: found.gradients, modules: fixture.modules)
    #expect(fixture.weightGradients.count >= 2)
    for (name, tensor) in fixture.weightGradients {
      let found = try #require(gradients[String(name.dropFirst("grad.".count))], "no \(name)")
      #expect(try relativeDifference(found, tensor) <= precision.tolerance, "\(name)")
    }
  }

  @Test(arguments: names) func stateDictionariesGoThereAndBack(_ name: String) throws {
    let fixture = try TorchFixture(name)
    let program = try Compiler(CompileOptions(elementType: .f64)).compile(source: fixture.source, batch: 1)
    let weights = fixture.tensors.filter { $0.key.contains("_l") && !$0.key.hasPrefix("grad.") }
    let parameters = try program.parameters(from: weights)
    #expect(try program.parameters(from: weights, modules: fixture.modules) == parameters)
    let written = try program.stateDictionary(of: parameters, modules: fixture.modules)
    // Biases that PyTorch's module lacks are zeros.
    for (name, tensor) in written { #expect(tensor == weights[name] ?? Tensor(.f64, shape: tensor.shape)) }
    #expect(Set(weights.keys).isSubset(of: written.keys))
    let named = try program.stateDictionary(of: parameters)
    #expect(try program.parameters(from: named) == parameters)
  }
}

extension [String: Tensor] {
  /// The derivatives of a run, by the names of what they are by.
  fileprivate var gradients: [String: Tensor] {
    Dictionary(
      uniqueKeysWithValues: compactMap { name, tensor in
        name.hasPrefix("grad.") ? (String(name.dropFirst("grad.".count)), tensor) : nil
      })
  }
}
