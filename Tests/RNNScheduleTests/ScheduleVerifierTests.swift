import RNNGraph
import RNNPlan
import Testing

@testable import RNNSchedule

/// Every invariant of a schedule is checked: each is broken once.
@Suite struct ScheduleVerifierTests {
  /// Products by rows, over all steps, elementwise work, a transposed copy, sums and a table.
  private static func scheduled(threads: Int = 1) throws -> ScheduledPlan {
    let graph = try Graph(
      parsing: """
        graph "net" {
          %a = data "a" : f32[16, 40]
          %b = data "b" : f32[20, 40]
          %w = parameter "w" constant(0) : f32[48, 40]
          %ids = data "ids" : i32[9]
          %c = data "c" : f32[B, 6, 20]
          %p = dot %a, %b contract(1; 1) : f32[16, 20]
          %q = dot %a, %w contract(1; 1) : f32[16, 48]
          %r = tanh %q : f32[16, 48]
          %s = transpose %w axes(1, 0) : f32[40, 48]
          %u = tanh %s : f32[40, 48]
          %m = reduce_sum %p axes(1) : f32[16]
          %d = exp %c : f32[B, 6, 20]
          %e = reduce_sum %d axes(1) : f32[B, 20]
          output "e" = %e
          output "p" = %p
          output "r" = %r
          output "u" = %u
          output "m" = %m
        }
        """)
    let machine = Machine(vectorBytes: 32, vectorRegisters: 16)
    let plan = try Planner.plan(graph, batch: 1)
    return try ScheduledPlan(plan, ProcessorScheduler(machine), threads: threads)
  }

  private func problems(_ scheduled: ScheduledPlan) -> String {
    do {
      try scheduled.verify()
      return ""
    } catch {
      return error.description
    }
  }

  /// What is said once the first function that can be broken so is.
  private func problems(_ change: (KernelForm, inout Schedule) -> Bool) throws -> String {
    var scheduled = try Self.scheduled()
    for i in scheduled.functions.indices {
      if change(scheduled.functions[i].form, &scheduled.functions[i].schedule) { return problems(scheduled) }
    }
    Issue.record("no function to break")
    return ""
  }

  private func problemsOfProduct(_ change: (Product, inout ProductSchedule) -> Bool) throws -> String {
    try problems { form, schedule in
      guard let product = form.kernel.product, var how = schedule.product else { return false }
      defer { schedule.product = how }
      return change(product, &how)
    }
  }

  @Test func schedulesAreSound() throws {
    for threads in 1...3 { #expect(problems(try Self.scheduled(threads: threads)) == "") }
  }

  @Test func vectorsFitInRegisters() throws {
    let found = try problems { _, schedule in
      schedule.lanes = 64
      return true
    }
    #expect(found.contains("vectors of 64 elements where 1 to 8 fit"))
  }

  @Test func registersAreFilled() throws {
    let found = try problems { form, schedule in
      guard case .reduce = form.kernel.kind else { return false }
      schedule.registers = 2
      return true
    }
    #expect(found.contains("several registers for what is no map"))
  }

  @Test func onlyCopiesThatTurnAreTransposed() throws {
    let found = try problems { form, schedule in
      guard form.stridedLoads.isEmpty, form.kernel.product == nil else { return false }
      schedule.transposedAxis = 0
      return true
    }
    #expect(found.contains("nothing to transpose along i0"))
  }

  @Test func schedulesAreOfTheirKernels() throws {
    let product = try problems { form, schedule in
      guard form.kernel.product != nil else { return false }
      schedule.product = nil
      return true
    }
    #expect(product.contains("a schedule of a product that is not there, or none"))
    let reduction = try problems { form, schedule in
      guard schedule.reduction != nil else { return false }
      schedule.reduction = ReductionSchedule(accumulators: 0)
      return true
    }
    #expect(reduction.contains("a reduction without accumulators"))
  }

  @Test func sweepsTakeAVectorOrMore() throws {
    let found = try problems { form, schedule in
      guard form.kernel.kind == .sweep else { return false }
      schedule.sweep?.vectors = 0
      return true
    }
    #expect(found.contains("a sweep of no vectors, or too many"))
    let other = try problems { form, schedule in
      guard form.kernel.kind == .map else { return false }
      schedule.sweep = SweepSchedule(vectors: 1)
      return true
    }
    #expect(other.contains("a schedule of a sweep that is not there, or none"))
  }

  @Test func noRowIsLeftOver() throws {
    let found = try problemsOfProduct { product, how in
      guard product.tile.rows > 1, how.rows != .whole, product.blocks == nil else { return false }
      how.rows = .whole
      return true
    }
    #expect(found.contains("rows that no tile takes"))
  }

  @Test func panelsStandSideBySideForSingleRowsOnly() throws {
    let found = try problemsOfProduct { _, how in
      guard how.rows != .rest, how.rows != .open else { return false }
      how.panelsOfSingleRow = 2
      return true
    }
    #expect(found.contains("panels side by side without single rows"))
  }

  @Test func masksAreForLastVectors() throws {
    let found = try problemsOfProduct { _, how in
      if how.masksAllPanels { return false }
      how.masksAllPanels = true
      return true
    }
    #expect(found.contains("a mask for panels that need none"))
  }

  @Test func eachShapeHasOneMicroKernel() throws {
    let found = try problemsOfProduct { _, how in
      how.microKernels[0].vectors += 5
      return true
    }
    #expect(found.contains("0 micro-kernels of"))
  }

  @Test func roundsTakeAnIndex() throws {
    let found = try problemsOfProduct { _, how in
      how.microKernels[0].unrolling = 0
      return true
    }
    #expect(found.contains("rounds of no index"))
  }

  @Test func codeIsThereAFewTimesOnly() throws {
    let rounds = try problemsOfProduct { _, how in
      how.microKernels[0].unrolling = 60_000
      return true
    }
    #expect(rounds.contains("rounds of more than 64 indices"))
    let sums = try problems { _, schedule in
      guard schedule.reduction != nil else { return false }
      schedule.reduction = ReductionSchedule(accumulators: 65)
      return true
    }
    #expect(sums.contains("more than 64 accumulators"))
  }

  @Test func panelsAreTakenInEqualParts() throws {
    let found = try problems { form, schedule in
      guard let product = form.kernel.product, product.fillsPanel(lanes: schedule.lanes) else { return false }
      schedule.lanes = 3
      return true
    }
    #expect(found.contains("vectors of 3 elements in panels of"))
  }

  @Test func allLinesArePrefetchedOrNone() throws {
    let found = try problemsOfProduct { _, how in
      how.microKernels[0].prefetchedLines = 1000
      return true
    }
    #expect(found.contains("a prefetch of 1000 lines"))
  }
}
