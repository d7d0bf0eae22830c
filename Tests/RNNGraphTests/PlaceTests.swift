import RNNSupport
import Testing

@testable import RNNGraph

@Suite("Places of equations") struct PlaceTests {
  static let text = """
    graph "g" {
      %0 = parameter "W" constant(1) : f32[2, 2] ; gru.rnn:3 W
      %1 = data "x" : f32[T, B, 2]
      %2 = scan T : f32[T, B, 2] { ; my%20model.rnn:20 y
        invariant %3 = %0 : f32[2, 2]
        sequence %4 = %1 : f32[B, 2]
        %5 = dot %4, %3 contract(1; 0) : f32[B, 2] ; gru.rnn:12 z, gru.rnn:13
        yield %5
      }
      %6 = tanh %2 : f32[T, B, 2] ; gru.rnn:12 h'; adjoint of gru.rnn:12 z, gru.rnn:13 n; update of gru.rnn:3 W, …
      output "y" = %6
    }

    """

  @Test func commentsReadBack() throws {
    let graph = try Graph(parsing: Self.text)
    try graph.verify()
    #expect(graph.description == Self.text)
    let places = graph.places(of: graph.outputs[0].value)
    #expect(places.all.map(\.role) == [.value, .adjoint, .adjoint, .update])
    #expect(places.all.map(\.name) == ["h'", "z", "n", "W"])
    #expect(places.hasMore)
    #expect(graph.inputs[0].places.first?.line == 3)
    #expect(try Graph(parsing: graph.text(withPlaces: false)).outputs.count == 1)
  }

  @Test func placesAreNoPartOfWhatIsComputed() throws {
    let graph = try Graph(parsing: Self.text)
    let bare = try Graph(parsing: graph.text(withPlaces: false))
    #expect(!bare.description.contains(";" + " gru"))
    #expect(structurallyEqual(graph, bare))
  }

  @Test(arguments: ["; any words", ";", "; gru.rnn z", "; gru.rnn:0 z", "; a b c:3", "; %zz:3 x"])
  func otherCommentsAreSkipped(_ comment: String) throws {
    let graph = try Graph(
      parsing: "graph \"g\" { \(comment)\n%0 = data \"x\" : f32[2] \(comment)\noutput \"y\" = %0 }")
    #expect(graph.inputs[0].places.isEmpty)
  }

  @Test func aSetKeepsItsFirstPlacesAndSaysThatThereAreMore() {
    func place(_ line: Int) -> SourcePlaces {
      SourcePlaces([SourcePlace(file: "a.rnn", line: line, name: "x")])
    }
    var all = SourcePlaces.none
    for line in (1...20).reversed() { all.formUnion(place(line)) }
    #expect(all.all.map(\.line) == Array((13...20).reversed()))
    #expect(all.description.hasPrefix("a.rnn:13 x, a.rnn:14 x") && all.description.hasSuffix(", …"))
    // The same line in another column is the same equation.
    let known = SourcePlaces([SourcePlace(file: "a.rnn", line: 3, column: 4, name: "x")])
    #expect(known.union(place(3)).all.map(\.column) == [4])
    #expect(known.union(.none).all == known.all && SourcePlaces.none.union(known).all == known.all)
  }

  @Test func anAdjointStaysOne() {
    let places = SourcePlaces([SourcePlace(file: "a.rnn", line: 3, name: "x")]).with(role: .adjoint)
    #expect(places.description == "adjoint of a.rnn:3 x")
    #expect(places.with(role: .value).description == "adjoint of a.rnn:3 x")
    #expect(places.with(role: .update).description == "update of a.rnn:3 x")
  }
}
