import Foundation

/// Writes checkpoints of a run: at its end, and in between every so often.
public struct CheckpointWriter {
  /// The file.
  public let path: String
  /// Epochs between two checkpoints; nil for time alone.
  public let everyEpochs: Int?
  /// Seconds between two checkpoints.
  public let everySeconds: Double

  private var lastWritten = ContinuousClock.now

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
  public mutating func write(_ run: TrainingRun) throws {
    try run.checkpoint().write(toFile: path)
    lastWritten = ContinuousClock.now
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

  /// Writes if enough epochs have passed; for calls after each epoch.
  public mutating func epochDone(_ run: TrainingRun) throws {
    if let everyEpochs, run.position.epoch % everyEpochs == 0, !run.isComplete { try write(run) }
  }
}
