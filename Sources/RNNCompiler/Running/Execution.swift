import RNNCodegen
import RNNGraph
import RNNInterpreter
import RNNSupport

/// A compiled graph with the tensors of its inputs and outputs, kept from call to call.
///
/// A call with the sizes of the one before allocates nothing.
final class Execution {
  let graph: Graph
  let signature: Signature
  /// The inputs by number. One that has no tensor yet is empty.
  var inputs: [Tensor]
  /// The outputs by number; one that updates an input stays empty, since it replaces that.
  private(set) var outputs: [Tensor]

  /// The number of examples.
  let batch: Int
  /// The parameters that a call leaves as they are.
  private let parameters: [Int]
  /// Their tensors at the last call: as long as they are held here, nobody changes their memory.
  private var preparedFrom: [Tensor]?
  /// What computes; nil as long as it depends on sizes that are not known yet.
  private var engine: Engine?
  private let compilation: Compilation
  private let options: CompileOptions
  /// The program of the engine.
  private var variant: Compilation.Variant?
  /// What computes calls of other sizes.
  private var others: [Compilation.Variant: Engine] = [:]
  /// The sizes of the last call, with the batch.
  private(set) var sizes: [Symbol: Int] = [:]
  /// The same with the sizes of segments.
  private var allSizes: [Symbol: Int] = [:]
  private let symbols: Set<Symbol>
  private let inputNumbers: [String: Int]
  /// For each output, the number of the input that it replaces.
  private let replaced: [Int?]

  private enum Engine {
    case native(NativeCall)
    case interpreter(Interpreter)

    init(_ compilation: Compilation, _ options: CompileOptions) throws {
      switch options.backend {
      case .native: self = .native(try NativeCall(compilation.native))
      case .interpreter: self = .interpreter(Interpreter(try compilation.optimizedGraph))
      }
    }
  }

  init(_ compilation: Compilation, options: CompileOptions, batch: Int) throws {
    graph = compilation.graph
    self.batch = batch
    signature = Signature(graph, batch: batch)
    self.compilation = compilation
    self.options = options
    if options.memoryLimit == nil {
      engine = try Engine(compilation, options)
      variant = compilation.variant
    }
    symbols = graph.symbols
    let numbers = Dictionary(uniqueKeysWithValues: graph.inputs.enumerated().map { ($1.name, $0) })
    inputNumbers = numbers
    replaced = graph.outputs.map { output in
      if case .update(let name) = output.role { numbers[name] } else { nil }
    }
    let changed = Set(replaced.compactMap { $0 })
    parameters = graph.inputs.indices.filter { [graph] in
      graph.inputs[$0].isParameter && !changed.contains($0)
    }
    let empty = Tensor(.f32, shape: [0])
    inputs = Array(repeating: empty, count: graph.inputs.count)
    outputs = Array(repeating: empty, count: graph.outputs.count)
  }

  /// The code that computes calls of these sizes, and what it was compiled by; nil as long as no sizes are known, and in
  /// the interpreter.
  var native: (compilation: Compilation, call: NativeCall)? {
    guard let variant, case .native(let call) = engine else { return nil }
    return (compilation.variant(variant), call)
  }

  /// Computes calls of the same sizes with other code from now on.
  ///
  /// - Requires: `setSizes` was called; the code is of the same graph.
  func use(_ call: NativeCall) {
    engine = .native(call)
    call.setSizes(allSizes)
    // It has the memory, and not what others prepared there.
    preparedFrom = nil
  }

  /// How long it took to get here from the graph.
  var compileTime: Duration {
    compilation.allVariants.flatMap(\.timings).filter { !$0.isPass }.reduce(.zero) { $0 + $1.duration }
  }

  /// The number of the input of this name.
  func inputNumber(_ name: String) -> Int? { inputNumbers[name] }

