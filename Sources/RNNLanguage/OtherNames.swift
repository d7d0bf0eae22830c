/// What other programs call the parameters of one instance, by the `as` of its cell's declarations.
public struct OtherNames: Hashable, Sendable {
  /// A parameter with another name.
  public struct Parameter: Hashable, Sendable {
    /// What other programs call it, as in `weight_ih`.
    public let name: String
    /// Its path in the model, as in `rnn.W`.
    public let path: String
  }

  /// The path of the instance in the model; empty for the model itself.
  public let instance: String
  /// Whether the instance has states.
  public let isRecurrent: Bool
  /// Its own parameters that have other names, in the order of their declaration.
  public let parameters: [Parameter]

  /// Collects the parts.
  public init(instance: String, isRecurrent: Bool, parameters: [Parameter]) {
    self.instance = instance
    self.isRecurrent = isRecurrent
    self.parameters = parameters
  }
}

extension CheckedCell {
  /// The other names in this cell, which stands at `path`, and then in its instances.
  func otherNames(path: String) -> [OtherNames] {
    let prefix = path.isEmpty ? "" : path + "."
    let own = parameters.compactMap { parameter in
      parameter.otherName.map { OtherNames.Parameter(name: $0, path: prefix + parameter.name) }
    }
    let names = OtherNames(instance: path, isRecurrent: !states.isEmpty, parameters: own)
    return (own.isEmpty ? [] : [names])
      + instances.flatMap { $0.cell.otherNames(path: prefix + $0.name) }
  }
}
