import Foundation
import RNNGraph
import RNNLLVM
import RNNPlan

/// The lines of source files that the functions of a module come from.
struct ModuleLines {
  let info: DebugInfo

  /// Begins the lines of a module with some kernels; nil if they come from no source.
  init?(_ kernels: [Kernel], _ module: Module) {
    guard let first = kernels.lazy.compactMap(\.firstPlace).first else { return nil }
    info = DebugInfo(
      module, file: first.file, directory: FileManager.default.currentDirectoryPath, producer: "rnnc")
  }
}

/// The lines of one kernel's function.
struct KernelLines {
  private let info: DebugInfo
  private let function: DebugInfo.Function
  private let builder: FunctionBuilder
  private let kernel: Kernel
  private let first: SourcePlace

  /// Gives a kernel's function lines; nil if it comes from no source.
  init?(_ lines: ModuleLines?, _ kernel: Kernel, _ builder: FunctionBuilder) {
    guard let lines, let first = kernel.firstPlace else { return nil }
    (info, self.kernel, self.builder, self.first) = (lines.info, kernel, builder, first)
    function = info.add(builder.function, file: first.file, line: first.line)
    locate(first)
  }

  /// Lets what is emitted next come from the equation of an instruction, or of the sums if there is none.
  func locate(_ instruction: Int?) {
    let places = instruction.map { kernel.places[$0] } ?? kernel.places.sum
    locate(places.first ?? first)
  }

  private func locate(_ place: SourcePlace) {
    info.locate(builder, in: function, file: place.file, line: place.line, column: place.column)
  }
}

extension Kernel {
  /// The equation that stands for the kernel where there can be one only.
  fileprivate var firstPlace: SourcePlace? { allPlaces.first }
}
