import RNNCompiler
import Testing

@testable import RNNCompiler

@Suite("State dictionaries of PyTorch find their instances")
struct StateDictionaryTests {
  /// Two stacks, an embedding and two linear layers, whose names PyTorch's need not resemble.
  private static let model = """
    cell Both(I, H) {
        forward = GRU(I, H)
        norm    = LayerNorm(H)

        input x: [I]
        output norm(forward(x))
    }

    model M(I = 3, H = 4) {
        input x: seq [I], t: seq token(5)
        param w as scale: [H] = ones

        e = Embedding(5, I)
        a = LSTM(I, H)
        b = LSTM(I, H)
        c = LSTM(2*H, H)
        deep = Both(H, H)
        out = Linear(H, 2)
        output out(deep(c(concat(a(x + e(t)), reverse(b(reverse(x))))))), scaled = w * last(x)[0]
    }
    """

  private let program: Program
  private let parameters: [String: Tensor]

  init() throws {
    program = try Compiler().compile(source: Self.model, batch: 2)
    parameters = try program.randomTensors(steps: 3, seed: 2).filter { $0.key != "x" && $0.key != "t" }
      .filter { name, _ in !["h", "c"].contains(name.split(separator: ".").last.map(String.init)) }
  }

  /// The parameters as PyTorch would call them, with other modules' names.
  private func dictionary(_ rename: [(String, String)] = []) throws -> [String: Tensor] {
    let standard = try program.stateDictionary(of: parameters, modules: ModuleMap(["rnn=a+b,c"]))
    return Dictionary(
      uniqueKeysWithValues: standard.map { name, tensor in
        let match = rename.first { name.hasPrefix($0.0) }
        return (match.map { $0.1 + name.dropFirst($0.0.count) } ?? name, tensor)
      })
  }

  @Test func namesArePyTorchs() throws {
    let names = Set(try dictionary().keys)
    for name in [
      "rnn.weight_ih_l0", "rnn.bias_hh_l0_reverse", "rnn.weight_hh_l1", "e.weight", "out.bias",
      "deep.forward.weight_ih_l0", "deep.norm.weight", "deep.norm.bias", "scale",
    ] {
      #expect(names.contains(name), "\(name)")
    }
    #expect(names.count == parameters.count && !names.contains("rnn.weight_ih_l1_reverse"))
  }

  @Test func theyAreFoundByNameAndByOrder() throws {
    #expect(try program.parameters(from: dictionary()) == parameters)
    // Two modules are left with parameters of the same names, of which each has a namesake.
    #expect(try program.parameters(from: dictionary([("e.", "table."), ("rnn.", "layers.")])) == parameters)
    #expect(try program.parameters(from: dictionary([("out.", "fc.")])) == parameters)
  }

  @Test func modulesThatDifferInNumbersAreTakenInTheirOrder() throws {
    let source = """
      model M(H = 2) {
          input x: [H]
          \((0..<11).map { "l\($0) = Linear(H, H); " }.joined())
          y = l0(x) + l1(x) + l2(x) + l3(x) + l4(x) + l5(x) + l6(x) + l7(x) + l8(x) + l9(x) + l10(x)
          output y
      }
      """
    let program = try Compiler().compile(source: source, batch: 1)
    let parameters = try program.initialParameters(seed: 1)
    var given: [String: Tensor] = [:]
    for i in 0..<11 {
      given["net.\(2 * i).weight"] = parameters["l\(i).W"]
      given["net.\(2 * i).bias"] = parameters["l\(i).b"]
    }
    #expect(try program.parameters(from: given) == parameters)
    given["other.weight"] = given.removeValue(forKey: "net.0.weight")
    given["other.bias"] = given.removeValue(forKey: "net.0.bias")
    let error = #expect(throws: InputError.self) { try program.parameters(from: given) }
    #expect(error?.message.contains("could each be") == true && error?.notes.isEmpty == false)
    #expect(try program.parameters(from: given, modules: ModuleMap(["other=l0"])) == parameters)
  }

  @Test func ownNamesAndOthersMayMix() throws {
    var given = try dictionary()
    for (name, tensor) in parameters where name.hasPrefix("deep.") { given[name] = tensor }
    #expect(try program.parameters(from: given) == parameters)
    // What derivatives and coefficients are called is no parameter.
    given["grad.rnn.weight_ih_l7"] = Tensor([1 as Float])
    given["unknown.thing"] = Tensor([1 as Float])
    #expect(try program.parameters(from: given) == parameters)
    #expect(try program.parameters(from: parameters) == parameters)
  }

