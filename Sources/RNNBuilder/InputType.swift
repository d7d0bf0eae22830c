import RNNLanguage

/// The type of an input or target: `[H]`, `.token(V)`, or a sequence of one of them.
public struct InputType: ExpressibleByArrayLiteral {
  enum Element {
    case tensor([Size])
    case token(Size)
  }

  let element: Element
  /// The names of the lengths of the sequences, from the outermost to the innermost; nil where none is named.
  let steps: [String?]

  /// Makes the type of a number, a vector or a matrix, from its sizes.
  public init(arrayLiteral sizes: Size...) { self.init(.tensor(sizes), []) }

  private init(_ element: Element, _ steps: [String?]) {
    self.element = element
    self.steps = steps
  }

  /// The type of an id from 0 to `size` − 1.
  public static func token(_ size: Size) -> InputType { InputType(.token(size), []) }

  /// The type of a value at every step.
  public static func seq(_ element: InputType) -> InputType {
    InputType(element.element, [nil] + element.steps)
  }

  /// The type of a value at every step; sequences have the same number of steps if it has the same name.
  public static func seq(_ steps: String, _ element: InputType) -> InputType {
    InputType(element.element, [steps] + element.steps)
  }
}
