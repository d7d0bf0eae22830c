import Foundation
import RNNGraph
import RNNTestSupport
import Testing

@testable import RNNPlan

/// A plan that breaks an invariant is refused, with the invariant's name in the message.
@Suite struct VerifierTests {
  /// A scan with a product of a carry, shared by two threads, and the carries' stack multiplied with itself behind it.
  static func plan(threads: Int = 2) throws -> Plan {
    let builder = GraphBuilder(Graph(name: "net"))
    let x = builder.graph.addInput("x", role: .data, TensorType(.f32, [.steps, .batch, 8]))
    let u = builder.graph.addInput("u", role: .parameter(.constant(0)), TensorType(.f32, [8, 8]))
    let h = builder.graph.addInput("h", role: .state, TensorType(.f32, [.batch, 8]))
    let loop = builder.scan(steps: .steps, invariants: [u], carries: [h], sequences: [x]) {
      weights, carries, steps in
      let product = builder.dot(carries[0], weights[0], DotAxes(lhsContracting: [1], rhsContracting: [1]))
      let next = builder.unary(.tanh, builder.add(product, steps[0]))
      return ([next], [next])
    }
    let gram = builder.dot(
      loop.outputs[0], loop.outputs[0], DotAxes(lhsContracting: [0, 1], rhsContracting: [0, 1]))
    builder.graph.addOutput("gram", role: .output, gram)
    builder.graph.addOutput("h", role: .update(of: "h"), loop.carries[0])
    return try Planner.plan(
      builder.graph, machine: Machine(vectorBytes: 32, vectorRegisters: 16), batch: 4, threads: threads)
  }

  private func problems(_ plan: Plan) -> String {
    do {
      try plan.verify()
      return ""
    } catch {
      return error.description
    }
  }

  @Test func aPlanIsSound() throws {
    for threads in 1...3 { #expect(problems(try Self.plan(threads: threads)) == "") }
  }

  @Test func theLoopOfAnUncoupledBatchHasNoBarrier() throws {
    for case .loop(let loop) in try Self.plan().steps {
      #expect(!loop.body.contains { if case .barrier = $0 { true } else { false } })
    }
  }

  @Test func missingBarriersAreFound() throws {
    var plan = try Self.plan()
    let count = plan.steps.count
    plan.steps.removeAll { if case .barrier = $0 { true } else { false } }
    #expect(plan.steps.count < count)
    #expect(problems(plan).contains("no barrier in front of"))
  }

  @Test func overlappingAndMisplacedBuffersAreFound() throws {
    var plan = try Self.plan()
    let live = plan.buffers.indices.filter {
      plan.buffers[$0].place == .arena && plan.buffers[$0].lifetime != nil
    }
    for i in live {
      plan.buffers[i].lifetime = 0...9
      plan.buffers[i].offset = 0
    }
    #expect(problems(plan).contains("lives at the same time"))
    plan.buffers[live[0]].offset = 4
    #expect(problems(plan).contains("is not aligned"))
    plan.buffers[live[0]].offset = plan.arenaBytes
    #expect(problems(plan).contains("lies outside the arena"))
  }

  @Test func accessesOutsideOfTheirBufferAreFound() throws {
    var plan = try Self.plan()
    let loop = try #require(plan.steps.firstIndex { if case .loop = $0 { true } else { false } })
    guard case .loop(var inner) = plan.steps[loop], case .kernel(var kernel) = inner.body[0] else {
      Issue.record("the loop begins with no kernel")
      return
    }
    let stored = kernel.stores[0].access.index
    kernel.stores[0].access.index.constant = stored.constant + 64
    inner.body[0] = .kernel(kernel)
    plan.steps[loop] = .loop(inner)
    #expect(problems(plan).contains("reaches"))
    kernel.stores[0].access.index = stored + Affine(.loop(99))
    inner.body[0] = .kernel(kernel)
    plan.steps[loop] = .loop(inner)
    #expect(problems(plan).contains("a loop that is not around it"))
  }

  @Test func readingWhatNothingWroteIsFound() throws {
    var plan = try Self.plan()
    let first = try #require(plan.steps.firstIndex { if case .kernel = $0 { true } else { false } })
    plan.steps.remove(at: first)
    #expect(problems(plan).contains("which nothing has written"))
  }

  @Test func wrongBodiesAreFound() throws {
    var plan = try Self.plan(threads: 1)
    let first = try #require(plan.steps.firstIndex { if case .kernel = $0 { true } else { false } })
    guard case .kernel(var kernel) = plan.steps[first] else { return }
    kernel.body.append(.unary(.tanh, 99))
    kernel.body.append(.accumulator(9, .f32))
    kernel.split = .axis(9, multiple: 1)
    plan.steps[first] = .kernel(kernel)
    let found = problems(plan)
    #expect(
      found.contains("reads a later one") && found.contains("no accumulator")
        && found.contains("along no axis"))
  }

  /// Sums that are to be chains, and what may not become of them.
  @Test func sumsInAnotherOrderAreFound() throws {
    let graph = try Graph(
      parsing: """
        graph "g" {
          %0 = data "x" : f32[T, B, 8]
          %1 = reduce_sum %0 axes(0) chain : f32[B, 8]
          %2 = reduce_sum %0 axes(2) chain : f32[T, B]
          %3 = reduce_sum %0 axes(2) : f32[T, B]
          %4 = dot %0, %0 contract(0, 1; 0, 1) chain : f32[8, 8]
          output "a" = %1
          output "b" = %2
          output "c" = %3
          output "d" = %4
        }
        """)
    let plan = try Planner.plan(
      graph, machine: Machine(vectorBytes: 32, vectorRegisters: 16), batch: 4, threads: 2)
    #expect(problems(plan) == "")
    #expect(plan.description.components(separatedBy: "\n    order chain\n").count == 4)
    let places = plan.steps.indices.filter { if case .kernel = plan.steps[$0] { true } else { false } }
    var broken = 0
    for place in places {
      guard case .kernel(let kernel) = plan.steps[place] else { continue }
      func found(_ change: (inout Kernel) -> Void) -> String {
        var (plan, kernel) = (plan, kernel)
        change(&kernel)
        plan.steps[place] = .kernel(kernel)
        return problems(plan)
      }
      guard case .reduce(_, let axes, let keepsLast) = kernel.kind else { continue }
      let inLanes = found {
        $0.order = .chain
        $0.kind = .reduce(.sum, axes: axes, keepsLast: false)
      }
      #expect(inLanes.contains("is to add up chains, and adds up in lanes"))
      let greatest = found {
        $0.order = .chain
        $0.kind = .reduce(.maximum, axes: axes, keepsLast: true)
      }
      #expect(greatest.contains("is to add up chains"))
      let first = kernel.domain.count - axes - (keepsLast ? 1 : 0)
      #expect(found { $0.split = .axis(first, multiple: 1) }.contains("shares the terms of a sum"))
      if kernel.order == .any { #expect(found { $0.order = .chain }.contains("is to add up chains")) }
      broken += 1
    }
    #expect(broken == 3)
  }
}