  /// Makes room for outputs of these sizes.
  ///
  /// - Throws: `InputError` if the size of a sequence follows from no input.
  func setSizes(_ new: [Symbol: Int]) throws {
    var new = new
    new[.batch] = batch
    guard new != sizes else { return }
    if let unknown = symbols.first(where: { new[$0] == nil }) {
      throw InputError("the number of steps \(unknown) is not known: no input of this program has it")
    }
    let all = try chooseEngine(new)
    try AvailableMemory.require(
      bytes: missingBytes(new, all),
      for: "calls with \(counted(batch, "example")) of \(counted(new[.steps] ?? 1, "step"))")
    sizes = new
    allSizes = all
    for (i, output) in graph.outputs.enumerated() where replaced[i] == nil {
      let type = graph.type(output.value)
      outputs[i] = Tensor(ElementType(type.element), shape: type.extents(sizes))
    }
    if case .native(let call) = engine { call.setSizes(all) }
  }

  /// The bytes that calls of these sizes need beyond what there is, approximately.
  private func missingBytes(_ sizes: [Symbol: Int], _ all: [Symbol: Int]) -> Double {
    let results = graph.outputs.indices.filter { replaced[$0] == nil }
    let held = results.reduce(0) { $0 + outputs[$1].byteCount }
    let bytes = graph.byteCount(of: results.map { graph.outputs[$0].value }, sizes) - Double(held)
    switch engine {
    case .native(let call): return bytes + call.missingBytes(all)
    // It keeps every value as numbers in double precision.
    case .interpreter(let interpreter): return bytes + interpreter.graph.elementCount(sizes) * 8
    case nil: return bytes
    }
  }

  /// Chooses what computes calls of these sizes, and gives the sizes with those of segments.
  ///
  /// The memory that is allowed is used: segments, whose forward pass is computed twice, are only for sequences that
  /// would need more. Sums of many terms are made in `f64`; how many there are follows from the sizes alone.
  ///
  /// - Throws: `InputError` if the memory that is allowed does not suffice.
  private func chooseEngine(_ sizes: [Symbol: Int]) throws -> [Symbol: Int] {
    let steps = sizes.filter { $0.key != .batch }.values.max() ?? 1
    var variant = Compilation.Variant(
      isSegmented: false, hasLongSums: Compilation.Variant.isLong(steps: steps, batch: batch))
    guard let limit = options.memoryLimit else {
      try use(variant)
      return sizes
    }
    if try compilation.variant(variant).layout.arenaBytes.approximate(sizes) <= Double(limit) {
      try use(variant)
      return sizes
    }
    variant.isSegmented = true
    let plan = try compilation.variant(variant).layout
    let all = plan.segmented(sizes, within: limit)
    let bytes = plan.arenaBytes.approximate(all)
    if bytes > Double(limit) {
      throw InputError.aboveLimit(bytes: bytes, limit: limit, steps: sizes[.steps] ?? 1)
    }
    try use(variant)
    return all
  }

  private func use(_ variant: Compilation.Variant) throws {
    guard variant != self.variant else { return }
    preparedFrom = nil
    // Sequences that are short and long in turn do not allocate for each, unless memory is limited.
    if let current = self.variant, options.memoryLimit == nil { others[current] = engine }
    engine = nil
    engine = try others.removeValue(forKey: variant) ?? Engine(compilation.variant(variant), options)
    self.variant = variant
  }

  /// Makes a tensor the input of this number if it has the type and shape of the one that is there, so that no size
  /// changes; gives whether it does.
  ///
  /// - Parameter isStep: whether the tensor lacks the first axis, which has one step.
  /// - Throws: `InputError` if an element does not fit.
  /// - Requires: `setSizes` was called with the size of the tensor that is there.
  func replaceInput(_ number: Int, with tensor: Tensor, isStep: Bool) throws -> Bool {
    let shape = inputs[number].shape
    guard tensor.elementType == inputs[number].elementType else { return false }
    if isStep {
      guard shape.first == 1, shape.dropFirst().elementsEqual(tensor.shape) else { return false }
      try signature.checkElements(tensor, number)
      inputs[number] = try tensor.reshaped(to: shape)
    } else {
      guard shape == tensor.shape else { return false }
      try signature.checkElements(tensor, number)
      inputs[number] = tensor
    }
    return true
  }

