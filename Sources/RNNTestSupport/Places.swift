import RNNGraph

/// The text of a graph without the equations that its values come from.
public func withoutPlaces(_ text: String) throws -> String {
  try Graph(parsing: text).text(withPlaces: false)
}
