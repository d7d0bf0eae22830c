import RNNSupport

/// Words and signs of other languages, with what stands for them here.
enum ForeignWords {
  /// The signs of several characters, none of which the language can have in a row.
  static let signs = ["**", "&&", "||", "+=", "-=", "*=", "/=", "->", "=>"]

  /// What to write in place of a sign.
  static func hint(forSign sign: String) -> String? {
    switch sign {
    case "**", "^": "a square is square(x), another power pow(x, n)"
    case "&&", "&", "||", "|", "!", "~": hintForLogic
    case "+=", "-=", "*=", "/=": "a name is defined once: give the new value a new name"
    case "?": hintForConditions
    case "%": "numbers have + - * / only"
    case "\u{201C}", "\u{201D}", "\u{AB}", "\u{BB}", "'":
      "only the path of an import stands in quotes, straight ones: import \"cells.rnn\""
    case "$", "\\": "a name is made of letters, digits and '_'"
    default: nil
    }
  }

  private static let hintForLogic =
    "combine conditions with where: where(a, where(b, x, y), y) for both, where(a, x, where(b, x, y)) for one of them,"
    + " where(a, y, x) for the opposite"
  private static let hintForConditions = "where(condition, a, b) chooses between two values"

  /// What to write in place of an operator that is a word.
  static func hint(forOperator word: String) -> String? {
    switch word {
    case "and", "or", "not", "xor": hintForLogic
    case "if", "else": hintForConditions
    case "mod": "numbers have + - * / only"
    default: nil
    }
  }

  /// What to write in place of a statement that starts with a word.
  static func hint(forStatement word: String) -> String? {
    switch word {
    case "if", "else", "elif", "switch", "match": hintForConditions
    case "for", "while", "loop", "do", "repeat":
      "a cell is one step, and a model runs it along a sequence: rnn(x)"
    case "return", "yield": "a cell or model gives a value by 'output y'"
    case "let", "var", "const", "val", "auto", "mut": "a definition is a name and its value: y = …"
    case "print": "a value is seen by putting it out: output seen = y"
    case "def", "func", "function", "lambda": "a function is a formula in front of the cells: fn f(x) = …"
    case "class", "struct", "module", "layer", "network": "a cell is declared by 'cell Name(sizes) { … }'"
    case "from", "include", "using", "require": "another file is brought in by 'import \"cells.rnn\"'"
    case "parameter", "parameters", "weight", "weights": "a parameter is declared by 'param W: [H, I] = …'"
    default: nil
    }
  }

  /// What to write in place of a call of a function of another library.
  static func hint(forFunction name: String) -> String? {
    switch name {
    case "matmul", "mm", "mv", "bmm", "einsum": "a product of matrices and vectors is written 'a @ b'"
    case "detach", "no_grad", "stop_grad": "no gradient flows through stop_gradient(x)"
    case "clip_grad", "clamp_grad": "clip_gradient(x, bound) brings a derivative between -bound and bound"
    case "cat", "stack", "hstack", "vstack", "concatenate": "vectors are joined by concat(a, b)"
    case "chunk", "unstack", "unbind": "a vector is cut into equal parts by split(x, n)"
    case "tile", "expand", "broadcast_to":
      "repeat(v, rows: n) is the matrix of n rows v, repeat(v, like: s) the value v at every step of s"
    case "power": hint(forSign: "**")
    case "clip": "a value is kept in bounds by clamp(x, low, high)"
    case "swish": "x * sigmoid(x) is silu(x)"
    case "and", "or", "not", "xor", "logical_and", "logical_or", "logical_not": hintForLogic
    case "if", "cond", "ifelse": hintForConditions
    case "CrossEntropyLoss", "NLLLoss", "nll_loss", "categorical_crossentropy":
      "a loss of tokens is 'loss cross_entropy(logits, token)'"
    case "MSELoss", "mse_loss", "mean_squared_error": "a loss of numbers is 'loss mse(a, b)'"
    case "Dense", "FC", "FullyConnected": "a layer W x + b is 'out = Linear(I, O)'"
    case "leaky_relu", "elu", "selu", "mish", "hard_sigmoid", "softsign", "sinh", "cosh", "tan":
      "a formula of your own is a function: fn softsign(x) = x / (1 + abs(x))"
    case "view", "flatten": "the same elements in another shape are reshape(x, A, B)"
    case "unsqueeze", "squeeze", "permute":
      "batch and time are not written: shapes are those of one step of one example"
    case "zeros", "ones", "full", "zeros_like", "ones_like":
      "a number stands for a vector or matrix of it wherever one is needed: 0, 1"
    default: nil
    }
  }

  /// Names that stand in front of functions elsewhere.
  static let modules: Set<String> = ["nn", "F", "np", "torch", "jax", "jnp", "tf", "keras", "math", "self"]
}

extension Diagnostic.Note {
  /// A note of a hint, if there is one.
  static func hint(_ text: String?) -> [Diagnostic.Note] { text.map { [Diagnostic.Note($0)] } ?? [] }
}
