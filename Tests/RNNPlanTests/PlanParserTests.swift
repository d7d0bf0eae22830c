import RNNDifferentiation
import RNNGraph
import RNNPasses
import RNNSchedule
import RNNTestSupport
import Testing

@testable import RNNPlan

/// The text of a plan is read back with nothing lost, and what is none is refused with its place.
@Suite struct PlanParserTests {
  private static let machine = Machine(vectorBytes: 32, vectorRegisters: 16)

  /// What tells a plan from the one that its text gives; nil if nothing does.
  static func difference(_ plan: Plan) throws -> String? {
    let text = plan.description
    let read = try Plan(parsing: text)
    if read.description != text { return "the text is another one" }
    if read.kernels != plan.kernels {
      let place = zip(plan.kernels, read.kernels).first { $0 != $1 }
      return "kernels: \(place.map { "\($0.0.lines(indent: "", withPlaces: false))" } ?? "their number")"
    }
    for (a, b) in zip(plan.buffers, read.buffers) {
      let isSame =
        a.name == b.name && a.element == b.element && a.format == b.format && a.count == b.count
        && a.place == b.place && a.lifetime == b.lifetime && a.offset == b.offset && a.row == b.row
      if !isSame { return "buffer \(a.name)" }
    }
    for (a, b) in zip(plan.inputs + plan.outputs, read.inputs + read.outputs) {
      let isSame =
        a.name == b.name && a.element == b.element && a.shape == b.shape && a.replaces == b.replaces
        && a.isStable == b.isStable
      if !isSame { return "port \(a.name)" }
    }
    let isSame =
      plan.buffers.count == read.buffers.count && plan.symbols == read.symbols
      && plan.name == read.name && plan.arenaBytes == read.arenaBytes && plan.batch == read.batch
      && plan.threads == read.threads
    return isSame ? nil : "the header"
  }

  @Test(arguments: TestGroup.graphs.seeds(500, core: 60)) func plansReadBack(seed: UInt64) throws {
    let random = RandomGraph(seed: seed, .init(element: .f32, hasLoss: seed % 2 == 1))
    var graph =
      seed % 2 == 1
      ? try gradient(of: random.graph) { random.graph.type($0.value).element.isFloat } : random.graph
    let pipeline = [Pipeline.none, .full, Pipeline.full.segmented, Pipeline.full.forLongSums][
      Int(seed / 2 % 4)]
    _ = try PassManager().run(pipeline, on: &graph)
    let plan = try Planner.plan(
      graph, batch: random.sizes[.batch] ?? 1, weights: seed % 5 == 0 ? .bf16 : .full)
    #expect(try Self.difference(plan) == nil)
    let layout = try plan.laidOut(by: ProcessorScheduler(Self.machine), threads: 1 + Int(seed % 3)).plan
    #expect(try Self.difference(layout) == nil)
  }

  @Test func namesAndNumbersReadBack() throws {
    var plan = try VerifierTests.plan()
    plan.name = "a\"b {"
    plan.buffers[0].name = "// no comment"
    plan.buffers.append(
      Buffer(name: "A", element: .f64, count: 3, place: .table(NumberTable([-0.0, 0.1, .infinity]))))
    plan.inputs[0].name = "ü\\"
    let odd = Index.stepsParity(Symbol("t1"))
    let open = Size(Symbol("i0")) * Size(Symbol("T")) * Size(-3)
    for i in plan.steps.indices {
      guard case .kernel(var kernel) = plan.steps[i] else { continue }
      let last = kernel.body.count
      kernel.body += [
        .constant(-0.0, .f32), .constant(0.1, .f64), .constant(.infinity, .f32),
        .constant(.leastNonzeroMagnitude, .f64),
        .size(open + 7, .f32), .size(Size(Symbol("nan")), .f64), .convert(.i32, 0), .convert(.bool, 0),
        .index(Affine(odd, times: open) + Affine(.parity(3), times: -2) + Affine(open)),
        .index(Affine(.oppositeParity(0)) + Affine(.loop(12), times: Size(Symbol("T")))),
        .random(key: 0, counter: 0, position: 0, stream: 4, .f32), .select(0, 0, 0), .compare(.equal, 0, 0),
      ]
      kernel.bound = Kernel.Bound(index: Affine(.axis(0)), limit: open)
      kernel.start = Access(buffer: BufferID(index: 1), index: Affine(open), isOwned: true)
      kernel.stores.append(Store(access: kernel.stores[0].access, value: last))
      plan.steps[i] = .kernel(kernel)
    }
    #expect(try Self.difference(plan) == nil)
    // A plan without places is text, too.
    plan.arenaBytes = 0
    for i in plan.buffers.indices { (plan.buffers[i].lifetime, plan.buffers[i].offset) = (nil, 0) }
    #expect(try Self.difference(plan) == nil)
  }

  private static let header = """
    plan "p" batch 1 threads 1 symbols(T) arena 64 bytes {
      input 0 "x" f32[4]
      output 0 "y" f32[4]
      b0 "x" f32 × 4 input 0
      b1 "y" f32 × 4 output 0

    """

