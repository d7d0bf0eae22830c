import RNNGraph

extension Lowering {
  /// A loop over time, behind what stores its first carries.
  mutating func lowerScan(_ id: OperationID, _ scope: Scope) -> [Step] {
    let operation = graph[id]
    guard case .scan(let scan) = operation.kind else { preconditionFailure("not a scan") }
    let number = views.loopNumbers[id]!
    let layout = stages.loops[number]
    let body = graph[scan.body]
    let length = Size(scan.steps)
    let step = Affine(.loop(number))
    let before = scan.isReversed ? Size(1) : Size(0)
    let after = scan.isReversed ? Size(0) : Size(1)
    var steps: [Step] = []
    var results = [Storage?](repeating: nil, count: body.results.count)
    for (carry, place) in layout.carries.enumerated() {
      let argument = body.arguments[scan.invariants + carry]
      let next = body.results[carry]
      let first: Storage
      switch place {
      case .slots(let count, let copies):
        func slot(_ index: Index) -> Affine { count == 1 ? Affine(0) : Affine(index) }
        let slots = stack("carry_\(argument)", of: next, Size(count), graph.places(of: next))
        memory[argument] = slots.element(at: slot(.parity(number)))
        results[carry] = slots.element(at: slot(.oppositeParity(number)))
        for copy in copies {
          let output = scope.results[scope.clustering.outputs[operation.results[copy]]!]!
          memory[operation.results[copy]] = output
          results[copy] = output.element(at: step)
        }
        memory[operation.results[carry]] = slots.element(at: slot(.stepsParity(scan.steps)))
        first = slots.element(at: Affine(0))
      case .stack(let parts):
        let slots = stack("stack_\(argument)", of: next, length + 1, graph.places(of: next))
        memory[argument] = slots.element(at: step + Affine(before))
        results[carry] = slots.element(at: step + Affine(after))
        memory[operation.results[carry]] = slots.element(at: Affine(scan.isReversed ? 0 : length))
        first = slots.element(at: Affine(scan.isReversed ? length : 0))
        for part in parts {
          memory[operation.results[part]] = slots.part(
            axis: 0, start: Affine(body.results[part] == argument ? before : after))
        }
      }
      steps += start(operation.operands[scan.invariants + carry], at: first)
    }
    for output in scan.carries..<body.results.count where memory[operation.results[output]] == nil {
      let value = body.results[output]
      if scan.isSegment(graph.type(value)) {
        let type = graph.type(operation.results[output])
        let whole = memory.allocate("stack_\(value)", type, operation.places)
        memory[operation.results[output]] = whole
        results[output] = whole.part(axis: 0, start: scan.segmentStart(number))
      } else {
        let slots = stack("stack_\(value)", of: value, length, graph.places(of: value))
        memory[operation.results[output]] = slots
        results[output] = slots.element(at: step)
      }
    }
    let inner = lower(scan.body, results: results)
    let loop = Loop(
      id: number, steps: scan.steps, isReversed: scan.isReversed, segments: scan.segments, body: inner,
      places: operation.places)
    return steps + self.steps(.loop(loop))
  }

  private mutating func stack(
    _ name: String, of value: ValueID, _ count: Size, _ places: SourcePlaces
  ) -> Storage {
    let type = graph.type(value)
    return memory.allocate(name, type.element, [count] + views.shape(type), places)
  }

  /// Stores what a carry is at first, which is known outside any cluster.
  private mutating func start(_ value: ValueID, at target: Storage) -> [Step] {
    let type = graph.type(value)
    let identity = View.identity(type.rank)
    let batchAxis = type.shape.firstIndex(of: .batch)
    var builder = KernelBuilder(views, examples: batchAxis)
    let instruction = builder.emit(value, identity, &memory)
    let access = target.access(identity, isOwned: batchAxis != nil)
    let kernel = Kernel(
      name: "start_\(memory.buffers[target.buffer.index].name)", domain: views.shape(type), kind: .map,
      body: builder.body, stores: [Store(access: access, value: instruction)], examples: batchAxis,
      places: KernelPlaces(body: builder.places))
    return steps(.kernel(kernel))
  }
}
