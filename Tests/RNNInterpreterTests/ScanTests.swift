import Foundation
import RNNGraph
import RNNInterpreter
import Testing

@Suite struct ScanTests {
  @Test(arguments: [false, true]) func carriesAndOutputs(isReversed: Bool) throws {
    let results = try evaluate(
      """
      %x = data "x" : f32[T, 2]
      %h = state "h" : f32[2]
      %a = constant 2 : f32[2]
      %n, %ys, %zs = scan T \(isReversed ? "reverse" : "") : f32[2], f32[T, 2], f32[T, 2] {
        invariant %b = %a : f32[2]
        carry %c = %h : f32[2]
        sequence %d = %x : f32[2]
        %e = multiply %c, %b : f32[2]
        %f = add %e, %d : f32[2]
        yield %f, %f, %c
      }
      output "n" = %n  output "ys" = %ys  output "zs" = %zs
      """, ["x": DenseArray(.f32, [3, 2], [1, 10, 2, 20, 3, 30]), "h": f32(1, 0)])
    if isReversed {
      #expect(results["n"] == f32(25, 170))
      #expect(results["ys"] == DenseArray(.f32, [3, 2], [25, 170, 12, 80, 5, 30]))
      #expect(results["zs"] == DenseArray(.f32, [3, 2], [12, 80, 5, 30, 1, 0]))
    } else {
      #expect(results["n"] == f32(19, 110))
      #expect(results["ys"] == DenseArray(.f32, [3, 2], [3, 10, 8, 40, 19, 110]))
      #expect(results["zs"] == DenseArray(.f32, [3, 2], [1, 0, 3, 10, 8, 40]))
    }
  }

  @Test func noSteps() throws {
    let results = try evaluate(
      """
      %x = data "x" : f32[T, 2]  %h = state "h" : f32[2]
      %n, %ys = scan T : f32[2], f32[T, 2] {
        carry %c = %h : f32[2]  sequence %d = %x : f32[2]
        %f = add %c, %d : f32[2]
        yield %f, %f
      }
      output "n" = %n  output "ys" = %ys
      """, ["x": DenseArray(.f32, [0, 2], []), "h": f32(1, 2)])
    #expect(results["n"] == f32(1, 2))
    #expect(results["ys"] == DenseArray(.f32, [0, 2], []))
  }

  /// Two symbols: the outer loop runs over T forward, the inner one over S backward.
  @Test func scansNest() throws {
    let results = try evaluate(
      """
      %0 = data "x" : f64[T, S]
      %1 = constant 0 : f64[]
      %2, %3 = scan T : f64[], f64[T, S] {
        carry %4 = %1 : f64[]
        sequence %5 = %0 : f64[S]
        %6, %7 = scan S reverse : f64[], f64[S] {
          carry %8 = %4 : f64[]
          sequence %9 = %5 : f64[]
          %10 = add %8, %9 : f64[]
          yield %10, %10
        }
        yield %6, %7
      }
      output "sum" = %2  output "sums" = %3
      """, ["x": DenseArray(.f64, [2, 3], [1, 2, 3, 4, 5, 6])])
    #expect(results["sum"] == DenseArray(.f64, scalar: 21))
    #expect(results["sums"] == DenseArray(.f64, [2, 3], [6, 5, 3, 21, 17, 12]))
  }

  /// A gated unit, against loops over plain arrays.
  @Test(arguments: [false, true]) func gatedUnit(isReversed: Bool) throws {
    let (steps, batch, width, hidden) = (5, 3, 2, 4)
    let x = scattered(.f64, [steps, batch, width], seed: 1)
    let h0 = scattered(.f64, [batch, hidden], seed: 2)
    let w = (0..<3).map { scattered(.f64, [hidden, width], seed: 3 + Double($0)) }
    let u = (0..<3).map { scattered(.f64, [hidden, hidden], seed: 6 + Double($0)) }
    let results = try Interpreter(try gatedUnitGraph(.f64, width, hidden, isReversed: isReversed)).run(
      inputs: [
        "x": x, "h": h0, "W_z": w[0], "W_r": w[1], "W_n": w[2], "U_z": u[0], "U_r": u[1], "U_n": u[2],
      ])

    func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
    var h = h0.numbers
    var outputs = [Double](repeating: 0, count: steps * batch * hidden)
    for t in isReversed ? Array((0..<steps).reversed()) : Array(0..<steps) {
      for b in 0..<batch {
        func product(_ gate: Int, _ i: Int, _ scale: [Double]) -> Double {
          var sum = 0.0
          for j in 0..<width {
            sum += w[gate].numbers[i * width + j] * x.numbers[(t * batch + b) * width + j]
          }
          for j in 0..<hidden { sum += u[gate].numbers[i * hidden + j] * scale[j] * h[b * hidden + j] }
          return sum
        }
        let ones = [Double](repeating: 1, count: hidden)
        let z = (0..<hidden).map { sigmoid(product(0, $0, ones)) }
        let r = (0..<hidden).map { sigmoid(product(1, $0, ones)) }
        let n = (0..<hidden).map { tanh(product(2, $0, r)) }
        for i in 0..<hidden {
          let next = z[i] * h[b * hidden + i] + (1 - z[i]) * n[i]
          h[b * hidden + i] = next
          outputs[(t * batch + b) * hidden + i] = next
        }
      }
    }
    let found = try #require(results["y"])
    let last = try #require(results["h"])
    for (a, b) in zip(found.numbers, outputs) { #expect(abs(a - b) < 1e-14) }
    for (a, b) in zip(last.numbers, h) { #expect(abs(a - b) < 1e-14) }
  }

  @Test func singlePrecisionIsNearDouble() throws {
    func run(_ element: ElementType) throws -> [Double] {
      var inputs = [
        "x": scattered(element, [6, 2, 3], seed: 1), "h": DenseArray(element, [2, 5], repeating: 0),
      ]
      for (i, gate) in ["z", "r", "n"].enumerated() {
        inputs["W_\(gate)"] = scattered(element, [5, 3], seed: Double(i))
        inputs["U_\(gate)"] = scattered(element, [5, 5], seed: Double(i) + 3)
      }
      let graph = try gatedUnitGraph(element, 3, 5, isReversed: false)
      return try #require(try Interpreter(graph).run(inputs: inputs)["y"]).numbers
    }
    let single = try run(.f32)
    let double = try run(.f64)
    #expect(single.allSatisfy { Double(Float($0)) == $0 })
    #expect(single != double)
    for (a, b) in zip(single, double) { #expect(abs(a - b) < 1e-6) }
  }
}
