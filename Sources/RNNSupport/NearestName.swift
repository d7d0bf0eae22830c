/// The candidate that `name` was most likely meant to be, or nil if none is close.
///
/// Close means an edit distance (insertions, deletions, replacements, swaps of neighbours) of at most a third
/// of the length, at least 1; a difference in case alone always counts. Ties go to the first in sorted order.
public func nearestName(to name: String, among candidates: some Sequence<String>) -> String? {
  let limit = max(1, name.count / 3)
  let (lowercased, length) = (name.lowercased(), name.count)
  let characters = Array(name)
  var best: (distance: Int, name: String)?
  for candidate in candidates where candidate != name {
    let distance =
      candidate.lowercased() == lowercased ? 0 : editDistance(characters, Array(candidate), limit: limit)
    guard distance <= limit, distance < max(length, candidate.count) else { continue }
    if let best, (best.distance, best.name) <= (distance, candidate) { continue }
    best = (distance, candidate)
  }
  return best?.name
}

/// The edit distance of two strings with swaps of neighbours, or `limit + 1` if it exceeds `limit`.
private func editDistance(_ left: [Character], _ right: [Character], limit: Int) -> Int {
  guard abs(left.count - right.count) <= limit else { return limit + 1 }
  guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
  var beforeLast = [Int](repeating: 0, count: right.count + 1)
  var last = Array(0...right.count)
  for i in 1...left.count {
    var row = [i] + [Int](repeating: 0, count: right.count)
    for j in 1...right.count {
      let replaced = last[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1)
      row[j] = min(replaced, last[j] + 1, row[j - 1] + 1)
      if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] {
        row[j] = min(row[j], beforeLast[j - 2] + 1)
      }
    }
    (beforeLast, last) = (last, row)
  }
  return min(last[right.count], limit + 1)
}
