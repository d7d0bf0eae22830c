import RNNGraph
import RNNInterpreter
import Testing

@Suite struct ErrorTests {
  private let table = ("f32[3, 2]", counting(.f32, [3, 2]))

  @Test func idsOutOfRangeAreNamed() {
    expect(.idOutOfRange(operation: "%2 = gather %0, %1 : f32[2, 2]", id: 3, limit: 3)) {
      try evaluate(one: "gather %x, %y : f32[2, 2]", [table, ("i32[2]", i32(0, 3))])
    }
    expect(.idOutOfRange(operation: "%2 = scatter_add %1, %0 extent(3) : f32[3, 2]", id: -1, limit: 3)) {
      try evaluate(
        one: "scatter_add %y, %x extent(3) : f32[3, 2]", [table, ("i32[3]", i32(0, -1, 1))])
    }
    expect(.idOutOfRange(operation: "%1 = one_hot %0 extent(2) : f32[1, 2]", id: 2, limit: 2)) {
      try evaluate(one: "one_hot %x extent(2) : f32[1, 2]", [("i32[1]", i32(2))])
    }
    expect(.inputIDOutOfRange(input: "x", id: 4, limit: 4)) {
      try evaluate("%0 = data \"x\" below(4) : i32[2]", ["x": i32(3, 4)])
    }
  }

  @Test func positionsOutOfAnAxisAreNamed() {
    expect(
      .rangeOutOfAxis(
        operation: "%1 = slice %0 axis(0) back(1) count(2) : f32[2]", first: -1, count: 2, extent: 2)
    ) {
      try evaluate(one: "slice %x axis(0) back(1) count(2) : f32[2]", [("f32[T]", f32(1, 2))])
    }
    expect(
      .rangeOutOfAxis(operation: "%1 = pad %0 axis(0) front(2) to(T) : f32[T]", first: 2, count: 2, extent: 3)
    ) {
      try evaluate(one: "pad %x axis(0) front(2) to(T) : f32[T]", [("f32[2]", f32(1, 2))], sizes: [.steps: 3])
    }
  }

  @Test func inputsAreChecked() {
    let statements = "%0 = data \"x\" : f32[T, 2]\n%1 = data \"y\" : f32[T]"
    let x = counting(.f32, [3, 2])
    expect(.missingInput("y")) { try evaluate(statements, ["x": x]) }
    expect(.unknownInput("z")) { try evaluate(statements, ["x": x, "z": x]) }
    let type = TensorType(.f32, [.steps, 2])
    for wrong in [counting(.f32, [3]), counting(.f32, [3, 1]), counting(.f64, [3, 2])] {
      let found = "\(wrong.element.rawValue)\(wrong.shape)"
      expect(.wrongType(input: "x", expected: type, found: found)) {
        try evaluate(statements, ["x": wrong, "y": f32(1, 2, 3)])
      }
    }
    expect(.wrongSize(.steps, [3, 2])) { try evaluate(statements, ["x": x, "y": f32(1, 2)]) }
    expect(.wrongSize(.steps, [4, 3])) {
      try evaluate(statements, ["x": x, "y": f32(1, 2, 3)], sizes: [.steps: 4])
    }
    expect(.wrongSize(.batch, [-1])) { try evaluate("", [:], sizes: [.batch: -1]) }
    expect(.unknownSize(.batch)) { try evaluate(one: "size of(B) : f32[]", []) }
  }

  private func expect(
    _ error: InterpreterError, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Any?
  ) {
    #expect(throws: error, sourceLocation: sourceLocation) { try body() }
  }
}
