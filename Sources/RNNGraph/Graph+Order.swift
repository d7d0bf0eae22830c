extension Graph {
  /// Calls `finish` for a value and all that it needs, directly or not, each behind what it needs itself.
  ///
  /// The order is that of a recursion, but graphs may be deeper than a thread's stack.
  ///
  /// - Parameters:
  ///   - isDone: whether nothing is to be done for a value; true once it has been finished.
  ///   - needs: what has to be done before a value.
  public static func visit(
    _ value: ValueID, isDone: (ValueID) -> Bool, needs: (ValueID) -> [ValueID], finish: (ValueID) -> Void
  ) {
    if isDone(value) { return }
    var open: [(value: ValueID, needs: [ValueID], next: Int)] = [(value, needs(value), 0)]
    while let (value, wanted, next) = open.last {
      if next == wanted.count {
        finish(value)
        open.removeLast()
      } else {
        open[open.count - 1].next += 1
        if !isDone(wanted[next]) { open.append((wanted[next], needs(wanted[next]), 0)) }
      }
    }
  }
}
