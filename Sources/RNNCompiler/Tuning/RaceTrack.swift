import RNNGraph

/// What two pieces of code took that were timed in turns.
struct Race {
  /// The median of what the one takes, as a part of what the other takes in the same round.
  let ratio: Double
  /// The median seconds of a call of the one and of the other.
  let seconds: Double, otherSeconds: Double
  /// The number of rounds, and in how many of these the one was faster.
  let rounds: Int, wins: Int

  /// Takes the seconds of each round.
  init(_ times: [(Double, Double)]) {
    func median(_ numbers: [Double]) -> Double { numbers.sorted()[numbers.count / 2] }
    ratio = median(times.map { $0 / max($1, 1e-12) })
    (seconds, otherSeconds) = (median(times.map(\.0)), median(times.map(\.1)))
    (rounds, wins) = (times.count, times.count { $0 < $1 })
  }

  /// Whether the one saves so much of the other's time, and not by chance: of 25 rounds between equals, one wins 22 once
  /// in ten thousand times.
  func isWon(by saving: Double) -> Bool { ratio < 1 - saving && Double(wins) >= 0.88 * Double(rounds) }
}

/// A call whose code is exchanged, so that times can be compared: tensors, working memory and threads stay the same.
struct RaceTrack {
  private let call: TimedCall
  /// Calls that are timed at once.
  private let callsAtOnce: Int
  /// The inputs that a call changes, as they were before the first one.
  private let start: [Int: [UInt8]]
  /// The seed of random draws in the first call, by the number of its input.
  private let seed: (input: Int, tensor: Tensor)?
  /// The results of the first call.
  private let results: [[UInt8]]

  /// Makes the first call.
  init(_ call: TimedCall) throws {
    self.call = call
    let execution = call.execution()
    let changed = execution.graph.outputs.compactMap { output in
      if case .update(let name) = output.role { execution.inputNumber(name) } else { nil }
    }
    start = Dictionary(
      changed.map { ($0, execution.inputs[$0].withUnsafeBytes { Array($0) }) },
      uniquingKeysWith: { one, _ in one })
    try call.run()
    seed = execution.graph.inputs.firstIndex { $0.role == .seed }.map { ($0, execution.inputs[$0]) }
    results = execution.results
    callsAtOnce = max(1, min(Int(0.002 / max(try call.seconds(calls: 1), 1e-7)), 10_000))
  }

  /// Whether the first call with other code gives the same bits.
  func hasSameResults(_ code: NativeCall) throws -> Bool {
    let execution = call.execution()
    execution.use(code)
    for (number, bytes) in start {
      execution.inputs[number].withUnsafeMutableBytes { $0.copyBytes(from: bytes) }
    }
    if let seed { execution.inputs[seed.input] = seed.tensor }
    try execution.run()
    return execution.results == results
  }

  /// Times two pieces of code in turns.
  func race(_ code: NativeCall, _ other: NativeCall, rounds: Int) throws -> Race {
    func time(_ code: NativeCall) throws -> Double {
      call.execution().use(code)
      // The first call prepares, and finds the caches full of other things.
      try call.run()
      return try call.seconds(calls: callsAtOnce)
    }
    return Race(
      try (0..<rounds).map { round in
        if round % 2 == 0 {
          let seconds = try time(code)
          return (seconds, try time(other))
        }
        let seconds = try time(other)
        return (try time(code), seconds)
      })
  }

  /// The part of the time that each kernel takes, by name, and last what threads wait.
  func kernelTimes(_ code: NativeCall) throws -> [(name: String, share: Double)] {
    call.execution().use(code)
    try call.run()
    guard let clocks = code.clocks else { return [] }
    clocks.reset()
    let samples = 5
    for _ in 0..<samples {
      _ = try call.seconds(calls: callsAtOnce)
      clocks.sample()
    }
    return clocks.times(call.execution().sizes, seconds: 1, calls: samples).map {
      ($0.name, $0.seconds * Double(samples))
    }
  }
}

extension Execution {
  /// The bytes of all outputs, and of the inputs that were given new values.
  fileprivate var results: [[UInt8]] {
    graph.outputs.indices.map { result($0).withUnsafeBytes { Array($0) } }
  }
}
