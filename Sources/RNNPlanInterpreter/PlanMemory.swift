import RNNGraph
import RNNPlan

/// The memory of a plan: inputs, outputs, and the arena as bytes, in which buffers lie where the plan says. If it does not
/// say yet, each buffer has memory of its own.
final class PlanMemory {
  private struct Region {
    var block: Int
    var start: Int
    var count: Int
    var element: ElementType
    var format: Buffer.Format
    var bytes: Int
    var place: Buffer.Place
  }
  private var blocks: [[UInt8]] = []
  /// By block and byte, the number of the buffer for which an element was last written there; -1 for none.
  private var owners: [[Int32]] = []
  private var regions: [Region?] = []

  /// A plan that takes more is not worth running so slowly.
  private static let largestByteCount = 1 << 30

  init(_ plan: Plan, _ sizes: [Symbol: Int]) throws(PlanFault) {
    let hasPlaces = plan.buffers.contains { $0.lifetime != nil }
    var arena: Int?
    var blocksOfPlaces: [Buffer.Place: Int] = [:]
    func add(_ byteCount: Int) throws(PlanFault) -> Int {
      guard (0...Self.largestByteCount).contains(byteCount) else {
        throw PlanFault(description: "\(byteCount) bytes of memory are too many for the interpreter")
      }
      // What is not written shows as NaN.
      blocks.append([UInt8](repeating: 0xFF, count: byteCount))
      owners.append([Int32](repeating: -1, count: byteCount))
      return blocks.count - 1
    }
    for (number, buffer) in plan.buffers.enumerated() {
      let count = buffer.count.evaluate(sizes)
      var region = Region(
        block: 0, start: 0, count: count, element: buffer.element, format: buffer.format,
        bytes: buffer.elementBytes, place: buffer.place)
      if buffer.place == .arena, hasPlaces {
        guard buffer.lifetime != nil else {
          regions.append(nil)
          continue
        }
        if arena == nil { arena = try add(plan.arenaBytes.evaluate(sizes)) }
        (region.block, region.start) = (arena!, buffer.offset.evaluate(sizes))
        guard region.start >= 0, region.start + count * region.bytes <= blocks[region.block].count else {
          throw PlanFault(description: "b\(number) lies outside the arena")
        }
      } else if buffer.place != .arena, let known = blocksOfPlaces[buffer.place] {
        region.block = known
      } else {
        region.block = try add(count * region.bytes)
        if buffer.place != .arena { blocksOfPlaces[buffer.place] = region.block }
      }
      regions.append(region)
    }
  }

  /// The buffers of an input or an output.
  func buffers(at place: Buffer.Place) -> [BufferID] {
    regions.indices.filter { regions[$0]?.place == place }.map { BufferID(index: $0) }
  }

  /// The type of a buffer's elements.
  func element(_ id: BufferID) -> ElementType { regions[id.index]?.element ?? .f32 }

  /// How a buffer's elements lie.
  func format(_ id: BufferID) -> Buffer.Format { regions[id.index]?.format ?? .full }

  /// What is wrong with touching an element; nil if nothing is.
  func problem(_ id: BufferID, _ element: Int, writes: Bool) -> String? {
    guard id.index < regions.count, let region = regions[id.index] else { return "is not in memory" }
    guard element >= 0, element < region.count else {
      return "is element \(element) of \(region.count)"
    }
    if writes { return nil }
    if case .input = region.place { return nil }
    let owner = owners[region.block][region.start + element * region.bytes]
    if owner == Int32(id.index) { return nil }
    return owner < 0 ? "reads what was not written" : "reads what was written for b\(owner)"
  }

  /// Says that what a buffer holds is of no use any more.
  func forget(_ id: BufferID) {
    guard let region = regions[id.index] else { return }
    let bytes = region.start..<(region.start + region.count * region.bytes)
    for byte in bytes { owners[region.block][byte] = -1 }
    for byte in bytes { blocks[region.block][byte] = 0xFF }
  }

  /// An element, which must be one of the buffer's.
  subscript(id: BufferID, element: Int) -> Double {
    get {
      let region = regions[id.index]!
      let start = region.start + element * region.bytes
      return blocks[region.block].withUnsafeBytes { bytes in
        func load<Number: BitwiseCopyable>(_ type: Number.Type) -> Number {
          bytes.loadUnaligned(fromByteOffset: start, as: type)
        }
        if region.format == .bf16 { return Double(Float(bitPattern: UInt32(load(UInt16.self)) << 16)) }
        return switch region.element {
        case .f32: Double(load(Float.self))
        case .f64: load(Double.self)
        case .i32: Double(load(Int32.self))
        case .bool: load(UInt8.self) == 0 ? 0 : 1
        }
      }
    }
    set {
      let region = regions[id.index]!
      let start = region.start + element * region.bytes
      // What another buffer held here is lost.
      for byte in start..<(start + region.bytes) { owners[region.block][byte] = Int32(id.index) }
      blocks[region.block].withUnsafeMutableBytes { bytes in
        func store(_ number: some BitwiseCopyable) {
          bytes.storeBytes(of: number, toByteOffset: start, as: type(of: number))
        }
        if region.format == .bf16 { return store(Self.halved(Float(newValue))) }
        switch region.element {
        case .f32: store(Float(newValue))
        case .f64: store(newValue)
        case .i32: store(Int32(region.element.rounded(newValue)))
        case .bool: store(UInt8(newValue == 0 ? 0 : 1))
        }
      }
    }
  }

  /// The upper half of a number, rounded to the nearest and to even between two.
  private static func halved(_ number: Float) -> UInt16 {
    let bits = number.bitPattern
    return UInt16(truncatingIfNeeded: (bits &+ ((bits >> 16) & 1) &+ 0x7FFF) >> 16)
  }
}
