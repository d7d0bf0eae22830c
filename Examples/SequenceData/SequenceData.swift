import ArgumentParser
import RNNCompiler

// Writes train.safetensors and validate.safetensors: sequences of letters that come from one of four parts of the alphabet
// more often than from the others. Which part it is, is the label.
//
//   swift run -c release SequenceData

@main
struct SequenceData: ParsableCommand {
  @Option(help: "How many examples the training file has.") var examples = 1000

  func run() throws {
    var random = RandomStream(seed: 0, name: "data")
    try examples(examples, &random).write(toFile: "train.safetensors")
    try examples(200, &random).write(toFile: "validate.safetensors")
  }

  private func examples(_ count: Int, _ random: inout RandomStream) -> Safetensors {
    let (steps, letters, classes) = (20, 28, 4)
    let part = letters / classes
    var (text, labels): ([Int32], [Int32]) = ([], [])
    for _ in 0..<count {
      let label = random.integer(below: classes)
      labels.append(Int32(label))
      for _ in 0..<steps {
        let isOfPart = random.uniform() < 0.4
        text.append(
          Int32(isOfPart ? label * part + random.integer(below: part) : random.integer(below: letters)))
      }
    }
    return Safetensors(
      tensors: ["text": Tensor(text, shape: [count, steps]), "label": Tensor(labels, shape: [count])])
  }
}
