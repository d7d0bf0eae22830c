import RNNGraph

extension AdjointBuilder {
  // ∂L/∂x = Σ ∂L/∂y over the repeated axes
  func reverseBroadcast(_ axes: [Int], _ shape: [Dimension], _ x: ValueID, _ dy: ValueID) {
    accumulate(builder.reduce(.sum, dy, axes: shape.indices.filter { !axes.contains($0) }), into: x)
  }

  // ∂L/∂x = ∂L/∂y in the shape of x
  func reverseReshape(_ x: ValueID, _ dy: ValueID) {
    accumulate(builder.reshape(dy, builder.type(x).shape), into: x)
  }

  // ∂L/∂x = ∂L/∂y with the axes permuted back
  func reverseTranspose(_ permutation: [Int], _ x: ValueID, _ dy: ValueID) {
    var inverse = permutation
    for (i, axis) in permutation.enumerated() { inverse[axis] = i }
    accumulate(builder.transpose(dy, inverse), into: x)
  }

  // ∂L/∂x = ∂L/∂y at the place of the slice, 0 elsewhere
  func reverseSlice(_ axis: Int, _ start: Int, _ anchor: Anchor, _ x: ValueID, _ dy: ValueID) {
    let extent = builder.type(x).shape[axis]
    accumulate(builder.pad(dy, axis: axis, start: start, to: extent, anchor: anchor), into: x)
  }

  // ∂L/∂x = the slice of ∂L/∂y at the place of x
  func reversePad(_ axis: Int, _ start: Int, _ anchor: Anchor, _ x: ValueID, _ dy: ValueID) {
    guard let count = builder.type(x).shape[axis].fixed else {
      preconditionFailure("a padded axis has a fixed extent")
    }
    accumulate(builder.slice(dy, axis: axis, start: start, count: count, anchor: anchor), into: x)
  }

  // ∂L/∂xᵢ = the slice of ∂L/∂y at the place of xᵢ
  func reverseConcat(_ axis: Int, _ values: [ValueID], _ dy: ValueID) {
    var start = 0
    for x in values {
      guard let count = builder.type(x).shape[axis].fixed else {
        preconditionFailure("a concatenated axis has a fixed extent")
      }
      accumulate(builder.slice(dy, axis: axis, start: start, count: count), into: x)
      start += count
    }
  }

  // ∂L/∂x = ∂L/∂y reversed
  func reverseReverse(_ axis: Int, _ x: ValueID, _ dy: ValueID) {
    accumulate(builder.reverse(dy, axis: axis), into: x)
  }

  // ∂L/∂x = the same reversal of ∂L/∂y: reversing twice changes nothing
  func reverseReversePrefix(_ axis: Int, _ x: ValueID, _ lengths: ValueID, _ dy: ValueID) {
    accumulate(builder.reversePrefix(dy, read(lengths), axis: axis), into: x)
  }

  // ∂L/∂table[v] = Σ ∂L/∂y[i] over the places i where ids[i] = v
  func reverseGather(_ table: ValueID, _ ids: ValueID, _ dy: ValueID, site: String?) throws {
    let type = builder.type(table)
    guard let extent = type.shape[0].fixed else { throw DifferentiationError.openTable(type, site: site) }
    accumulate(builder.scatterAdd(read(ids), dy, extent: extent), into: table)
  }

  // ∂L/∂rows[i] = ∂L/∂y[ids[i]]
  func reverseScatterAdd(_ ids: ValueID, _ rows: ValueID, _ dy: ValueID) {
    accumulate(builder.gather(dy, read(ids)), into: rows)
  }
}
