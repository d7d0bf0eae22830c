import RNNGraph
import RNNPlan
import RNNTestSupport
import Testing

@testable import RNNSchedule

/// The table of a processor's costs: each number decides something, and only in the schedule.
@Suite struct MachineTests {
  /// Programs whose schedules take many kinds of decisions.
  private static func graphs() throws -> [(graph: Graph, batch: Int)] {
    let gates = (0..<4).map { "%g\($0) = slice %m axis(1) front(\($0 * 256)) count(256) : f32[B, 256]" }
    let cell = try Graph(
      parsing: """
        graph "cell" {
          %x = data "x" : f32[T, B, 100]
          %u = parameter "u" constant(0) : f32[1024, 256]
          %w = parameter "w" constant(0) : f32[512, 100]
          %h = state "h" : f32[B, 256]
          %k = data "k" : f32[T, 256, 64]
          %l = data "l" : f32[256, 64]
          %last, %stack, %reads = scan T : f32[B, 256], f32[T, B, 256], f32[T, B, 64] {
            invariant %v = %u : f32[1024, 256]
            carry %c = %h : f32[B, 256]
            sequence %o = %k : f32[256, 64]
            %q = dot %c, %o contract(1; 0) : f32[B, 64]
            %m = dot %c, %v contract(1; 1) : f32[B, 1024]
            \(gates.joined(separator: "\n"))
            %a = add %g0, %g1 : f32[B, 256]
            %b = tanh %a : f32[B, 256]
            %d = multiply %b, %g2 : f32[B, 256]
            %e = add %d, %g3 : f32[B, 256]
            %f = sigmoid %e : f32[B, 256]
            %n = multiply %f, %c : f32[B, 256]
            yield %n, %n, %q
          }
          %z = dot %h, %l contract(1; 0) : f32[B, 64]
          %y = dot %x, %w contract(2; 1) : f32[T, B, 512]
          output "stack" = %stack
          output "reads" = %reads
          output "y" = %y
          output "z" = %z
        }
        """)
    let plain = { (width: Int) in
      try Graph(
        parsing: """
          graph "plain" {
            %u = parameter "u" constant(0) : f32[\(width), \(width)]
            %h = state "h" : f32[B, \(width)]
            %last, %stack = scan T : f32[B, \(width)], f32[T, B, \(width)] {
              invariant %v = %u : f32[\(width), \(width)]
              carry %c = %h : f32[B, \(width)]
              %m = dot %c, %v contract(1; 1) : f32[B, \(width)]
              %n = tanh %m : f32[B, \(width)]
              yield %n, %n
            }
            output "stack" = %stack
          }
          """)
    }
    let sums = try Graph(
      parsing: """
        graph "sums" {
          %x = data "x" : f32[T, B, 100]
          %y = data "y" : f32[T, B, 512]
          %i = data "i" below(90) : i32[T, B]
          %p = dot %y, %x contract(0, 1; 0, 1) : f32[512, 100]
          %q = multiply %x, %x : f32[T, B, 100]
          %s = reduce_sum %y axes(2) : f32[T, B]
          %k = scatter_add %i, %x extent(90) : f32[90, 100]
          %z = exp %y : f32[T, B, 512]
          %r = dot %z, %x contract(0, 1; 0, 1) : f32[512, 100]
          %m = reduce_sum %z axes(0) : f32[B, 512]
          output "p" = %p
          output "q" = %q
          output "s" = %s
          output "k" = %k
          output "m" = %m
          output "r" = %r
        }
        """)
    return [1, 3, 32, 100].map { (cell, $0) }
      + [(try plain(128), 3), (try plain(1024), 4), (try plain(1024), 32), (sums, 32), (sums, 3)]
  }

  private static let changes: [(name: String, change: @Sendable (inout Machine) -> Void)] = [
    ("vectorBytes", { $0.vectorBytes = 16 }), ("vectorRegisters", { $0.vectorRegisters = 24 }),
    ("l1Bytes", { $0.l1Bytes = 8 << 10 }), ("l2Bytes", { $0.l2Bytes = 64 << 10 }),
    ("lineBytes", { $0.lineBytes = 128 }), ("setPeriodBytes", { $0.setPeriodBytes = 4096 }),
    ("l1BytesPerCycle", { $0.l1BytesPerCycle = 0.01 }), ("l2BytesPerCycle", { $0.l2BytesPerCycle = 0.1 }),
    ("memoryBytesPerCycle", { $0.memoryBytesPerCycle = 1e5 }),
    ("multiplyAddsPerCycle", { $0.multiplyAddsPerCycle = 0.125 }),
    ("loadsPerCycle", { $0.loadsPerCycle = 0.25 }),
    ("multiplyAddLatency", { $0.multiplyAddLatency = 40 }),
    ("cyclesOfL2Vector", { $0.cyclesOfL2Vector = 20 }),
    ("instructionsOfLongRound", { $0.instructionsOfLongRound = 4 }),
    ("shortUnrolling", { $0.shortUnrolling = 1 }), ("longUnrolling", { $0.longUnrolling = 8 }),
    ("sumsOfOneRow", { $0.sumsOfOneRow = 32 }), ("accumulators", { $0.accumulators = 2 }),
    ("instructionsOfLongBody", { $0.instructionsOfLongBody = 1000 }),
    ("highestTile", { $0.highestTile = 3 }), ("widestTile", { $0.widestTile = 1 }),
    ("widestTileOfOneRow", { $0.widestTileOfOneRow = 2 }), ("tieOfTiles", { $0.tieOfTiles = 0.5 }),
    ("rowsThatWait", { $0.rowsThatWait = 1000...1001 }), ("openRows", { $0.openRows = 1 }),
    ("readingsOfColumnsInStep", { $0.readingsOfColumnsInStep = 0 }),
    ("readingsOfColumns", { $0.readingsOfColumns = 0 }), ("shortestBlock", { $0.shortestBlock = 1024 }),
    ("copyAhead", { $0.copyAhead = 5 }), ("scatterAhead", { $0.scatterAhead = 9 }),
    ("barrierCost", { $0.barrierCost = 1 << 40 }), ("elementsPerCycle", { $0.elementsPerCycle = 0.001 }),
    ("openSteps", { $0.openSteps = 1 }), ("openExtent", { $0.openExtent = 1 }),
    ("gainOfColumns", { $0.gainOfColumns = 0.0001 }),
  ]

  private static let plans = Result { try graphs().map { try Planner.plan($0.graph, batch: $0.batch) } }
  private static let machines = [
    Machine(vectorBytes: 32, vectorRegisters: 16), Machine(vectorBytes: 64, vectorRegisters: 32),
  ]

  /// The schedules for processors whose tables are changed.
  private static func texts(_ change: (inout Machine) -> Void) throws -> [String] {
    try machines.flatMap { machine in
      var machine = machine
      change(&machine)
      return try plans.get().flatMap { plan in
        try [1, 2].map { "\(try ScheduledPlan(plan, ProcessorScheduler(machine), threads: $0))" }
      }
    }
  }

  private static let usual = Result { try texts { _ in } }

  /// A plan is made without a machine; so what a number changes is a schedule.
  @Test(arguments: changes.map(\.name)) func aNumberDecidesSomething(name: String) throws {
    let change = Self.changes.first { $0.name == name }!.change
    #expect(try Self.texts(change) != Self.usual.get())
  }

  @Test func everyNumberIsTried() {
    let numbers = Mirror(reflecting: Self.machines[0]).children.compactMap(\.label)
    #expect(Set(numbers) == Set(Self.changes.map(\.name)))
  }
}
