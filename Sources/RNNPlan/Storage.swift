import RNNGraph

/// Where a value lies in memory: an element's position is the offset plus the strides times its indices.
struct Storage: Hashable {
  var buffer: BufferID
  var offset: Affine
  var strides: [Size]

  /// The position of the element at the given indices, as a form of what these are forms of.
  func index(_ map: [Affine]) -> Affine {
    zip(map, strides).reduce(offset) { $0 + $1.0 * $1.1 }
  }

  /// The part that begins `start` elements along an axis.
  func part(axis: Int, start: Size) -> Storage {
    var part = self
    part.offset = offset + Affine(strides[axis] * start)
    return part
  }

  /// The part that begins at a form of elements along an axis.
  func part(axis: Int, start: Affine) -> Storage {
    var part = self
    part.offset = offset + start * strides[axis]
    return part
  }

  /// One step of a stack: the first axis taken away by a form.
  func element(at index: Affine) -> Storage {
    Storage(buffer: buffer, offset: offset + index * strides[0], strides: Array(strides.dropFirst()))
  }

  /// The strides of a dense tensor.
  static func denseStrides(_ shape: [Size]) -> [Size] {
    var strides: [Size] = []
    var stride: Size = 1
    for extent in shape.reversed() {
      strides.append(stride)
      stride = stride * extent
    }
    return strides.reversed()
  }
}

/// A value seen through slices, transpositions and the like: what it shows, and which element of it.
struct View {
  /// The value shown, which is not itself a view.
  var base: ValueID
  /// For each axis of the base, the index as a form of the axes of the viewing value and of loops.
  var map: [Affine]

  /// Whether element `i` shows element `i`.
  var isIdentity: Bool { map.enumerated().allSatisfy { $1 == Affine(.axis($0)) } }

  /// The same view, seen through forms for the viewing value's axes.
  func through(_ forms: [Affine]) -> View { View(base: base, map: map.map { $0.substituting(forms) }) }

  static func identity(_ rank: Int) -> [Affine] { Affine.axes(rank) }
}
