import Foundation

/// Writes checkpoints of a run: at its end, in between every so often, and what is left of it if it fails.
///
/// Numbers that are not finite are never written: a run that diverged leaves the last epoch that went well.
public struct CheckpointWriter {
  /// The file.
  public let path: String
  /// Epochs between two checkpoints; nil for time alone.
  public let everyEpochs: Int?
  /// Seconds between two checkpoints.
  public let everySeconds: Double

  private var lastWritten = ContinuousClock.now
  /// The step after which the checkpoint in the file was made, if this writer wrote it.
  private var writtenStep: Int?
  /// The run after its last epoch, if that is not in the file yet.
  private var lastEpoch: Checkpoint?

  /// Chooses when to write.
  ///
  /// - Throws: `InputError` if the file cannot be written where it is wanted; nothing is written yet.
  public init(path: String, everyEpochs: Int? = nil, everySeconds: Double = 60) throws {
    self.path = path
    self.everyEpochs = everyEpochs
    self.everySeconds = everySeconds
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
      if isFolder.boolValue { throw InputError("cannot write checkpoint '\(path)': it is a folder") }
    } else {
      let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
      guard FileManager.default.isWritableFile(atPath: folder) else {
        let exists = FileManager.default.fileExists(atPath: folder)
        throw InputError(
          "cannot write checkpoint '\(path)': its folder \(exists ? "is not writable" : "does not exist")")
      }
    }
  }

  /// Writes the run's checkpoint now.
  ///
  /// - Throws: `InputError` if it cannot be written, or the run diverged.
  public mutating func write(_ run: TrainingRun) throws {
    try write(run.soundCheckpoint())
  }

  /// Writes at the end of a run or when it was stopped, and gives whether it did: a run that was stopped before its
  /// first batch must not take the place of an older checkpoint.
  public mutating func finish(_ run: TrainingRun) throws -> Bool {
    guard run.isComplete || run.stepsDone > 0 else { return false }
    try write(run)
    return true
  }

  /// Writes if enough time has passed; for calls after each batch.
  public mutating func batchDone(_ run: TrainingRun) throws {
    if (ContinuousClock.now - lastWritten).seconds >= everySeconds { try write(run) }
  }

  /// Writes if enough epochs have passed, and else remembers the run as it is; for calls after each epoch.
  public mutating func epochDone(_ run: TrainingRun) throws {
    guard !run.isComplete else { return }
    if let everyEpochs, run.position.epoch % everyEpochs == 0 {
      try write(run)
    } else {
      lastEpoch = try run.soundCheckpoint()
    }
  }

  /// Writes the run as it was after its last epoch, if that is not done yet, when it has failed.
  ///
  /// - Returns: the error, with a note on what the file holds now.
  public mutating func failed(_ error: InputError) -> InputError {
    if let lastEpoch { try? write(lastEpoch) }
    let note =
      writtenStep.map { "'\(path)' holds the run as it was after step \($0)" }
      ?? "'\(path)' is as it was before: no epoch went well"
    return InputError(error.message, notes: error.notes + [note])
  }

  private mutating func write(_ checkpoint: Checkpoint) throws {
    try checkpoint.write(toFile: path)
    lastWritten = ContinuousClock.now
    lastEpoch = nil
    writtenStep = checkpoint.metadata.position.step
  }
}

extension TrainingRun {
  /// The run at rest.
  ///
  /// - Throws: `InputError` if the run has diverged: one of its numbers may not be finite although the loss was.
  fileprivate func soundCheckpoint() throws -> Checkpoint {
    func diverged(_ what: String) -> InputError {
      InputError(
        "\(what) after step \(position.step): the training diverged",
        note: "lower --lr, or bound the gradient with --clip")
    }
    if hasDiverged { throw diverged("there is nothing to keep") }
    let checkpoint = checkpoint()
    let parts = [
      checkpoint.latestParameters ?? checkpoint.parameters, checkpoint.optimizerState,
      checkpoint.recurrentState,
    ]
    for (name, tensor) in parts.flatMap({ $0.sorted { $0.key < $1.key } }) {
      guard let (value, place) = tensor.firstNonFinite else { continue }
      throw diverged("tensor '\(name)' holds \(value) at \(place)")
    }
    return checkpoint
  }
}
