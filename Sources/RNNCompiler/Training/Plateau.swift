/// Lowers the learning rate when the loss has stopped to fall.
///
/// The rule is that of PyTorch's `ReduceLROnPlateau` with its defaults: an epoch is good if its loss is below the best
/// one by one part in ten thousand; after more than `patience` others in a row, the rate is multiplied by `factor`.
struct Plateau {
  let factor: Double
  let patience: Int

  /// The least loss of an epoch.
  private var best = Double.greatestFiniteMagnitude
  /// The epochs in a row that were not good.
  private var badEpochs = 0
  /// What the learning rate is multiplied by.
  private(set) var scale = 1.0

  init(factor: Double, patience: Int) {
    self.factor = factor
    self.patience = patience
  }

  mutating func endEpoch(loss: Double) {
    if loss < best * (1 - 1e-4) {
      best = loss
      badEpochs = 0
    } else {
      badEpochs += 1
    }
    if badEpochs > patience {
      scale *= factor
      badEpochs = 0
    }
  }

  /// The name under which a checkpoint keeps it, beside what the optimiser keeps.
  static let name = "plateau"

  /// What changes in a run, as a checkpoint keeps it: `f64[3]`.
  var tensor: Tensor {
    get { Tensor([best, Double(badEpochs), scale]) }
    set {
      guard let numbers = try? newValue.values(as: Double.self), numbers.count == 3 else { return }
      best = numbers[0]
      badEpochs = Int(exactly: numbers[1]) ?? 0
      scale = numbers[2]
    }
  }
}
