import RNNGraph

// The numbers that a model is trained for and measured by: means over steps and examples.
extension ModelLowering {
  /// A mean, by how much a batch counts in that over several, and what it is a mean over.
  private struct Mean {
    var value: ValueID
    /// The sum of the weights; nil if each step and example counts 1.
    var weight: ValueID?
    var over: [Symbol]
  }

  /// Adds the loss and its parts, the accuracy if the loss is a cross-entropy, and the measures.
  func addMeans(_ body: BodyLowering) {
    let means = model.losses.map { loss in
      builder.at(model.nodes[loss.node.index].places) { mean(of: loss, body) }
    }
    if let first = means.first {
      var total = first
      builder.at(model.nodes[model.losses[0].node.index].places) {
        for mean in means.dropFirst() {
          total.value = builder.add(total.value, mean.value)
          // Parts that are means over other things: what all have in common counts.
          total.over = total.over.filter(mean.over.contains)
        }
      }
      // Weights are the same if they are the same value.
      let weights = Set(model.losses.map(\.weights))
      if weights.count > 1 || Set(means.map(\.over)).count > 1 { total.weight = nil }
      add(total, "loss", role: .loss)
    }
    for (loss, mean) in zip(model.losses, means) {
      if let name = loss.name { add(mean, name, role: .term) }
    }
    for measure in model.measures {
      builder.at(model.nodes[measure.node.index].places) {
        add(mean(of: measure, body), measure.name ?? "measure", role: .metric)
      }
    }
    guard let loss = model.losses.first, builder.graph.output(named: "accuracy") == nil else { return }
    builder.at(model.nodes[loss.node.index].places) {
      guard let (value, weights) = body.correctness(of: model.losses) else { return }
      add(mean(of: value, weights, body), "accuracy", role: .metric)
    }
  }

  private func add(_ mean: Mean, _ name: String, role: OutputRole) {
    builder.graph.addOutput(name, role: role, mean.value, over: mean.over)
    if let weight = mean.weight {
      // No state of an instance can have such a name.
      builder.graph.addOutput("\(name)@weight", role: .weight(of: name), weight)
    }
  }

  private func mean(of item: CheckedMean, _ body: BodyLowering) -> Mean {
    let steps = item.nodes.map { model.type($0).extent }.max { body.lead($0).count < body.lead($1).count }
    let lead = body.lead(steps ?? .constant)
    let value = builder.conform(body[item.node], to: Axes(lead: lead, own: []), element)
    return mean(of: value, item.weights, body)
  }

  /// The mean of a value at the steps and examples that it has, which are those of the weights.
  private func mean(of value: ValueID, _ weights: NodeID?, _ body: BodyLowering) -> Mean {
    let lead = builder.type(value).shape
    let over = lead.compactMap(\.symbol)
    let lengths = lead.first?.symbol.flatMap { surroundings.lengths[$0] }
    guard let weights else {
      let mean =
        lengths.map { builder.meanOverValidSteps(value, lengths: $0) } ?? builder.meanOverSymbols(value)
      return Mean(value: mean, weight: nil, over: over)
    }
    var weight = builder.conform(body[weights], to: Axes(lead: lead, own: []), element)
    if let lengths { weight = builder.masked(weight, lengths: lengths) }
    let (mean, total) = builder.weightedMean(value, weight)
    return Mean(value: mean, weight: total, over: over)
  }
}

extension GraphBuilder {
  /// Σ w x / Σ w and Σ w over all elements; what has no weight is left out, whatever it is, and the mean of nothing is 0.
  fileprivate func weightedMean(_ x: ValueID, _ weights: ValueID) -> (mean: ValueID, total: ValueID) {
    let zero = constant(0, like: weights)
    let products = select(compare(.equal, weights, zero), zero, multiply(weights, x))
    let axes = Array(type(x).shape.indices)
    let (sum, total) = (reduce(.sum, products, axes: axes), reduce(.sum, weights, axes: axes))
    let isNone = compare(.equal, total, constant(0, like: total))
    let mean = divide(sum, select(isNone, constant(1, like: total), total))
    return (select(isNone, constant(0, like: total), mean), total)
  }
}
