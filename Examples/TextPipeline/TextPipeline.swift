import ArgumentParser
import RNNCompiler

// From a text file to ids of words or letters, and back.
//
//   swift run -c release TextPipeline LICENSE

@main
struct TextPipeline: ParsableCommand {
  @Argument(help: "A text file.") var file: String
  @Option(help: "Rarer tokens become <unk>.") var minFreq = 1

  func run() throws {
    for tokenization in Tokenization.allCases {
      let corpus = try Corpus(
        contentsOfFiles: [file], tokenization: tokenization, minimumFrequency: minFreq,
        reserved: ["<pad>", "<bos>", "<eos>"])
      let vocabulary = corpus.vocabulary
      print("\(tokenization): \(corpus.ids.count) tokens, a vocabulary of \(vocabulary.count)")

      let counts = corpus.ids.reduce(into: [:]) { $0[$1, default: 0] += 1 }
      let frequent = vocabulary.tokens.prefix(10).enumerated().map { id, token in
        "\(id) '\(token)' \(counts[Int32(id)] ?? 0)"
      }
      print("  first ids:", frequent.joined(separator: ", "))

      // A line goes through the same steps: cleaned, cut, numbered, and back.
      let tokens = tokenization.tokens(of: "  The License, xyzzy!")
      let ids = vocabulary.ids(of: tokens)
      print("  tokens:", tokens)
      print("  ids:", vocabulary.ids(of: ["<bos>"]) + ids + vocabulary.ids(of: ["<eos>"]))
      print("  back:", tokenization.text(of: vocabulary.tokens(of: ids)))
    }
  }
}
