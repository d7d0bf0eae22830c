import Foundation
import Testing

@testable import RNNGraph

@Suite struct RoundTripTests {
  @Test(arguments: Samples.all) func printedTextReadsBack(text: String) throws {
    let graph = try Graph(parsing: text)
    try graph.verify()
    #expect(graph.description == text)
    #expect(structurallyEqual(graph, try Graph(parsing: graph.description)))
  }

  @Test func samplesHoldEveryOperation() throws {
    var found: Set<String> = []
    for text in Samples.all {
      let graph = try Graph(parsing: text)
      for operation in graph.operations { found.insert(operation.kind.mnemonic) }
    }
    let functions = Set(
      UnaryFunction.allCases.map(\.rawValue) + BinaryFunction.allCases.map(\.rawValue)
        + Comparison.allCases.map(\.rawValue))
    let others: Set = [
      "constant", "size", "select", "convert", "detach", "dot", "reduce_sum", "reduce_maximum",
      "reduce_minimum", "broadcast", "reshape", "transpose", "slice", "pad", "concat", "reverse", "one_hot",
      "gather", "scatter_add", "scan", "straight_through", "clip_gradient", "table",
    ]
    #expect(found.subtracting(functions) == others)
  }

  @Test func everyFunctionReadsBack() throws {
    let words =
      UnaryFunction.allCases.map { ($0.rawValue, "%0", "f32[]") }
      + BinaryFunction.allCases.map { ($0.rawValue, "%0, %0", "f32[]") }
      + Comparison.allCases.map { ($0.rawValue, "%0, %0", "bool[]") }
    for (word, operands, type) in words {
      let text = """
        graph "f" {
          %0 = data "x" : f32[]
          %1 = \(word) \(operands) : \(type)
          output "y" = %1
        }

        """
      let graph = try Graph(parsing: text)
      try graph.verify()
      #expect(graph.description == text)
    }
  }

  @Test func numbersDoNotDependOnTheTables() throws {
    let builder = GraphBuilder(Graph(name: "g"))
    let x = builder.graph.addInput("x", role: .data, TensorType(.f32, [2]))
    let unused = builder.negate(x)
    let y = builder.unary(.tanh, x)
    builder.graph.addOutput("y", role: .output, y)
    builder.graph.erase([builder.graph.definingOperation(unused)!])
    let text = """
      graph "g" {
        %0 = data "x" : f32[2]
        %1 = tanh %0 : f32[2]
        output "y" = %1
      }

      """
    #expect(builder.graph.description == text)
    #expect(builder.graph.description(of: builder.graph.definingOperation(y)!) == "%2 = tanh %0 : f32[2]")
    #expect(structurallyEqual(builder.graph, try Graph(parsing: text)))
  }

  @Test func builtScanPrints() throws {
    let builder = GraphBuilder(Graph(name: "g"))
    let x = builder.graph.addInput("x", role: .data, TensorType(.f32, [.steps, 3]))
    let h = builder.graph.addInput("h", role: .state, TensorType(.f32, [3]))
    let (carries, outputs) = builder.scan(steps: .steps, invariants: [], carries: [h], sequences: [x]) {
      let sum = builder.add($1[0], $2[0])
      return ([sum], [sum])
    }
    builder.graph.addOutput("h", role: .state, carries[0])
    builder.graph.addOutput("y", role: .output, outputs[0])
    try builder.graph.verify()
    #expect(
      builder.graph.description == """
        graph "g" {
          %0 = data "x" : f32[T, 3]
          %1 = state "h" : f32[3]
          %2, %3 = scan T : f32[3], f32[T, 3] {
            carry %4 = %1 : f32[3]
            sequence %5 = %0 : f32[3]
            %6 = add %4, %5 : f32[3]
            yield %6, %6
          }
          state "h" = %2
          output "y" = %3
        }

        """)
    #expect(structurallyEqual(builder.graph, try Graph(parsing: builder.graph.description)))
  }

  @Test func documentedGraphsReadBack() throws {
    let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/ir.md")
    let blocks = try String(contentsOf: page, encoding: .utf8).components(separatedBy: "```\n")
    let graphs = blocks.filter { $0.hasPrefix("graph \"") }
    #expect(!graphs.isEmpty)
    for text in graphs {
      let graph = try Graph(parsing: text)
      try graph.verify()
      #expect(graph.description == text)
    }
  }

  /// Every operation's word is explained.
  @Test func operationsAreDocumented() throws {
    let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/ir.md")
    let text = try String(contentsOf: page, encoding: .utf8)
    for sample in Samples.all {
      for operation in try Graph(parsing: sample).operations {
        #expect(text.contains("`\(operation.kind.mnemonic)"), "\(operation.kind.mnemonic)")
      }
    }
  }

  /// Each change of one word makes another graph.
  @Test(arguments: [
    ("\"character", "\"other"), ("\"text\"", "\"words\""), ("= data", "= target"), ("below(4)", "below(3)"),
    ("uniform(0.0625)", "uniform(0.5)"), ("uniform(", "normal("), ("scan T reverse", "scan T"),
    ("axes(0, 1, 2)", "axes(0, 2, 1)"), ("contract(2; 1)", "contract(1; 2)"), ("%20 = tanh", "%20 = exp"),
    ("= %11\n", "= %6\n"), ("metric", "output"), ("of(B, T)", "of(T, B)"), ("add %17, %14", "add %14, %17"),
    ("yield %20, %20", "yield %20, %19"), ("= %8\n", "= %1\n"), ("f32[8, 8]", "f64[8, 8]"),
    ("invariant %14 = %10", "carry %14 = %10"),
    ("update \"rnn.b\" of \"rnn.b\"", "update \"rnn.b\" of \"x\""),
  ])
  func differencesAreSeen(old: String, new: String) throws {
    let graph = try Graph(parsing: Samples.recurrent)
    let range = try #require(Samples.recurrent.firstRange(of: old))
    let changed = try Graph(parsing: Samples.recurrent.replacingCharacters(in: range, with: new))
    #expect(!structurallyEqual(graph, changed))
    #expect(graph.description != changed.description)
  }

  @Test func zeroHasASignAndNaNIsItself() throws {
    func graph(_ number: String) throws -> Graph {
      try Graph(parsing: "graph \"c\" { %0 = constant \(number) : f32[] output \"c\" = %0 }")
    }
    #expect(structurallyEqual(try graph("nan"), try graph("nan")))
    #expect(!structurallyEqual(try graph("0"), try graph("-0")))
    #expect(try graph("-0").description.contains("constant -0 :"))
  }

  @Test func namesAndCommentsReadBack() throws {
    let text = "// A comment.\ngraph \"a\\\\\\u{e9}\\u{1f600}\\u{a}\" { } // Another."
    let graph = try Graph(parsing: text)
    #expect(graph.name == "a\\é😀\n")
    #expect(try Graph(parsing: graph.description).name == graph.name)
  }
}

extension String {
  fileprivate func replacingCharacters(in range: Range<Index>, with text: String) -> String {
    String(self[..<range.lowerBound]) + text + self[range.upperBound...]
  }
}