  /// Computes the outputs from the inputs.
  ///
  /// - Requires: every input has a tensor that the signature has checked, and `setSizes` was called with their sizes.
  func run() throws {
    switch engine {
    case .native(let call):
      for i in inputs.indices { call.context.setInput(i, inputs[i].address) }
      let isPrepared = isPrepared(in: call)
      call.context.setPrepared(isPrepared)
      for (i, target) in replaced.enumerated() {
        if let target {
          call.context.setInput(target, inputs[target].uniqueMemory().baseAddress)
        } else {
          call.context.setOutput(i, outputs[i].uniqueMemory().baseAddress)
        }
      }
      call.run()
      if call.keepsPreparation, !isPrepared { preparedFrom = parameters.map { inputs[$0] } }
    case .interpreter(let interpreter):
      var arrays: [String: DenseArray] = [:]
      for (i, input) in graph.inputs.enumerated() { arrays[input.name] = DenseArray(inputs[i]) }
      let results = try interpreter.run(inputs: arrays, sizes: allSizes)
      for (i, output) in graph.outputs.enumerated() {
        guard let result = results[output.name] else { continue }
        if let target = replaced[i] { inputs[target] = Tensor(result) } else { outputs[i] = Tensor(result) }
      }
    case nil: preconditionFailure("no sizes are set")
    }
  }

  /// What the kernels have taken so far, if the code was made to take their times.
  var kernelClocks: KernelClocks? { native?.call.clocks }

  /// Whether the arena holds what was prepared from the tensors that the parameters have now.
  private func isPrepared(in call: NativeCall) -> Bool {
    if call.hasNewArena {
      call.hasNewArena = false
      return false
    }
    guard let preparedFrom else { return false }
    return zip(preparedFrom, parameters).allSatisfy { $0.sharesMemory(with: inputs[$1]) }
  }

  /// Gives the input `number` the tensor of the output `other`, and the output the memory of the input.
  func swapInput(_ number: Int, withOutput other: Int) { swap(&inputs[number], &outputs[other]) }

  /// What the last call left for the output of this number: an input's next value stands in place of the input.
  func result(_ number: Int) -> Tensor { replaced[number].map { inputs[$0] } ?? outputs[number] }

  /// The output of this role as a number, if there is one.
  func scalar(_ isWanted: (Output) -> Bool) throws -> Double? {
    guard let number = graph.outputs.firstIndex(where: isWanted) else { return nil }
    let tensor = outputs[number]
    return tensor.elementType == .f64
      ? try tensor.values(as: Double.self).first : try tensor.values(as: Float.self).first.map(Double.init)
  }
}

extension Tensor {
  /// Where the elements lie, for code that only reads them while the tensor lives.
  fileprivate var address: UnsafeMutableRawPointer {
    withUnsafeBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress!) }
  }

  /// The tensor as the interpreter has it.
  fileprivate init(_ array: DenseArray) {
    switch array.element {
    case .f32: self.init(array.numbers.map(Float.init), shape: array.shape)
    case .f64: self.init(array.numbers, shape: array.shape)
    case .i32: self.init(array.numbers.map(Int32.init), shape: array.shape)
    case .bool:
      self.init(.bool, shape: array.shape)
      withUnsafeMutableBytes { bytes in
        for (i, number) in array.numbers.enumerated() { bytes[i] = number == 0 ? 0 : 1 }
      }
    }
  }
}

extension DenseArray {
  /// The array that the interpreter reads a tensor as.
  init(_ tensor: Tensor) {
    let element: RNNGraph.ElementType =
      switch tensor.elementType {
      case .f32: .f32
      case .f64: .f64
      case .i32, .i64: .i32
      case .u8, .bool: .bool
      }
    self.init(element, tensor.shape, tensor.numbers)
  }
}

extension Tensor {
  /// Every element as a `Double`.
  var numbers: [Double] {
    func read<Element: TensorElement>(_: Element.Type, _ convert: (Element) -> Double) -> [Double] {
      withUnsafeBytes { $0.assumingMemoryBound(to: Element.self).map(convert) }
    }
    return switch elementType {
    case .f32: read(Float.self, Double.init)
    case .f64: read(Double.self) { $0 }
    case .i32: read(Int32.self, Double.init)
    case .i64: read(Int64.self, Double.init)
    case .u8, .bool: read(UInt8.self, Double.init)
    }
  }
}
