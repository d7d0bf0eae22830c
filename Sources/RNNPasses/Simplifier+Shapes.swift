import RNNGraph

/// Rules for operations that only move elements.
extension Simplifier {
  func broadcast(_ x: ValueID, _ axes: [Int], _ shape: [Dimension]) -> ValueID? {
    if type(x).shape == shape { return x }  // broadcast to the same shape -> x
    if let c = constant(x) { return constant(c, type(x).with(shape: shape)) }
    if let inner = broadcast(x) {  // broadcast(broadcast x) -> broadcast x
      return make(.broadcast(axes: inner.axes.map { axes[$0] }, shape: shape), inner.x)
    }
    return nil
  }

  func reshape(_ x: ValueID, _ shape: [Dimension]) -> ValueID? {
    if type(x).shape == shape { return x }  // reshape to the same shape -> x
    if let c = constant(x) { return constant(c, type(x).with(shape: shape)) }
    if case .reshape? = kind(x) {  // reshape(reshape x) -> reshape x
      return make(.reshape(shape), operands(x)[0])
    }
    if let inner = broadcast(x), type(inner.x).isScalar {  // reshape(broadcast scalar) -> broadcast scalar
      return make(.broadcast(axes: [], shape: shape), inner.x)
    }
    return nil
  }

  func transpose(_ x: ValueID, _ permutation: [Int]) -> ValueID? {
    if permutation == Array(permutation.indices) { return x }  // transpose by the identity -> x
    if let c = constant(x) {
      return constant(c, type(x).with(shape: permutation.map { type(x).shape[$0] }))
    }
    if let inner = transposed(x) {  // transpose(transpose x) -> transpose x
      return make(.transpose(permutation.map { inner.permutation[$0] }), inner.x)
    }
    if let inner = broadcast(x) {  // transpose(broadcast x) -> broadcast(transpose x)
      let places = inner.axes.map { axis in permutation.firstIndex(of: axis) ?? 0 }
      let order = places.indices.sorted { places[$0] < places[$1] }
      return make(
        .broadcast(axes: places.sorted(), shape: permutation.map { inner.shape[$0] }),
        make(.transpose(order), inner.x))
    }
    return transposeOfDot(x, permutation)
  }

  func reverse(_ x: ValueID, _ axis: Int) -> ValueID? {
    // reverse of equal elements, or of one -> x
    if constant(x) != nil || type(x).shape[axis] == 1 { return x }
    if case .reverse(axis)? = kind(x) { return operands(x)[0] }  // reverse(reverse x) -> x
    if let inner = broadcast(x) {
      // reverse(broadcast along axis) -> x
      guard let own = inner.axes.firstIndex(of: axis) else { return x }
      return make(.broadcast(axes: inner.axes, shape: inner.shape), make(.reverse(axis: own), inner.x))
    }
    return nil
  }

  func reversePrefix(_ x: ValueID, _ lengths: ValueID, _ axis: Int) -> ValueID? {
    if constant(x) != nil || type(x).shape[axis] == 1 { return x }
    // reverse_prefix(reverse_prefix x) -> x
    if case .reversePrefix(axis)? = kind(x), operands(x)[1] == lengths { return operands(x)[0] }
    // reverse_prefix(broadcast along axis) -> x
    if let inner = broadcast(x), !inner.axes.contains(axis) { return x }
    return nil
  }

  func slice(_ x: ValueID, _ axis: Int, _ start: Int, _ count: Int, _ anchor: Anchor) -> ValueID? {
    let extent = type(x).shape[axis]
    if extent == .fixed(count) { return x }  // slice of everything -> x
    if anchor == .back, let extent = extent.fixed {  // count from the front where the end is known
      return make(.slice(axis: axis, start: extent - start - count, count: count, anchor: .front), x)
    }
    if let c = constant(x) {
      var shape = type(x).shape
      shape[axis] = .fixed(count)
      return constant(c, type(x).with(shape: shape))
    }
    return sliceOfSlice(x, axis, start, count, anchor) ?? sliceOfPad(x, axis, start, count, anchor)
      ?? sliceOfOther(x, axis, start, count, anchor)
  }

  /// `slice(slice x) -> slice x`.
  private func sliceOfSlice(
    _ x: ValueID, _ axis: Int, _ start: Int, _ count: Int, _ anchor: Anchor
  ) -> ValueID? {
    guard case .slice(axis, let outerStart, let outerCount, let outerAnchor)? = kind(x) else { return nil }
    let whole = outerAnchor == .front ? outerStart + start : outerStart + outerCount - start - count
    return make(.slice(axis: axis, start: whole, count: count, anchor: outerAnchor), operands(x)[0])
  }

