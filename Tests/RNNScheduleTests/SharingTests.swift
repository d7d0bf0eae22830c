import RNNGraph
import Testing

@testable import RNNPlan
@testable import RNNSchedule

/// How threads share the work of few examples.
@Suite struct SharingTests {
  /// A loop over time whose step multiplies a carry of some width by a matrix.
  private func plan(
    width: Int, batch: Int = 1, threads: Int = 2, weights: Buffer.Format = .full
  ) throws -> Plan {
    let graph = try Graph(
      parsing: """
        graph "net" {
          %x = data "x" : f32[T, B, \(width)]
          %w = parameter "w" constant(0) : f32[\(width), \(width)]
          %u = parameter "u" constant(0) : f32[\(width), \(width)]
          %h = state "h" : f32[B, \(width)]
          %p = dot %x, %w contract(2; 1) : f32[T, B, \(width)]
          %z, %s = scan T : f32[B, \(width)], f32[T, B, \(width)] {
            invariant %v = %u : f32[\(width), \(width)]
            carry %c = %h : f32[B, \(width)]
            sequence %e = %p : f32[B, \(width)]
            %m = dot %c, %v contract(1; 1) : f32[B, \(width)]
            %a = add %m, %e : f32[B, \(width)]
            %n = tanh %a : f32[B, \(width)]
            yield %n, %n
          }
          output "s" = %s
          output "z" = %z
        }
        """)
    let machine = Machine(vectorBytes: 32, vectorRegisters: 16)
    let plan = try Planner.plan(graph, batch: batch, weights: weights)
      .laidOut(by: ProcessorScheduler(machine), threads: threads).plan
    try plan.verify()
    return plan
  }

  private func isBarrier(_ step: Step) -> Bool { if case .barrier = step { true } else { false } }

  /// The next value goes to another place than the one that is read, so the threads meet once in a step.
  @Test func oneExampleIsSharedByColumnsWithOneMeetingInAStep() throws {
    let plan = try plan(width: 256)
    let place = try #require(plan.steps.firstIndex { if case .loop = $0 { true } else { false } })
    guard case .loop(let loop) = plan.steps[place] else { return }
    #expect(loop.body.count == 2 && loop.body.filter(isBarrier).count == 1)
    #expect(loop.body[0].kernels[0].split == .axis(1, multiple: 64))
    #expect(loop.body[0].kernels[0].product?.turns == Affine(.parity(loop.id)))
    // The meeting at the end of the last step serves what follows, too.
    #expect(!isBarrier(plan.steps[place + 1]))
    // As many steps as there may be, the columns are what is shared of the product in front.
    let product = try #require(plan.steps[..<place].flatMap(\.kernels).first { $0.product != nil })
    #expect(product.domain[0].constant == nil)
    if case .axis(1, _) = product.split {} else { Issue.record("split \(product.split)") }
  }

  /// Few examples are shared by columns as long as reading the weights takes longer than computing.
  @Test(arguments: [(2, true), (4, true), (64, false)])
  func examplesAreSharedWhereThereAreMany(batch: Int, byColumns: Bool) throws {
    let plan = try plan(width: 512, batch: batch)
    let place = try #require(plan.steps.firstIndex { if case .loop = $0 { true } else { false } })
    guard case .loop(let loop) = plan.steps[place] else { return }
    #expect(loop.body.contains(where: isBarrier) == byColumns)
    #expect((loop.body[0].kernels[0].split == .batch(axis: 0)) == !byColumns)
  }

  /// What a loop carries goes to an output where it is one, and not through a copy behind the loop.
  @Test func aLoopStoresItsOutputs() throws {
    let plan = try plan(width: 256, threads: 1)
    #expect(!plan.kernels.contains { $0.name == "map_s" })
    let stack = try #require(plan.buffers.firstIndex { $0.place == .output(0) })
    let writers = plan.kernels.filter { $0.stores.contains { $0.access.buffer.index == stack } }
    #expect(writers.count == 1 && writers[0].product != nil)
  }

  @Test func whatIsNotWorthAMeetingIsPlannedForOneThread() throws {
    #expect(try plan(width: 8).threads == 1)
    #expect(try plan(width: 256).threads == 2)
  }

  @Test func halvedNumbersAreOnlyReadAsPackedColumns() throws {
    var plan = try plan(width: 256, weights: .bf16)
    let halved = plan.buffers.indices.filter { plan.buffers[$0].format == .bf16 }
    #expect(halved.count == 2 && halved.allSatisfy { plan.buffers[$0].name.hasPrefix("packed") })
    #expect(plan.buffers[halved[0]].byteCount.constant == 256 * 256 * 2)
    // What the loop adds to its sums is loaded as it is.
    let other = try #require(
      plan.buffers.indices.last { plan.buffers[$0].place == .arena && !halved.contains($0) })
    plan.buffers[other].format = .bf16
    #expect(throws: BrokenPlan.self) { try plan.verify() }
  }
}