  @Test(arguments: [
    ("", "1:1: expected 'plan', found the end"),
    ("plan p {", "1:6: expected a string, found 'p'"),
    ("plan \"p\" fast {", "1:10: 'fast' is no property of a plan"),
    ("plan \"p\" batch 0 {", "1:16: 0 is too small"),
    ("plan \"p\" {\n  input 1 \"x\" f32[]", "2:9: '1' is not the next number"),
    ("plan \"p\" {\n  input 0 \"x\" f16[]", "2:15: 'f16' is not an element type"),
    ("plan \"p\" {\n  output 0 \"x\" f32[] over input 0", "2:33: there is no input 0"),
    ("plan \"p\" {\n  b1 \"x\" f32 × 4", "2:3: expected 'b0', found 'b1'"),
    ("plan \"p\" {\n  b0 \"x\" f32 × 4 input 0", "2:24: there is no input 0"),
    (
      "plan \"p\" {\n  b0 \"x\" f32 × 4 at 0, phases 2 to 1",
      "2:36: a buffer lives from a phase to a later one"
    ),
    (
      "plan \"p\" {\n  b0 \"x\" f32 × 4 holds (1, 2, 3)", "2:24: 3 numbers do not fill a buffer of 4"
    ),
    ("plan \"p\" {\n  input 0 \"x\" f32[4]\n}", "3:1: input 0 is no buffer"),
    ("plan \"p\" {\n  b0 \"x\" f32 × T + T", "2:16: a term is there twice"),
    (
      "plan \"p\" {\n  b0 \"x\" f32 × 99999999999999999999",
      "2:16: '99999999999999999999' is no whole number, or too large"
    ),
    ("plan \"p\" {\n  b0 \"x\" f32 × t0", "2:16: 't0' is an index, and no symbol"),
  ])
  func errorsAreLocated(text: String, message: String) { expectFault(text, message) }

  @Test(arguments: [
    ("add [i0 < 4] {", "6:1: 'add' is not a step"),
    ("map \"m\" [i1 < 4] {", "6:10: expected 'i0', found 'i1'"),
    ("map \"m\" [] {\n}", "6:1: a kernel that stores nothing"),
    ("map \"m\" [i0 < 4] {\n  %1 = b0[i0]", "7:3: expected '%0', found '%1'"),
    ("map \"m\" [i0 < 4] {\n  %0 = b7[i0]", "7:8: 'b7' is not a buffer"),
    ("map \"m\" [i0 < 4] {\n  %0 = b0[i0 + i0]", "7:11: i0 is there twice"),
    ("map \"m\" [i0 < 4] {\n  %0 = b0[i0·2·T]", "7:14: a factor with symbols stands in parentheses"),
    ("map \"m\" [i0 < 4] {\n  %0 = tanh %0", "7:13: '%0' is not defined"),
    ("map \"m\" [i0 < 4] {\n  %0 = frob %0", "7:8: 'frob' is not an instruction"),
    ("map \"m\" [i0 < 4] {\n  %0 = f32 T", "7:12: expected a number, found 'T'"),
    ("map \"m\" [i0 < 4] {\n  b1[i0] = %0", "7:12: '%0' is not defined"),
    ("map \"m\" [i0 < 4], threads share T by 2 {", "6:33: 'T' is not an axis"),
    ("reduce mean 1 axes \"m\" [i0 < 4] {", "6:8: 'mean' is not a reduction"),
    (
      "product \"m\" [i0 < 4, i1 < 4] {\n  Σ f32 [i2 < 4] b0[0] · b0[0], 3 groups, tile 1 rows × 1 vectors of 8 × 2 groups",
      "7:74: a tile of 2 groups of 3"
    ),
    (
      "map \"m\" [i0 < 36028797018963968] {\n  %0 = b0[i0·36028797018963968]\n  b1[i0] = %0\n}",
      "6:1: an index that is too large"
    ),
    ("loop i0 up to T {", "6:6: 'i0' is not a loop"),
    ("loop t0 up to T {", "6:18: expected a word, found the end"),
    ("}\n}", "7:1: expected the end, found '}'"),
  ])
  func errorsInStepsAreLocated(text: String, message: String) { expectFault(Self.header + text, message) }

  private func expectFault(_ text: String, _ message: String) {
    do throws(GraphParseError) {
      let plan = try Plan(parsing: text)
      Issue.record("parsed as \(plan)")
    } catch {
      #expect(error.description == message)
    }
  }

  @Test func deepNestingIsRefused() {
    let text = "plan \"p\" {" + String(repeating: "loop t0 up to T {", count: 100_000)
    #expect(throws: GraphParseError.self) { try Plan(parsing: text) }
  }

  /// Whatever the text, the parser, the printer and the verifier do not trap, and what parses reads back.
  @Test(arguments: TestGroup.texts.seeds(40, core: 4)) func damagedTextIsRefused(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let text = try VerifierTests.plan(threads: 1 + Int(seed % 2)).description
    let characters = Array(text)
    let words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    let alphabet = Array("0123456789-.%()[]{},<·×+Σ=\"\\ \nTbitpq_/é")
    var parsed = 0
    for _ in 0..<150 {
      var damaged: String
      switch random.below(3) {
      case 0: damaged = String(characters.prefix(random.below(characters.count)))
      case 1:
        var words = words
        let (i, j) = (random.below(words.count), random.below(words.count))
        if random.chance(0.5) { words.swapAt(i, j) } else { words[i] = words[j] }
        damaged = words.joined(separator: " ")
      default:
        var characters = characters
        let i = random.below(characters.count)
        let character = alphabet[random.below(alphabet.count)]
        if random.chance(0.5) { characters[i] = character } else { characters.insert(character, at: i) }
        damaged = String(characters)
      }
      guard let plan = try? Plan(parsing: damaged) else { continue }
      parsed += 1
      let again = try Plan(parsing: plan.description)
      #expect(again.description == plan.description && again.kernels == plan.kernels, "\(damaged)")
      try? plan.verify()
    }
    #expect(parsed > 0, "no damage leaves a plan: nothing is tested")
  }
}