  private func sliceOfPad(
    _ x: ValueID, _ axis: Int, _ start: Int, _ count: Int, _ anchor: Anchor
  ) -> ValueID? {
    guard case .pad(let padded, let place, let to, let padAnchor)? = kind(x) else { return nil }
    let source = operands(x)[0]
    if padded != axis {  // slice(pad(x, i), j) -> pad(slice(x, j), i)
      let inner = make(.slice(axis: axis, start: start, count: count, anchor: anchor), source)
      return make(.pad(axis: padded, start: place, to: to, anchor: padAnchor), inner)
    }
    guard padAnchor == anchor, let width = type(source).shape[axis].fixed else { return nil }
    if start >= place, start + count <= place + width {  // slice(pad x) -> slice x
      return make(.slice(axis: axis, start: start - place, count: count, anchor: anchor), source)
    }
    if start + count <= place || start >= place + width {  // slice of the zeros of a pad -> 0
      var shape = type(x).shape
      shape[axis] = .fixed(count)
      return constant(0, type(x).with(shape: shape))
    }
    return nil
  }

  private func sliceOfOther(
    _ x: ValueID, _ axis: Int, _ start: Int, _ count: Int, _ anchor: Anchor
  ) -> ValueID? {
    if case .concat(axis)? = kind(x) { return sliceOfConcat(x, axis, start, count) }
    if case .reverse(axis)? = kind(x) {  // slice(reverse x) -> reverse(slice x), counted from the other end
      let inner = make(
        .slice(axis: axis, start: start, count: count, anchor: anchor == .front ? .back : .front),
        operands(x)[0])
      return make(.reverse(axis: axis), inner)
    }
    guard let (source, axes, whole) = broadcast(x) else { return nil }
    let inner =  // slice(broadcast x) -> broadcast(slice x)
      axes.firstIndex(of: axis).map {
        make(.slice(axis: $0, start: start, count: count, anchor: anchor), source)
      } ?? source
    var shape = whole
    shape[axis] = .fixed(count)
    return make(.broadcast(axes: axes, shape: shape), inner)
  }

  /// `slice(concat(a, b, …)) -> concat` of what it covers of each.
  private func sliceOfConcat(_ whole: ValueID, _ axis: Int, _ start: Int, _ count: Int) -> ValueID? {
    let parts = operands(whole)
    let starts = starts(ofParts: parts, axis, of: whole)
    var found: [ValueID] = []
    // The last part that begins at the start of the slice or in front of it, and those behind it.
    var place = starts.partitioningIndex { $0 > start } - 1
    while place < parts.count, starts[place] < start + count {
      let offset = starts[place]
      let width = type(parts[place]).shape[axis].fixed ?? 0
      let (low, high) = (max(start, offset), min(start + count, offset + width))
      if low < high {
        found.append(
          make(.slice(axis: axis, start: low - offset, count: high - low, anchor: .front), parts[place]))
      }
      place += 1
    }
    return make(.concat(axis: axis), found)
  }

  private func starts(ofParts parts: [ValueID], _ axis: Int, of whole: ValueID) -> [Int] {
    if let known = starts[whole] { return known }
    var (found, end): ([Int], Int) = ([], 0)
    for part in parts {
      found.append(end)
      end += type(part).shape[axis].fixed ?? 0
    }
    starts[whole] = found
    return found
  }

  func pad(_ x: ValueID, _ axis: Int, _ start: Int, _ to: Dimension, _ anchor: Anchor) -> ValueID? {
    guard let width = type(x).shape[axis].fixed else { return nil }
    if to == .fixed(width) { return x }  // pad to the same extent -> x
    if anchor == .back, let extent = to.fixed {  // count from the front where the end is known
      return make(.pad(axis: axis, start: extent - start - width, to: to, anchor: .front), x)
    }
    if constant(x) == 0 {  // pad(0) -> 0
      var shape = type(x).shape
      shape[axis] = to
      return constant(0, type(x).with(shape: shape))
    }
    if case .pad(axis, let place, _, .front)? = kind(x) {  // pad(pad x) -> pad x
      let source = operands(x)[0]
      let inside = type(source).shape[axis].fixed ?? 0
      let whole = anchor == .front ? start + place : start + width - place - inside
      return make(.pad(axis: axis, start: whole, to: to, anchor: anchor), source)
    }
    return nil
  }

