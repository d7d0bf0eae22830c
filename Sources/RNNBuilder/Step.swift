import RNNLanguage

/// What a closure did, one thing after the other.
struct Step {
  enum Kind {
    /// Declared a parameter, an input and the like.
    case declaration(Statement.Kind)
    /// Made an instance.
    case instance(MadeInstance)
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

/// An instance of a cell.
struct MadeInstance: Sendable {
  let name: String
  let cell: Cell
  /// The cell's sizes.
  let arguments: [Argument]
  /// The numbers of copies side by side, outermost first; none of the cell alone.
  let heads: [Expression]

  /// What makes it in the language, if the cell has this name.
  func expression(cellName: String) -> Expression {
    heads.reversed().reduce(Expression(.call(Name(cellName), arguments))) { made, count in
      Expression(.call(Name(Words.copier), [Argument(count), Argument(made)]))
    }
  }
}

/// A statement of a cell or model, and where it was made.
struct PlacedStatement: Sendable {
  enum Content: Sendable {
    case plain(Statement.Kind)
    /// Makes an instance of a cell, whose name may not be the same in every listing.
    case instance(MadeInstance)
  }

  let content: Content
  let place: Place?
}
