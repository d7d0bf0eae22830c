import RNNGraph
import RNNPlan

// Note [Examples or columns]: threads that share the examples of a batch run whole loops over time without a barrier, but
// each reads all weights in each step. Where the examples are so few that reading takes longer than computing, they share
// the columns of products instead: then each reads its part of the weights only, which may stay in its own cache, and
// there is a barrier after each product.

extension ProcessorScheduler {
  /// Whether threads share examples: not if the loops over time take less where they share the columns of products.
  ///
  /// Only loops that consist of products with weights and elementwise work are looked at; a program with sums over
  /// examples, such as a training step, has much to do that is shared by examples.
  public func sharesExamples(_ plan: Plan, threads: Int) -> Bool {
    if plan.kernels.contains(where: \.sumsOverExamples) { return true }
    var (examples, columns) = (0.0, 0.0)
    for kernel in plan.steps.flatMap(\.loops).flatMap(\.body).flatMap(\.kernelsOfItself) {
      switch kernel.kind {
      case .reduce, .scatterAdd, .sweep: return true
      case .map:
        guard let product = kernel.product else { continue }
        guard let count = weights(of: product, in: kernel) else { return true }
        let bytes = count * product.factors.byteCount
        examples += cycles(count, bytes, rows: (plan.batch + threads - 1) / threads)
        columns +=
          cycles(count / threads, bytes / threads, rows: plan.batch)
          + Double(machine.barrierCost) / machine.elementsPerCycle
      }
    }
    return columns >= examples * machine.gainOfColumns
  }

  /// How many weights a product reads: numbers that all examples share. Nil if that is unknown, or there are none.
  private func weights(of product: Product, in kernel: Kernel) -> Int? {
    let shared = [(product.rhs.access, product.groups), (product.lhs.access, 1)].first { access, _ in
      kernel.examples.map { access.index.factor(ofAxis: $0) == 0 } ?? true
    }
    return shared.flatMap { access, groups in
      let extents = (kernel.domain + product.contracted).enumerated().filter {
        access.index.factor(ofAxis: $0.offset) != 0
      }
      return extents.reduce(Size(groups)) { $0 * $1.element }.constant
    }
  }

  /// The cycles of a product of some rows with weights: those of the multiply-adds of vectors, or of what is read of the
  /// weights from where they stay between two steps.
  private func cycles(_ weights: Int, _ bytes: Int, rows: Int) -> Double {
    let computing = Double(weights * rows) / (machine.multiplyAddsPerCycle * Double(machine.lanes(.f32)))
    let bytesPerCycle =
      bytes <= machine.l1Bytes
      ? machine.l1BytesPerCycle
      : bytes <= machine.l2Bytes ? machine.l2BytesPerCycle : machine.memoryBytesPerCycle
    return max(computing, Double(bytes) / bytesPerCycle)
  }
}

extension Step {
  /// The kernel that this step is: those of inner loops are looked at with these.
  fileprivate var kernelsOfItself: [Kernel] { if case .kernel(let kernel) = self { [kernel] } else { [] } }
}
