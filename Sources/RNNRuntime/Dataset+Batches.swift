import Foundation
import RNNSupport

extension Dataset {
  /// The examples of one epoch in batches; the last one holds what is left over and may be smaller.
  ///
  /// The order is a pure function of seed and epoch.
  /// - Parameter batch: the number of examples of a batch.
  /// - Requires: `batch` is positive.
  public func batches(batch: Int, seed: UInt64, epoch: Int) -> Batches {
    var order = Array(0..<count)
    var stream = RandomStream(seed: seed, name: "examples of epoch \(epoch)")
    stream.shuffle(&order)
    return Batches(self, order, size: batch)
  }

  /// The examples in their own order in batches; the last one holds what is left over and may be smaller.
  /// - Requires: `batch` is positive.
  public func batches(batch: Int) -> Batches { Batches(self, Array(0..<count), size: batch) }

  /// All examples in batches: each stands in one batch.
  public struct Batches: RandomAccessCollection, Sendable {
    private let dataset: Dataset
    private let order: [Int]
    private let size: Int

    fileprivate init(_ dataset: Dataset, _ order: [Int], size: Int) {
      precondition(size > 0, "a batch needs an example")
      (self.dataset, self.order, self.size) = (dataset, order, size)
    }

    /// 0.
    public var startIndex: Int { 0 }

    /// The number of batches.
    public var endIndex: Int { (order.count + size - 1) / size }

    /// A batch.
    public subscript(position: Int) -> Batch {
      precondition(indices.contains(position), "batch \(position) of \(count)")
      let start = position * size
      return Batch(dataset, order[start..<Swift.min(start + size, order.count)])
    }
  }

  /// Some of the examples.
  public struct Batch: Sendable {
    /// The data that they are from.
    public let dataset: Dataset

    /// The numbers of the examples, in order.
    public let examples: ArraySlice<Int>

    init(_ dataset: Dataset, _ examples: ArraySlice<Int>) {
      (self.dataset, self.examples) = (dataset, examples)
    }

    /// The number of examples, B.
    public var count: Int { examples.count }

    /// A tensor of these examples, `[B, …]`; nil if the data has none of this name.
    public subscript(name: String) -> Tensor? { dataset.tensors[name].map(rows) }

    /// A sequence of these examples, with the first axis counting steps: `[T, B, …]` of `[N, T, …]`.
    ///
    /// - Parameter steps: how many steps are taken; nil for all.
    /// - Requires: the tensor has an axis of steps, with as many.
    public func sequence(_ name: String, steps: Int? = nil) -> Tensor? {
      guard let tensor = dataset.tensors[name] else { return nil }
      precondition(tensor.shape.count >= 2, "'\(name)' has no axis of steps")
      let (all, own) = (tensor.shape[1], tensor.shape.dropFirst(2))
      let steps = steps ?? all
      precondition((0...all).contains(steps), "'\(name)' has \(counted(all, "step")), not \(steps)")
      var result = Tensor(tensor.elementType, shape: [steps, count] + own)
      let width = own.reduce(tensor.elementType.byteCount, *)
      tensor.withUnsafeBytes { source in
        result.withUnsafeMutableBytes { target in
          guard let from = source.baseAddress, let to = target.baseAddress, width > 0 else { return }
          for (row, example) in examples.enumerated() {
            for step in 0..<steps {
              memcpy(to + (step * count + row) * width, from + (example * all + step) * width, width)
            }
          }
        }
      }
      return result
    }

    /// The rows of these examples.
    func rows(of tensor: Tensor) -> Tensor {
      var result = Tensor(tensor.elementType, shape: [count] + tensor.shape.dropFirst())
      let width = tensor.shape.dropFirst().reduce(tensor.elementType.byteCount, *)
      tensor.withUnsafeBytes { source in
        result.withUnsafeMutableBytes { target in
          guard let from = source.baseAddress, let to = target.baseAddress, width > 0 else { return }
          for (row, example) in examples.enumerated() {
            memcpy(to + row * width, from + example * width, width)
          }
        }
      }
      return result
    }
  }
}
