import RNNGraph

/// Why training cannot learn a parameter, although the model is right.
public enum TrainingFault: Sendable, Hashable {
  /// The loss does not depend on it.
  case unused
  /// The loss depends on it only through operations without a derivative.
  case blocked
  /// The loss is a constant plus what grows with this power of the parameter, whatever the data.
  case scaling(power: Double)
}

extension Graph {
  /// The parameters that training cannot learn, by their names; none if there is no loss.
  public func trainingFaults() -> [String: TrainingFault] {
    guard let loss = loss?.value else { return [:] }
    let parameters = inputs.filter(\.isParameter)
    let derivatives = Activity(of: self, from: [], to: loss)
    let values = Activity(of: self, from: [], to: loss, flow: .values)
    let scaling = Scaling(of: self, to: loss, derivatives)
    var faults: [String: TrainingFault] = [:]
    // Each candidate takes a walk over the graph: a large model has many only if it is linear as a whole.
    var candidates = 30
    for parameter in parameters {
      if !values.isMattering(parameter.value) {
        faults[parameter.name] = .unused
      } else if !derivatives.isMattering(parameter.value) {
        faults[parameter.name] = .blocked
      } else if candidates > 0, scaling.isCandidate(parameter.value) {
        candidates -= 1
        faults[parameter.name] = scaling.power(of: parameter.value).map { .scaling(power: $0) }
      }
    }
    return faults
  }

  /// Where operations without a derivative come from that stand between some parameters and the loss: the first ones
  /// on each way, in the order of the graph.
  public func sitesWithoutDerivative(behind parameters: Set<String>) -> [String] {
    guard let loss = loss?.value else { return [] }
    let start = inputs.filter { parameters.contains($0.name) }.map(\.value)
    let derivatives = Activity(of: self, from: start, to: loss)
    let values = Activity(of: self, from: start, to: loss, flow: .values)
    var sites: [String] = []
    for operation in reachableRegions.flatMap({ self[$0].operations }).map({ self[$0] }) {
      if case .scan = operation.kind { continue }
      guard let site = operation.site, !sites.contains(site), values.isMattering(operation.result),
        !derivatives.isVarying(operation.result), operation.operands.contains(where: derivatives.isVarying)
      else { continue }
      sites.append(site)
    }
    return sites
  }
}

extension Input {
  fileprivate var isParameter: Bool { if case .parameter = role { true } else { false } }
}