  func concat(_ parts: [ValueID], _ axis: Int) -> ValueID? {
    if parts.count == 1 { return parts[0] }  // concat(x) -> x
    // concat(concat(a, b), c) -> concat(a, b, c), unless it is long: a chain of such would have all parts at each link
    let count = parts.reduce(0) { $0 + (isConcat($1, axis) ? operands($1).count : 1) }
    if count > parts.count, count <= 64 {
      return make(.concat(axis: axis), parts.flatMap { isConcat($0, axis) ? operands($0) : [$0] })
    }
    var joined: [ValueID] = []
    for part in parts {
      if let last = joined.last, let both = join(last, part, axis) {
        joined[joined.count - 1] = both
      } else {
        joined.append(part)
      }
    }
    return joined.count < parts.count ? make(.concat(axis: axis), joined) : nil
  }

  private func isConcat(_ value: ValueID, _ axis: Int) -> Bool { kind(value) == .concat(axis: axis) }

  /// Two neighbours of a concatenation as one value, if they are one.
  private func join(_ a: ValueID, _ b: ValueID, _ axis: Int) -> ValueID? {
    if let c = constant(a), constant(b) == c,
      let m = type(a).shape[axis].fixed, let n = type(b).shape[axis].fixed
    {  // concat(c, c) -> c
      var shape = type(a).shape
      shape[axis] = .fixed(m + n)
      return constant(c, type(a).with(shape: shape))
    }
    if case .slice(axis, let start, let count, .front)? = kind(a),
      case .slice(axis, start + count, let more, .front)? = kind(b), operands(a) == operands(b)
    {  // concat(x[i..<j], x[j..<k]) -> x[i..<k]
      return make(.slice(axis: axis, start: start, count: count + more, anchor: .front), operands(a)[0])
    }
    if case .scatterAdd(let extent, let order)? = kind(a), kind(b) == kind(a), axis > 0,
      operands(a).count == 2, operands(b).count == 2, operands(a)[0] == operands(b)[0],
      let rows = join(operands(a)[1], operands(b)[1], type(operands(a)[0]).rank + axis - 1)
    {  // concat(scatter(ids, x), scatter(ids, y)) -> scatter(ids, concat(x, y)), if the rows are one value
      return make(.scatterAdd(extent, order: order), operands(a)[0], rows)
    }
    return nil
  }

  /// `pad x + pad y + rest -> pad(concat(x, y)) + rest` where the two stand side by side: the adjoint of a split.
  func sumOfPads(_ a: ValueID, _ b: ValueID) -> ValueID? {
    struct Piece {
      var value: ValueID
      var start: Int
      var width: Int
    }
    struct Frame: Hashable {
      var axis: Int
      var to: Int
    }
    var rest: [ValueID] = []
    var frames: [Frame: [Piece]] = [:]
    var order: [Frame] = []
    var work = [b, a]
    var count = 0
    while let term = work.popLast() {
      count += 1
      if count > 64 { return nil }
      if case (.add, let x, let y)? = binary(term), isUsedOnce(term) {
        work += [y, x]
      } else if case .pad(let axis, let start, .fixed(let to), .front)? = kind(term) {
        let source = operands(term)[0]
        let frame = Frame(axis: axis, to: to)
        if frames[frame] == nil { order.append(frame) }
        let piece = Piece(value: source, start: start, width: type(source).shape[axis].fixed ?? 0)
        frames[frame, default: []].append(piece)
      } else {
        rest.append(term)
      }
    }
    if !frames.values.contains(where: { $0.count > 1 }) { return nil }
    var hasJoined = false
    for frame in order {
      let pieces = frames[frame, default: []].sorted { $0.start < $1.start }
      var run = ArraySlice(pieces)
      while let first = run.popFirst() {
        var (parts, end) = ([first.value], first.start + first.width)
        while let next = run.first, next.start == end {
          parts.append(next.value)
          end += next.width
          run.removeFirst()
        }
        if parts.count > 1 { hasJoined = true }
        rest.append(
          make(
            .pad(axis: frame.axis, start: first.start, to: .fixed(frame.to), anchor: .front),
            make(.concat(axis: frame.axis), parts)))
      }
    }
    guard hasJoined, let first = rest.first else { return nil }
    return rest.dropFirst().reduce(first) { add($0, $1) }
  }
}

extension [Int] {
  /// The first place whose number belongs to the second part of a sorted array.
  fileprivate func partitioningIndex(where isSecond: (Int) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if isSecond(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
