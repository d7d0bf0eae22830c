import RNNGraph
import RNNSupport

/// Parameters of a model that a message speaks of together: those of an instance, or a single one.
public struct ParameterGroup: Sendable {
  /// What it is called in a message, such as `parameter 'W'` or `cell 'rnn'`.
  public let name: String
  /// Where the user's source declares it; nil of a graph.
  public let site: SourceRange?
  /// The paths of the parameters.
  public let parameters: Set<String>
}

extension LoweredModel {
  /// The largest instances that have none but some of the model's parameters, and the others of these one by one.
  public func groups(of parameters: Set<String>) -> [ParameterGroup] {
    model?.groups(of: parameters, path: "", usersSite: nil)
      ?? parameters.sorted().map {
        ParameterGroup(name: "parameter '\($0)'", site: nil, parameters: [$0])
      }
  }

  /// The place of the source that an operation of the graph names, and came from without a derivative.
  public func placeWithoutDerivative(_ site: String) -> SourceRange? {
    var found: SourceRange?
    var visited: Set<ObjectIdentifier> = []
    var cells = [model].compactMap { $0 }
    while let cell = cells.popLast() {
      guard visited.insert(ObjectIdentifier(cell)).inserted else { continue }
      for node in cell.nodes where node.operation.lacksDerivative && node.places.first?.site == site {
        found = node.site
      }
      cells += cell.instances.map(\.cell)
    }
    return found
  }
}

extension CheckedCell {
  /// - Parameter usersSite: the instance of the user's source that holds this cell, if it is of the library.
  fileprivate func groups(of wanted: Set<String>, path: String, usersSite: SourceRange?) -> [ParameterGroup] {
    var groups: [ParameterGroup] = []
    for parameter in parameters where wanted.contains(path + parameter.name) {
      let name = path + parameter.name
      groups.append(
        ParameterGroup(
          name: "parameter '\(name)'", site: usersSite ?? parameter.site, parameters: [name]))
    }
    for instance in instances {
      let inner = "\(path)\(instance.name)."
      let all = instance.cell.parameterPaths(inner)
      let site = usersSite ?? instance.site
      if !all.isEmpty, all.allSatisfy(wanted.contains) {
        groups.append(ParameterGroup(name: "cell '\(inner.dropLast())'", site: site, parameters: Set(all)))
      } else {
        groups += instance.cell.groups(
          of: wanted, path: inner, usersSite: instance.cell.isLibrary ? site : nil)
      }
    }
    return groups
  }
}

extension CheckedOperation {
  /// Whether it gives what does not vary with its operands, or not with all of them.
  fileprivate var lacksDerivative: Bool {
    switch self {
    case .compare, .notEqual, .argmax, .oneHot, .lookup, .surrogate(.stop), .surrogate(.straightThrough): true
    case .unary(let function): function.traits.contains(.flat)
    case .literal, .parameter, .input, .state, .binary, .surrogate(.clip), .select, .product, .transpose,
      .outer, .tile,
      .reshape, .along, .slice, .element, .concat, .crossEntropy, .squaredError, .draw, .training, .gradient,
      .last,
      .total,
      .reverse,
      .softmaxOverSteps, .repeated, .apply, .result, .nextState, .each:
      false
    }
  }
}
