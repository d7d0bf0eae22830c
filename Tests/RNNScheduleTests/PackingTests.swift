import RNNGraph
import Testing

@testable import RNNPlan
@testable import RNNSchedule

/// How products lay out and hold their operands.
@Suite struct PackingTests {
  private func plan(_ body: String, batch: Int, machine: Machine) throws -> Plan {
    let graph = try Graph(parsing: "graph \"net\" {\n\(body)\n}")
    let plan = try Planner.plan(graph, batch: batch).laidOut(by: ProcessorScheduler(machine), threads: 2).plan
    try plan.verify()
    return plan
  }

  private let narrow = Machine(vectorBytes: 32, vectorRegisters: 16)

  /// A step whose product has some groups of columns.
  private func gated(_ gates: Int, batch: Int, _ machine: Machine) throws -> Product {
    let slices = (0..<gates).map {
      """
      %s\($0) = slice %m axis(1) front(\($0 * 256)) count(256) : f32[B, 256]
      %t\($0) = tanh %s\($0) : f32[B, 256]
      %a\($0 + 1) = add %a\($0), %t\($0) : f32[B, 256]
      """
    }
    let plan = try plan(
      """
      %a0 = data "x" : f32[B, 256]
      %w = parameter "w" constant(0) : f32[\(gates * 256), 256]
      %m = dot %a0, %w contract(1; 1) : f32[B, \(gates * 256)]
      \(slices.joined(separator: "\n"))
      output "y" = %a\(gates)
      """, batch: batch, machine: machine)
    return try #require(plan.steps.flatMap(\.kernels).compactMap(\.product).first)
  }

  /// A panel of four gates would pass through the near cache for every three rows.
  @Test func gatesWaitForEachOtherWhereTheirPanelIsTooLarge() throws {
    let product = try gated(4, batch: 32, narrow)
    #expect(product.groups == 4 && product.isStaged && product.tile == Tile(rows: 6, vectors: 2, groups: 1))
    // With a single row nothing is used again, and so many rows would not stay in the near cache.
    #expect(try !gated(4, batch: 1, narrow).isStaged)
    #expect(try !gated(4, batch: 1000, narrow).isStaged)
  }

  /// A row that is left over is computed by itself, and waits for its multiply-adds: tiles are chosen so that few are.
  @Test(arguments: 1...4, [16, 32, 48, 64]) func wideRegistersLeaveNoSingleRows(gates: Int, batch: Int) throws
  {
    let product = try gated(gates, batch: batch, Machine(vectorBytes: 64, vectorRegisters: 32))
    let (rows, height) = (batch / 2, product.tile.rows)
    let tiles = (rows + height - 1) / height
    #expect(tiles * height - rows <= tiles, "tiles of \(height) for \(rows) rows")
  }

  /// A stack of weights lies in other panels where each is multiplied by itself than where a sum goes over all of them.
  @Test func panelsAreSharedByProductsThatReadThemAlike() throws {
    let plan = try plan(
      """
      %x = data "x" : f32[2, B, 17]
      %w = parameter "w" constant(0) : f32[2, 17, 18]
      %a = dot %x, %w contract(2; 1) batch(0; 0) : f32[2, B, 18]
      %b = dot %x, %w contract(0, 2; 0, 1) : f32[B, 18]
      output "a" = %a
      output "b" = %b
      """, batch: 40, machine: narrow)
    let packed = plan.kernels.compactMap(\.product).map(\.rhs)
    #expect(packed.count == 2 && packed.allSatisfy { $0.layout != .direct })
    #expect(Set(packed.map(\.access.buffer)).count == 2)
  }

  /// The states in front of the steps and those behind them are one stack: it is packed once.
  @Test(arguments: ["", "reverse "]) func aStackIsPackedOnce(direction: String) throws {
    let plan = try plan(
      """
      %x = data "x" : f32[T, B, 128]
      %y = data "y" : f32[T, B, 96]
      %h = state "h" : f32[B, 128]
      %z, %s, %r = scan T \(direction): f32[B, 128], f32[T, B, 128], f32[T, B, 128] {
        carry %c = %h : f32[B, 128]
        sequence %e = %x : f32[B, 128]
        %a = add %c, %e : f32[B, 128]
        %n = tanh %a : f32[B, 128]
        yield %n, %n, %c
      }
      %p = dot %y, %s contract(0, 1; 0, 1) : f32[96, 128]
      %q = dot %y, %r contract(0, 1; 0, 1) : f32[96, 128]
      output "z" = %z
      output "p" = %p
      output "q" = %q
      """, batch: 32, machine: narrow)
    let kernels = plan.steps.flatMap(\.kernels)
    #expect(kernels.filter { $0.name.hasPrefix("pack_") }.count == 1)
    let columns = kernels.compactMap { $0.product?.rhs }
    #expect(columns.count == 2 && columns[0].access.buffer == columns[1].access.buffer)
    #expect(columns.compactMap(\.access.index.constant.constant).sorted() == [0, 32 * 16])
  }
}