  /// Under both names, a parameter has the same numbers, or it is not clear which are meant.
  @Test(arguments: [
    ("deep.forward.W", "deep.forward.weight_ih_l0"), ("e.E", "e.weight"), ("a.W", "rnn.weight_ih_l0"),
  ]) func bothNamesMeanTheSame(_ path: String, _ other: String) throws {
    let modules = try ModuleMap(["rnn=a+b,c"])
    let whole = try program.stateDictionary(of: parameters, modules: modules)
    // One parameter, or all, under its own name as well.
    for given in [
      whole.merging([path: try #require(parameters[path])]) { $1 }, whole.merging(parameters) { $1 },
    ] {
      #expect(try program.parameters(from: given, modules: modules) == parameters)
      var wrong = given
      let tensor = try #require(given[other])
      wrong[other] = Tensor([Float](repeating: 7, count: tensor.count), shape: tensor.shape)
      let error = #expect(throws: InputError.self) { try program.parameters(from: wrong, modules: modules) }
      #expect(
        error?.message == "tensors '\(path)' and '\(other)' of the state dictionary are different, "
          + "but both are '\(path)' of the model")
    }
    // What has a place of its own in the file is a parameter that is given, too: a part may come from each.
    var mixed = whole
    mixed[other] = nil
    mixed[path] = parameters[path]
    #expect(try program.parameters(from: mixed, modules: modules) == parameters)
  }

  @Test func aMissingBiasIsZero() throws {
    let given = try dictionary().filter { !$0.key.hasPrefix("rnn.bias") && $0.key != "out.bias" }
    let found = try program.parameters(from: given)
    for (name, tensor) in parameters {
      let isMissing = ["a.b_x", "b.b_x", "c.b_x", "a.b_h", "b.b_h", "c.b_h", "out.b"].contains(name)
      #expect(found[name] == (isMissing ? Tensor(.f32, shape: tensor.shape) : tensor), "\(name)")
    }
  }

  struct Mistake: Sendable {
    let name: String
    let tensor: Tensor?
    let message: String
  }

  @Test(arguments: [
    Mistake(
      name: "rnn.weight_ih_l1", tensor: Tensor(.f32, shape: [16, 4]),
      message: "tensor 'rnn.weight_ih_l1' of the state dictionary is f32[16, 4], "
        + "but 'c.W' of the model is f32[16, 8]"),
    Mistake(
      name: "rnn.weight_ih_l2", tensor: Tensor(.f32, shape: [16, 4]),
      message: "tensor 'rnn.weight_ih_l2' of the state dictionary belongs to no instance of the model"),
    Mistake(
      name: "e.weight", tensor: nil,
      message: "the state dictionary has no tensor 'e.E', which the model needs as f32[5, 3]"),
    Mistake(
      name: "scale", tensor: Tensor([1, 2, 3, 4] as [Int32]),
      message: "tensor 'w' of the state dictionary does not fit the model: "
        + "a tensor of i32 cannot be converted to f32"),
  ])
  func whatDoesNotFitIsNamed(_ mistake: Mistake) throws {
    var given = try dictionary()
    given[mistake.name] = mistake.tensor
    let error = #expect(throws: InputError.self) { try program.parameters(from: given) }
    #expect(error?.message == mistake.message)
  }

  @Test(arguments: [
    ("rnn", "'rnn' does not map a module"), ("rnn=", "'rnn=' does not map a module"),
    ("rnn=a,", "'rnn=a,' does not map a module"), ("rnn=a+b+c", "'rnn=a+b+c' does not map a module"),
    ("rnn=a,a", "instance 'a' is mapped twice to module 'rnn'"),
    ("rnn=z", "the model has no instance 'z' with names for other programs"),
  ])
  func wrongMapsAreExplained(_ entry: String, _ message: String) throws {
    let error = #expect(throws: InputError.self) {
      try program.stateDictionary(of: parameters, modules: ModuleMap([entry]))
    }
    #expect(error?.message == message)
  }

  /// Modules of PyTorch that share a weight are one instance here.
  @Test func tiedWeightsAreRead() throws {
    let bias = "cell Bias(N) { param b as bias: [N] = zeros; input x: [N]; output x + b }"
    for (more, logits) in [("", "e.E @ h"), ("shift = Bias(5)", "shift(e.E @ h)")] {
      let source = """
        \(bias)
        model Tied(V = 5, H = 3) {
            input t: seq token(V)
            e = Embedding(V, H)
            rnn = RNN(H, H)
            \(more)
            h = rnn(e(t))
            y = \(logits)
            output y
        }
        """
      let program = try Compiler().compile(source: source, batch: 1)
      let parameters = try program.initialParameters(seed: 3)
        .merging(more.isEmpty ? [:] : ["shift.b": Tensor([1, 2, 3, 4, 5] as [Float])]) { $1 }
      var given = try program.stateDictionary(of: parameters)
      let weight = given.removeValue(forKey: "e.weight")
      given["encoder.weight"] = weight
      given["decoder.weight"] = weight
      given["decoder.bias"] = given.removeValue(forKey: "shift.bias")
      #expect(try program.parameters(from: given) == parameters)
      // The other way, with the decoder's name for each of its parts.
      let modules = try ModuleMap(["encoder=e", "decoder=e"] + (more.isEmpty ? [] : ["decoder=shift"]))
      #expect(try program.stateDictionary(of: parameters, modules: modules) == given)
      #expect(try program.parameters(from: given, modules: modules) == parameters)
      #expect(try program.unused(given) == [])

      given["decoder.weight"] = Tensor((0..<15).map(Float.init), shape: [5, 3])
      let error = #expect(throws: InputError.self) { try program.parameters(from: given) }
      #expect(error != nil && error?.notes.isEmpty == false)
      let mapped = #expect(throws: InputError.self) { try program.parameters(from: given, modules: modules) }
      #expect(
        mapped?.message
          == "tensors 'encoder.weight' and 'decoder.weight' of the state dictionary are different, "
          + "but both are 'e.E' of the model")
    }
  }

  /// What is equal by chance, as biases that are zero are, is no tied weight.
  @Test func numbersThatAreAllAlikeAreNoSignOfTiedWeights() throws {
    var given = try dictionary()
    given["other.weight"] = given["deep.norm.weight"].map { Tensor(.f32, shape: $0.shape) }
    given["other.bias"] = given["other.weight"]
    let error = #expect(throws: InputError.self) { try program.parameters(from: given) }
    #expect(error?.message.contains("'other") == true, "\(error?.message ?? "")")
  }

  @Test func twoParametersCannotHaveOneName() throws {
    let error = #expect(throws: InputError.self) {
      try program.stateDictionary(of: parameters, modules: ModuleMap(["out=e"]))
    }
    #expect(error?.message == "parameters 'e.E' and 'out.W' would both be called 'out.weight'")
  }
}
