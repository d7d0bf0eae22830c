import RNNSupport

/// The order in which windows of a text become batches.
public enum SamplingOrder: String, Codable, Sendable, CaseIterable {
  /// Each row of a batch continues the same row of the batch before: state is carried through an epoch.
  case sequential
  /// Windows in shuffled order: state is zeroed before each batch.
  case random
}

/// Cuts a sequence of token ids into batches, in another way for each epoch.
///
/// What an epoch holds is a pure function of seed and epoch, so a run resumed at (epoch, batch) sees exactly the
/// batches that an uninterrupted one sees.
public struct BatchSampler: Sendable {
  /// The text.
  public let ids: [Int32]

  /// The number of rows of a batch, B.
  public let batchSize: Int

  /// The number of tokens of a row, T.
  public let steps: Int

  /// The order of windows.
  public let order: SamplingOrder

  private let seed: UInt64

  /// Makes a sampler.
  /// - Throws: `InputError` if the text does not fill one batch in every epoch.
  /// - Requires: `batchSize` and `steps` are positive.
  public init(
    ids: [Int32], batchSize: Int, steps: Int, order: SamplingOrder = .sequential, seed: UInt64
  ) throws {
    precondition(batchSize > 0 && steps > 0, "a batch needs at least one row and one step")
    // B windows of T after the largest offset, and one token more, for the last target.
    let largestOffset = order == .sequential ? steps : steps - 1
    let tokens = Int128(ids.count)
    let needed = Int128(batchSize) * Int128(steps) + Int128(largestOffset) + 1
    guard tokens >= needed else {
      throw InputError(
        "the text has \(counted(tokens, "token")), but batches of \(counted(batchSize, "row")) of "
          + "\(counted(steps, "step")) need at least \(needed)",
        note: "lower --batch or --steps, raise --max-tokens, or give more text")
    }
    self.ids = ids
    self.batchSize = batchSize
    self.steps = steps
    self.order = order
    self.seed = seed
  }

  /// The batches of one epoch.
  public func epoch(_ epoch: Int) -> Epoch {
    var stream = RandomStream(seed: seed, name: "epoch \(epoch)")
    switch order {
    case .sequential:
      // The text after the offset, cut in B rows of equal length.
      let offset = stream.integer(below: steps + 1)
      let rowLength = (ids.count - offset - 1) / batchSize
      let starts = (0..<batchSize).map { offset + $0 * rowLength }
      return Epoch(sampler: self, count: rowLength / steps, starts: starts)
    case .random:
      let offset = stream.integer(below: steps)
      let windows = (ids.count - offset - 1) / steps
      var starts = (0..<windows).map { offset + $0 * steps }
      stream.shuffle(&starts)
      return Epoch(sampler: self, count: windows / batchSize, starts: starts)
    }
  }

  /// The batches of one epoch, by index.
  public struct Epoch: Sendable {
    private let sampler: BatchSampler

    /// The number of batches; at least one.
    public let count: Int

    /// Sequential: where each row begins. Random: where each window begins, in the epoch's order.
    private let starts: [Int]

    fileprivate init(sampler: BatchSampler, count: Int, starts: [Int]) {
      (self.sampler, self.count, self.starts) = (sampler, count, starts)
    }

    /// The number of tokens that each batch predicts.
    public var tokensPerBatch: Int { sampler.batchSize * sampler.steps }

    /// Whether state is zeroed before a batch, instead of carried over from the batch before.
    public func startsAfresh(_ batch: Int) -> Bool { sampler.order == .random || batch == 0 }

    /// Writes a batch in time-major order `[T, B]`: `targets` is the text one token after `inputs`.
    /// - Requires: `batch` is below `count`, and each buffer has T · B elements.
    public func write(
      _ batch: Int, inputs: UnsafeMutableBufferPointer<Int32>, targets: UnsafeMutableBufferPointer<Int32>
    ) {
      precondition((0..<count).contains(batch), "batch \(batch) of \(count)")
      let (rows, steps) = (sampler.batchSize, sampler.steps)
      precondition(inputs.count == rows * steps && targets.count == rows * steps, "buffers of another size")
      for row in 0..<rows {
        let start =
          switch sampler.order {
          case .sequential: starts[row] + batch * steps
          case .random: starts[batch * rows + row]
          }
        for step in 0..<steps {
          inputs[step * rows + row] = sampler.ids[start + step]
          targets[step * rows + row] = sampler.ids[start + step + 1]
        }
      }
    }

    /// Writes a batch into tensors that an earlier batch used.
    public func write(_ batch: Int, into tokens: inout TokenBatch) {
      tokens.startsAfresh = startsAfresh(batch)
      tokens.inputs.withUnsafeMutableBytes { inputs in
        tokens.targets.withUnsafeMutableBytes { targets in
          write(
            batch, inputs: inputs.assumingMemoryBound(to: Int32.self),
            targets: targets.assumingMemoryBound(to: Int32.self))
        }
      }
    }

    /// The batches from an index on.
    public func batches(from first: Int = 0) -> some Sequence<TokenBatch> {
      (first..<max(first, count)).lazy.map { index in
        var tokens = TokenBatch(batchSize: sampler.batchSize, steps: sampler.steps)
        write(index, into: &tokens)
        return tokens
      }
    }
  }
}

/// One batch of a text: ids to read and ids to predict.
public struct TokenBatch: Sendable {
  /// The ids to read, `i32[T, B]`.
  public internal(set) var inputs: Tensor

  /// The ids to predict, `i32[T, B]`: those one token later.
  public internal(set) var targets: Tensor

  /// Whether state is zeroed before this batch, instead of carried over from the batch before.
  public internal(set) var startsAfresh = true

  /// Makes a batch of zeros, to be written to.
  public init(batchSize: Int, steps: Int) {
    inputs = Tensor(.i32, shape: [steps, batchSize])
    targets = Tensor(.i32, shape: [steps, batchSize])
  }
}

extension TextCorpus {
  /// Cuts the text into batches.
  /// - Throws: `InputError` if the text does not fill one batch.
  public func batches(
    _ batchSize: Int, steps: Int, order: SamplingOrder = .sequential, seed: UInt64
  ) throws -> BatchSampler {
    try BatchSampler(ids: ids, batchSize: batchSize, steps: steps, order: order, seed: seed)
  }
}
