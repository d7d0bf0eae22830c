/// Something to tell the user about what they wrote: a fault of theirs, never of the compiler.
public struct Diagnostic: Hashable, Sendable {
  /// How grave it is.
  public enum Level: String, Hashable, Sendable {
    case error
    case warning
  }

  /// A remark that belongs to a diagnostic: what would fit, or what it clashes with.
  public struct Note: Hashable, Sendable {
    /// Lower-case, without a full stop.
    public let message: String
    /// The place it speaks of, if it is another one.
    public let site: SourceRange?

    /// Makes a note.
    public init(_ message: String, at site: SourceRange? = nil) {
      self.message = message
      self.site = site
    }
  }

  /// The kind of fault, such as `unknown-name`; it stays the same when the wording changes.
  public let id: String
  /// How grave it is.
  public let level: Level
  /// Lower-case, without a full stop.
  public let message: String
  /// The place of the fault.
  public let site: SourceRange?
  /// What would fit, and what it clashes with.
  public let notes: [Note]

  /// Makes an error, or a warning when `level` says so.
  public init(
    _ id: String, _ message: String, at site: SourceRange?, level: Level = .error, notes: [Note] = []
  ) {
    self.id = id
    self.level = level
    self.message = message
    self.site = site
    self.notes = notes
  }

  /// The same diagnostic with more notes after its own.
  public func adding(_ more: [Note]) -> Diagnostic {
    Diagnostic(id, message, at: site, level: level, notes: notes + more)
  }
}

/// The diagnostics of a run, each fault of a place once, in the order of the text.
///
/// It holds the first `limit` errors and as many warnings, and counts the rest.
public struct DiagnosticSet: Sendable {
  private struct Key: Hashable {
    let id: String
    let site: SourceRange?
    let message: String?
  }

  /// The number of errors, and of warnings, that are kept.
  public static let limit = 100

  private var keys: Set<Key> = []
  private var fileRanks: [ObjectIdentifier: Int] = [:]
  private var reported: [Diagnostic] = []
  private var counts: [Diagnostic.Level: Int] = [:]
  /// How many diagnostics were left out.
  private(set) var omitted: [Diagnostic.Level: Int] = [:]

  /// Makes an empty set.
  public init() {}

  /// Adds a diagnostic, unless the same fault was already reported at the same place.
  public mutating func report(_ diagnostic: Diagnostic) {
    let key = Key(
      id: diagnostic.id, site: diagnostic.site, message: diagnostic.site == nil ? diagnostic.message : nil)
    guard keys.insert(key).inserted else { return }
    guard counts[diagnostic.level, default: 0] < Self.limit else {
      omitted[diagnostic.level, default: 0] += 1
      return
    }
    counts[diagnostic.level, default: 0] += 1
    reported.append(diagnostic)
    if let file = diagnostic.site.map({ ObjectIdentifier($0.file) }), fileRanks[file] == nil {
      fileRanks[file] = fileRanks.count
    }
  }

  /// Adds every diagnostic of `other`.
  public mutating func report(_ other: DiagnosticSet) {
    for diagnostic in other.reported { report(diagnostic) }
    omitted.merge(other.omitted, uniquingKeysWith: +)
  }

  /// Whether an error of this kind would be kept: for notes that take time to find.
  public func wantsError(_ id: String, at site: SourceRange) -> Bool {
    counts[.error, default: 0] < Self.limit && !keys.contains(Key(id: id, site: site, message: nil))
  }

  /// Whether nothing was reported.
  public var isEmpty: Bool { reported.isEmpty }

  /// Whether at least one error was reported.
  public var hasErrors: Bool { counts[.error] != nil }

  /// All diagnostics: those without a place first, then file by file in the order of the text.
  public var sorted: [Diagnostic] {
    func key(_ diagnostic: Diagnostic) -> (Int, Int, Int) {
      guard let site = diagnostic.site else { return (-1, 0, 0) }
      return (fileRanks[ObjectIdentifier(site.file)] ?? 0, site.start, site.end)
    }
    return reported.enumerated()
      .sorted { left, right in
        let (a, b) = (key(left.element), key(right.element))
        return a == b ? left.offset < right.offset : a < b
      }
      .map(\.element)
  }

  /// Throws a `DiagnosticError` if an error was reported.
  public func throwIfErrors() throws(DiagnosticError) {
    if hasErrors { throw DiagnosticError(self) }
  }
}

/// The user's input is wrong; at least one diagnostic says where and why.
public struct DiagnosticError: Error, Sendable, CustomStringConvertible {
  /// All diagnostics of the run, warnings included.
  public let diagnostics: DiagnosticSet

  /// Wraps the diagnostics of a run that failed.
  public init(_ diagnostics: DiagnosticSet) { self.diagnostics = diagnostics }

  /// Wraps a single diagnostic.
  public init(_ diagnostic: Diagnostic) {
    var set = DiagnosticSet()
    set.report(diagnostic)
    diagnostics = set
  }

  /// The rendered diagnostics.
  public var description: String { diagnostics.rendered() }
}
