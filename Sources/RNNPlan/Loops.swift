import RNNGraph

extension Planner {
  /// A loop over time.
  ///
  /// A carry that is stacked, before or after a step, lives in the stack: slot `t` holds it before step `t` and slot
  /// `t + 1` after it (the other way round in a reversed loop), so that nothing is copied. A sum is added to in its place.
  /// Other carries alternate between two slots; so do those whose values after each step are an output of the program,
  /// where they are stored besides.
  func lowerScan(_ id: OperationID, _ clustering: Clustering) {
    let operation = graph[id]
    guard case .scan(let scan) = operation.kind else { preconditionFailure("not a scan") }
    let number = loopNumbers[id]!
    let body = graph[scan.body]
    let steps = Size(scan.steps)
    let step = Affine(.loop(number))
    let before = scan.isReversed ? Size(1) : Size(0)
    let after = scan.isReversed ? Size(0) : Size(1)
    var destinations = [Destination?](repeating: nil, count: body.results.count)
    // By value of the body, the outputs that stack it, and how often it is a result.
    var stacking: [ValueID: [Int]] = [:]
    for output in scan.carries..<body.results.count {
      stacking[body.results[output], default: []].append(output)
    }
    let counts = body.results.reduce(into: [ValueID: Int]()) { $0[$1, default: 0] += 1 }
    for carry in 0..<scan.carries {
      let argument = body.arguments[scan.invariants + carry]
      let next = body.results[carry]
      let type = graph.type(argument)
      let result = operation.results[carry]
      var first: Storage
      let stacks = Set(stacking[argument, default: []] + stacking[next, default: []]).sorted()
      let places = stacks.map { clustering.outputPlaces[operation.results[$0]] }
      if !stacks.contains(where: { body.results[$0] == argument }), !places.contains(where: { $0 == nil }) {
        let isInPlace = counts[next] == 1 && isUpdatedInPlace(argument, next)
        func slot(_ index: Index) -> Affine { isInPlace ? Affine(0) : Affine(index) }
        let slots = stack("carry_\(argument)", type, isInPlace ? 1 : 2)
        buffers[slots.buffer.index].places = graph.places(of: next)
        storage[argument] = slots.element(at: slot(.parity(number)))
        destinations[carry] = .memory(slots.element(at: slot(.oppositeParity(number))))
        for case (let output, let place?) in zip(stacks, places) {
          storage[operation.results[output]] = place
          destinations[output] = .memory(place.element(at: step))
        }
        storage[result] = slots.element(at: slot(.stepsParity(scan.steps)))
        first = slots.element(at: Affine(0))
      } else {
        let slots = stack("stack_\(argument)", type, steps + 1)
        buffers[slots.buffer.index].places = graph.places(of: next)
        storage[argument] = slots.element(at: step + Affine(before))
        destinations[carry] = .memory(slots.element(at: step + Affine(after)))
        storage[result] = slots.element(at: Affine(scan.isReversed ? 0 : steps))
        first = slots.element(at: Affine(scan.isReversed ? steps : 0))
        for output in stacks {
          storage[operation.results[output]] = slots.part(
            axis: 0, start: body.results[output] == argument ? before : after)
        }
      }
      emit(storeKernel(operation.operands[scan.invariants + carry], to: first, clustering))
    }
    for output in scan.carries..<body.results.count where storage[operation.results[output]] == nil {
      let type = graph.type(body.results[output])
      if scan.isSegment(type) {
        let whole = allocate(
          "stack_\(body.results[output])", graph.type(operation.results[output]), operation.places)
        storage[operation.results[output]] = whole
        destinations[output] = .memory(whole.part(axis: 0, start: scan.segmentStart(number)))
        continue
      }
      let slots = stack("stack_\(body.results[output])", type, steps)
      buffers[slots.buffer.index].places = graph.places(of: body.results[output])
      storage[operation.results[output]] = slots
      destinations[output] = .memory(slots.element(at: step))
    }
    let inner = lower(scan.body, results: destinations)
    self.steps[self.steps.count - 1].append(
      .loop(
        Loop(
          id: number, steps: scan.steps, isReversed: scan.isReversed, segments: scan.segments, body: inner,
          places: operation.places)))
  }

  /// Whether nothing reads a carry, nor what it becomes, but the elementwise operation that makes the next one of it, each element of its own.
  private func isUpdatedInPlace(_ argument: ValueID, _ next: ValueID) -> Bool {
    guard let id = graph.definingOperation(next), isElementwise(graph[id].kind) else { return false }
    return users[argument.index] == [id] && users[next.index].isEmpty
  }

  private func stack(_ name: String, _ type: TensorType, _ count: Size) -> Storage {
    allocate(name, type.element, [count] + shape(type))
  }

  /// A kernel that computes a value known outside any cluster and stores it.
  private func storeKernel(_ value: ValueID, to target: Storage, _ clustering: Clustering) -> Kernel {
    let type = graph.type(value)
    let identity = View.identity(type.rank)
    let batchAxis = type.shape.firstIndex(of: .batch)
    var builder = KernelBuilder(planner: self, clustering: clustering, cluster: nil, batchAxis: batchAxis)
    let instruction = builder.emit(value, identity)
    let access = Access(buffer: target.buffer, index: target.index(identity), isOwned: batchAxis != nil)
    return Kernel(
      name: "start_\(buffers[target.buffer.index].name)", domain: shape(type), kind: .map, body: builder.body,
      stores: [Store(access: access, value: instruction)], examples: batchAxis,
      places: KernelPlaces(body: builder.places))
  }
}

extension ScanAttributes {
  /// Whether a value of the body is a part of a sequence and not an element.
  func isSegment(_ type: TensorType) -> Bool {
    segments.map { type.shape.first == .symbol($0.length) } ?? false
  }

  /// The first step of the segment that a loop is at.
  func segmentStart(_ loop: Int) -> Affine {
    segments.map { Affine(.loop(loop), times: Size($0.longest)) } ?? Affine(.loop(loop))
  }
}
