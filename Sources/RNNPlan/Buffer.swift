import RNNGraph

/// Names a buffer of a plan; prints as `b3`.
public struct BufferID: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The position in the plan's table of buffers.
  public let index: Int

  /// The buffer at a position.
  public init(index: Int) { self.index = index }

  public var description: String { "b\(index)" }

  public static func < (a: Self, b: Self) -> Bool { a.index < b.index }
}

/// Memory that a plan reads or writes.
public struct Buffer: Sendable {
  /// Where the memory is.
  public enum Place: Sendable, Hashable {
    /// Given by the caller: the input of this number.
    case input(Int)
    /// Given by the caller: the output of this number.
    case output(Int)
    /// In the program: these numbers, rounded to the type of the elements.
    case table(NumberTable)
    /// In the arena.
    case arena
  }

  /// How numbers lie in memory.
  public enum Format: String, Sendable, Hashable, CaseIterable {
    /// As their type says.
    case full
    /// The upper half of an `f32`, rounded to the nearest: only for packed columns of a product, which computes in `f32`.
    /// Neighbouring vectors alternate, number by number, so that a register of these halves widens to two of `f32`.
    case bf16
  }

  /// What it holds, for readers of the plan.
  public var name: String
  /// The type of its elements.
  public var element: ElementType
  /// How they lie.
  public var format = Format.full
  /// The number of its elements.
  public var count: Size
  /// Elements of a row, if whole rows may lie further apart: an index moves within a row, or by whole rows.
  public var row: Int?
  /// Where it is.
  public var place: Place
  /// Its offset in the arena, in bytes.
  public var offset: Size = 0
  /// The first and last position in the plan's order at which it holds data; nil if it is never used.
  public var lifetime: ClosedRange<Int>?
  /// The equations that compute what it holds.
  public var places = SourcePlaces.none

  /// Memory of some elements.
  public init(name: String, element: ElementType, count: Size, place: Place) {
    self.name = name
    self.element = element
    self.count = count
    self.place = place
  }

  /// The bytes of an element.
  public var elementBytes: Int { format == .bf16 ? 2 : element.byteCount }

  /// The number of its bytes, rounded up so that the next buffer is aligned.
  public var byteCount: Size {
    var size = Size(0)
    for (symbols, factor) in count.terms {
      let bytes = (factor * elementBytes + Buffer.alignment - 1) / Buffer.alignment * Buffer.alignment
      size = size + symbols.reduce(Size(bytes)) { $0 * Size($1) }
    }
    return size
  }

  /// Every buffer of the arena begins at a multiple of this many bytes.
  public static let alignment = 64
}

/// One element of a buffer for each point of a kernel's domain.
public struct Access: Hashable, Sendable, CustomStringConvertible {
  /// The buffer.
  public var buffer: BufferID
  /// The element's position in it.
  public var index: Affine
  /// Whether a thread that owns some examples touches only what belongs to these.
  public var isOwned: Bool

  /// An element of a buffer.
  public init(buffer: BufferID, index: Affine, isOwned: Bool) {
    self.buffer = buffer
    self.index = index
    self.isOwned = isOwned
  }

  public var description: String { "\(isOwned ? "own " : "")\(buffer)[\(index)]" }
}
