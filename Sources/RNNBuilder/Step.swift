import RNNLanguage

/// What a closure did, one thing after the other.
struct Step {
  enum Kind {
    /// Declared a parameter, an input and the like.
    case declaration(Statement.Kind)
    /// Made an instance.
    case instance(String, of: Cell, [Argument])
    /// Computed values; a result has a name if the user gave it one.
    case operation([Value.Term], results: [String?], ([Expression]) -> Expression.Kind)
    /// Did something with values: assigned a state, put values out, said what the loss is.
    case action([Value.Term], ([Expression]) -> Statement.Kind)
  }

  var kind: Kind
  var place: Place?

  init(_ kind: Kind, _ place: Place?) {
    self.kind = kind
    self.place = place
  }
}

/// A statement of a cell or model, and where it was made.
struct PlacedStatement: Sendable {
  enum Content: Sendable {
    case plain(Statement.Kind)
    /// Makes an instance of a cell, whose name may not be the same in every listing.
    case instance(String, of: Cell, [Argument])
  }

  let content: Content
  let place: Place?
}
