// Note [Reduction]: a file that shows a fault is made small by delta debugging (Zeller and Hildebrandt, 2002), with edits in place of
// deleted lines. There are several stages: each lists all edits of one kind, such as "this output goes" or "this operation
// is its first operand". A stage first tries all of its n edits at once, then halves, quarters and so on down to single
// ones, and keeps each part with which the result is still interesting. It tries 2n candidates at most; stages start
// again until none of them finds anything.
//
// A candidate is tried only if it is well-formed and costs less than the best one so far. The cost is a whole number, so
// the reduction ends.

/// Something that edits make smaller.
protocol Reducible {
  /// A change that makes it smaller, if it fits.
  associatedtype Edit

  /// What is written to a file.
  var text: String { get }
  /// How large it is; less is better.
  var cost: Int { get }
  /// The number of kinds of edits, those that take away most first.
  static var stages: Int { get }
  /// All edits of a kind.
  func edits(stage: Int) -> [Edit]
  /// The result of some edits together; nil if it is not well-formed.
  func applying(_ edits: [Edit]) -> Self?
}

/// Makes something smaller as long as it stays interesting.
struct Reducer<Document: Reducible> {
  /// The smallest interesting document so far.
  private(set) var best: Document
  /// The number of candidates that were looked at.
  private(set) var tries = 0
  private let isInteresting: (Document) throws -> Bool
  private let shouldStop: () -> Bool
  private let progress: (Document, _ tries: Int) -> Void

  /// - Parameters:
  ///   - start: is interesting.
  ///   - shouldStop: whether the best one so far is wanted at once.
  init(
    _ start: Document, isInteresting: @escaping (Document) throws -> Bool,
    shouldStop: @escaping () -> Bool = { false },
    progress: @escaping (Document, _ tries: Int) -> Void = { _, _ in }
  ) {
    best = start
    self.isInteresting = isInteresting
    self.shouldStop = shouldStop
    self.progress = progress
  }

  /// Reduces until no single edit leaves it interesting, or it should stop.
  mutating func run() throws {
    var before: Int
    repeat {
      before = best.cost
      for stage in 0..<Document.stages { try run(stage: stage) }
    } while best.cost < before && !shouldStop()
  }

  private mutating func run(stage: Int) throws {
    let start = best
    var kept: [Document.Edit] = []
    var open = start.edits(stage: stage)
    var size = open.count
    while size > 0, !shouldStop() {
      var place = 0
      while place < open.count, !shouldStop() {
        let end = min(place + size, open.count)
        let edits = kept + open[place..<end]
        if let candidate = start.applying(edits), candidate.cost < best.cost, try isKept(candidate) {
          best = candidate
          kept = edits
          open.removeSubrange(place..<end)
        } else {
          place = end
        }
      }
      size = size > open.count ? open.count : size / 2
    }
  }

  private mutating func isKept(_ candidate: Document) throws -> Bool {
    tries += 1
    progress(best, tries)
    return try isInteresting(candidate)
  }
}
