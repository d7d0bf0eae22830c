import Testing

@testable import RNNRuntime

@Suite struct TensorTests {
  @Test func holdsValuesInRowMajorOrderOnACacheLine() throws {
    let tensor = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    #expect(tensor.description == "f32[2, 3]")
    #expect(tensor.count == 6 && tensor.byteCount == 24)
    #expect(try tensor.values(as: Float.self) == [1, 2, 3, 4, 5, 6])
    for type in ElementType.allCases {
      Tensor(type, shape: [3]).withUnsafeBytes { bytes in
        #expect(Int(bitPattern: bytes.baseAddress) % 64 == 0)
        #expect(bytes.allSatisfy { $0 == 0 })
      }
    }
  }

  @Test func scalarsAndEmptyTensors() throws {
    #expect(Tensor([7] as [Int64], shape: []).count == 1)
    #expect(try Tensor(.f32, shape: [0, 3]).values(as: Float.self) == [])
    #expect(Tensor([] as [Double]).byteCount == 0)
  }

  @Test func copiesAreIndependent() throws {
    var a = Tensor([1, 2] as [Float])
    let b = a
    try a.withUnsafeMutableElements(as: Float.self) { $0[0] = 9 }
    #expect(try a.values(as: Float.self) == [9, 2])
    #expect(try b.values(as: Float.self) == [1, 2])
    #expect(a != b)
    let address = a.uniqueMemory().baseAddress
    a.withUnsafeMutableBytes { #expect($0.baseAddress == address) }
  }

  @Test func anotherTypeIsAnError() {
    let tensor = Tensor([1] as [Float])
    #expect(
      inputError { _ = try tensor.values(as: Double.self) } == "a tensor of f32 cannot be read as f64")
    #expect(inputError { _ = try tensor.converted(to: .i32) } == "a tensor of f32 cannot be converted to i32")
    #expect(throws: InputError.self) { try tensor.reshaped(to: [2]) }
    #expect(throws: InputError.self) { try tensor.reshaped(to: [-1, -1]) }
  }

  @Test func conversionsKeepValues() throws {
    let doubles = Tensor([0.1, -2, .infinity])
    let floats = try doubles.converted(to: .f32)
    #expect(try floats.values(as: Float.self) == [0.1, -2, .infinity])
    #expect(try floats.converted(to: .f64).values(as: Double.self) == [Double(Float(0.1)), -2, .infinity])
    let ids = Tensor([1, -5] as [Int64])
    #expect(try ids.converted(to: .i32).values(as: Int32.self) == [1, -5])
    #expect(try Tensor([1, -5] as [Int32]).converted(to: .i64) == ids)
    let large = Tensor([1 << 31] as [Int64])
    #expect(inputError { _ = try large.converted(to: .i32) } == "the value 2147483648 does not fit i32")
    #expect(try doubles.reshaped(to: [3, 1]).shape == [3, 1])
  }

  @Test func selectionNamesWhatDoesNotFit() throws {
    let tensors = ["W": Tensor([1, 2]), "b": Tensor([3] as [Int64])]
    let spec = TensorSpec("W", .f32, [2])
    #expect(try [spec].select(from: tensors, origin: "file")["W"] == Tensor([1, 2] as [Float]))
    #expect(
      inputError { _ = try [TensorSpec("c", .f32, [2])].select(from: tensors, origin: "file 'x'") } == """
        file 'x' has no tensor 'c', which the model needs as f32[2]
        note: it holds 2 tensors: W, b
        """)
    #expect(
      inputError { _ = try [TensorSpec("W", .f32, [3])].select(from: tensors, origin: "file 'x'") }
        .hasPrefix("tensor 'W' of file 'x' has shape [2], but the model wants [3]"))
    #expect(
      inputError { _ = try [TensorSpec("b", .f32, [1])].select(from: tensors, origin: "file 'x'") }
        == "tensor 'b' of file 'x' does not fit the model: a tensor of i64 cannot be converted to f32")
    #expect(
      inputError { _ = try [spec].select(from: tensors, origin: "file 'x'", exact: true) }
        == "file 'x' holds a tensor 'b' that the model does not have")
  }

  /// A processor's own NaN has a sign, which is none of the user's business.
  @Test func noNaNHasASign() throws {
    for tensor in [Tensor([-Float.nan]), Tensor([-Double.nan])] {
      #expect(
        inputError { try tensor.requireFinite("x") } == "x holds nan at [0], which is not a finite number")
    }
    #expect("\((-Double.nan).withoutSignOfNaN) \((-Double.infinity).withoutSignOfNaN)" == "nan -inf")
  }

  @Test(arguments: [true, false]) func stepsBehindAnEndAreCleared(_ stepsFirst: Bool) throws {
    let sequence = Tensor((1...12).map { Int32($0) }, shape: [3, 2, 2])
    let tensor = stepsFirst ? sequence : sequence.swappingFirstAxes()
    let cleared = tensor.clearingSteps(behind: [3, 1], stepsFirst: stepsFirst)
    #expect(
      try (stepsFirst ? cleared : cleared.swappingFirstAxes()).values(as: Int32.self)
        == [1, 2, 3, 4, 5, 6, 0, 0, 9, 10, 0, 0])
    #expect(try sequence.values(as: Int32.self) == (1...12).map { Int32($0) })
  }

  @Test func theFirstNumberThatIsNotFiniteIsFound() throws {
    func place(_ values: [Float]) -> [Int]? { Tensor(values, shape: [2, 3]).firstNonFinite?.position }
    #expect(
      place([0, -0, .greatestFiniteMagnitude, -.leastNonzeroMagnitude, 1, -.greatestFiniteMagnitude]) == nil)
    #expect(place([0, 0, 0, 0, .nan, .infinity]) == [1, 1])
    #expect(place([0, 0, -.infinity, 0, 0, 0]) == [0, 2])
    #expect(place([-.signalingNaN, 0, 0, 0, 0, 0]) == [0, 0])
    #expect(Tensor([1, -.nan, 2] as [Double]).firstNonFinite?.value.isNaN == true)
    #expect(Tensor([-1] as [Int32]).firstNonFinite == nil)
    #expect(
      inputError { try Tensor([Float.infinity], shape: []).requireFinite("tensor 'x'") }
        == "tensor 'x' holds inf, which is not a finite number")
  }
}
