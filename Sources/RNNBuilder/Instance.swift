import RNNLanguage

/// A cell with parameters of its own, which is applied to values.
///
///     let rnn = m.instance("rnn", of: gru, V, H)
///     let y = rnn(onehot(text))
public struct Instance {
  let name: String
  let scope: UnitScope

  /// Applies the cell: to sequences step by step, or to single values once.
  ///
  /// - Parameter start: the states before the first step, in place of what the cell says.
  public func callAsFunction(
    _ inputs: Value..., from start: InitialStates? = nil, fileID: String = #fileID, line: Int = #line
  ) -> Value {
    apply(inputs, start, results: 1, Place(fileID, line))[0]
  }

  /// Applies a cell of two outputs.
  public func outputs(
    _ inputs: Value..., from start: InitialStates? = nil, fileID: String = #fileID, line: Int = #line
  ) -> (Value, Value) {
    let outputs = apply(inputs, start, results: 2, Place(fileID, line))
    return (outputs[0], outputs[1])
  }

  /// Applies a cell of three outputs.
  public func outputs(
    _ inputs: Value..., from start: InitialStates? = nil, fileID: String = #fileID, line: Int = #line
  ) -> (Value, Value, Value) {
    let outputs = apply(inputs, start, results: 3, Place(fileID, line))
    return (outputs[0], outputs[1], outputs[2])
  }

  /// A parameter of the instance, or a state of it before the step, by its path such as `W` or `inner.h`.
  public subscript(path: String, fileID: String = #fileID, line: Int = #line) -> Value {
    let names = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    for name in names { scope.requireName(name, "a parameter or state", Place(fileID, line)) }
    let member = names.reduce(Expression(.name(name))) {
      Expression(.member($0, Name($1), isNext: false))
    }
    return Value(.written(member), scope)
  }

  /// The states after the latest application, for `from:` of another one, which comes before a further application.
  public var final: InitialStates {
    InitialStates(
      [Value(.written(Expression(.name(name))), scope)],
      origin: (self, after: scope.applicationCounts[name, default: 0]))
  }

  private func apply(_ inputs: [Value], _ start: InitialStates?, results: Int, _ place: Place) -> [Value] {
    let instance = Value(.written(Expression(.name(name))), scope)
    // The language says 'from: rnn', which is the latest application where it stands.
    if let (other, count) = start?.origin, other.scope.applicationCounts[other.name, default: 0] != count {
      scope.report(
        "the final states of '\(other.name)' are used after a further application of it", place,
        note: "read 'final' where it is used, or make a second instance")
    }
    scope.applicationCounts[name, default: 0] += 1
    let name = Name(name)
    let values = Value.compute([instance] + inputs + (start?.values ?? []), results: results) { operands in
      var arguments = operands.dropFirst().prefix(inputs.count).map { Argument($0) }
      let states = Array(operands.dropFirst(1 + inputs.count))
      if start != nil {
        let value = states.count == 1 ? states[0] : Expression(.tuple(states))
        arguments.append(Argument(value, label: "from"))
      }
      return .call(name, arguments)
    }
    scope.locateLatestStep(place)
    return values
  }
}

/// The states that an application starts from: `[h0, c0]`, or `rnn.final`.
public struct InitialStates: ExpressibleByArrayLiteral {
  let values: [Value]
  /// The instance whose final states they are, and the number of its applications until then.
  let origin: (instance: Instance, after: Int)?

  init(_ values: [Value], origin: (instance: Instance, after: Int)? = nil) {
    self.values = values
    self.origin = origin
  }

  /// The initial states in the order of their declaration.
  public init(arrayLiteral values: Value...) { self.init(values) }
}
