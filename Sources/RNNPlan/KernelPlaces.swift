import RNNGraph

/// The equations that the parts of a kernel come from.
///
/// They are beside what a kernel computes: kernels that differ in places alone are equal, and share their code.
public struct KernelPlaces: Hashable, Sendable {
  /// Those of the product, the reduction or the scatter-add; none of a map.
  public var sum = SourcePlaces.none
  /// Those of each instruction of the body.
  public var body: [SourcePlaces] = []

  /// Starts without places.
  public init(sum: SourcePlaces = .none, body: [SourcePlaces] = []) {
    self.sum = sum
    self.body = body
  }

  /// Those of an instruction.
  public subscript(instruction: Int) -> SourcePlaces {
    body.indices.contains(instruction) ? body[instruction] : .none
  }

  /// Equal to any other: places are no part of what is computed.
  public static func == (a: Self, b: Self) -> Bool { true }
  /// Nothing.
  public func hash(into hasher: inout Hasher) {}
}

extension Kernel {
  /// All equations that the kernel computes a part of, the sums' first. Numbers count only where there is nothing else:
  /// many equations share them.
  public var allPlaces: [SourcePlace] {
    func isNumber(_ instruction: Instruction) -> Bool {
      if case .constant = instruction { true } else { false }
    }
    let others = body.indices.filter { !isNumber(body[$0]) }
    let numbers = others.isEmpty ? Array(body.indices) : others
    return SourcePlace.distinct(places.sum.all + numbers.flatMap { places[$0].all })
  }
}

extension SourcePlaces {
  /// Behind a line of a listing: ` ; gru.rnn:12 z` for any number of places, or nothing.
  public static func comment(_ places: [SourcePlace]) -> String {
    places.isEmpty ? "" : " ; \(list(places))"
  }
}
