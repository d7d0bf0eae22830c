import RNNGraph
import RNNPlan

/// The memory of a plan: inputs, outputs, and the arena as bytes, in which buffers lie where the plan says. If it does not
/// say yet, each buffer has memory of its own.
final class PlanMemory {
  private struct Region {
    var block: Block
    var start: Int
    var count: Int
    var element: ElementType
    var format: Buffer.Format
    var bytes: Int
    var place: Buffer.Place
  }
  /// Bytes, and for each of them the number of the buffer for which an element was last written there; -1 for none.
  private final class Block {
    let bytes: UnsafeMutableRawBufferPointer
    let owners: UnsafeMutableBufferPointer<Int32>

    init(byteCount: Int) {
      bytes = .allocate(byteCount: byteCount, alignment: Buffer.alignment)
      // What is not written shows as NaN.
      bytes.initializeMemory(as: UInt8.self, repeating: 0xFF)
      owners = .allocate(capacity: byteCount)
      owners.initialize(repeating: -1)
    }

    deinit {
      bytes.deallocate()
      owners.deallocate()
    }
  }
  private var regions: [Region?] = []

  /// A plan that takes more is not worth running so slowly.
  private static let largestByteCount = 1 << 30

  init(_ plan: Plan, _ sizes: [Symbol: Int]) throws(PlanFault) {
    let hasPlaces = plan.hasArena
    var blocks: [Buffer.Place: Block] = [:]
    func add(_ byteCount: Int) throws(PlanFault) -> Block {
      guard (0...Self.largestByteCount).contains(byteCount) else {
        throw PlanFault(
          description: "a block of memory is too large: \(byteCount) of at most \(Self.largestByteCount)")
      }
      return Block(byteCount: byteCount)
    }
    for (number, buffer) in plan.buffers.enumerated() {
      let count = buffer.count.evaluate(sizes)
      let isPlaced = buffer.place != .arena || hasPlaces
      if buffer.place == .arena, hasPlaces, buffer.lifetime == nil {
        regions.append(nil)
        continue
      }
      let bytes =
        buffer.place == .arena && hasPlaces ? plan.arenaBytes.evaluate(sizes) : count * buffer.elementBytes
      let block = if isPlaced, let known = blocks[buffer.place] { known } else { try add(bytes) }
      if isPlaced { blocks[buffer.place] = block }
      let region = Region(
        block: block, start: isPlaced ? buffer.offset.evaluate(sizes) : 0, count: count,
        element: buffer.element, format: buffer.format, bytes: buffer.elementBytes, place: buffer.place)
      guard region.start >= 0, region.start + count * region.bytes <= block.bytes.count else {
        throw PlanFault(description: "b\(number) lies outside its memory")
      }
      regions.append(region)
      if case .table(let table) = buffer.place {
        for (place, value) in table.numbers.enumerated() {
          self[BufferID(index: number), place] = region.element.rounded(value)
        }
      }
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
    switch region.place {
    case .input, .table: return nil
    case .output, .arena: break
    }
    let owner = region.block.owners[region.start + element * region.bytes]
    if owner == Int32(id.index) { return nil }
    return owner < 0 ? "reads what was not written" : "reads what was written for b\(owner)"
  }

  /// Says that what a buffer holds is of no use any more.
  func forget(_ id: BufferID) {
    guard let region = regions[id.index] else { return }
    let bytes = region.start..<(region.start + region.count * region.bytes)
    for byte in bytes { region.block.owners[byte] = -1 }
    for byte in bytes { region.block.bytes[byte] = 0xFF }
  }

  /// An element, which must be one of the buffer's.
  subscript(id: BufferID, element: Int) -> Double {
    get {
      let region = regions[id.index]!
      let start = region.start + element * region.bytes
      func load<Number: BitwiseCopyable>(_ type: Number.Type) -> Number {
        region.block.bytes.loadUnaligned(fromByteOffset: start, as: type)
      }
      if region.format == .bf16 { return Self.widened(load(UInt16.self)) }
      return switch region.element {
      case .f32: Double(load(Float.self))
      case .f64: load(Double.self)
      case .i32: Double(load(Int32.self))
      case .bool: load(UInt8.self) == 0 ? 0 : 1
      }
    }
    set {
      let region = regions[id.index]!
      let start = region.start + element * region.bytes
      // What another buffer held here is lost.
      for byte in start..<(start + region.bytes) { region.block.owners[byte] = Int32(id.index) }
      func store<Number: BitwiseCopyable>(_ number: Number) {
        region.block.bytes.storeBytes(of: number, toByteOffset: start, as: Number.self)
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

  /// The number of which this is the upper half.
  static func widened(_ half: UInt16) -> Double { Double(Float(bitPattern: UInt32(half) << 16)) }

  /// The upper half of a number, rounded to the nearest and to even between two.
  static func halved(_ number: Float) -> UInt16 {
    let bits = number.bitPattern
    return UInt16(truncatingIfNeeded: (bits &+ ((bits >> 16) & 1) &+ 0x7FFF) >> 16)
  }
}
