/// A number of things as messages say it: `1 step`, `2 steps`, `0 steps`.
public func counted(_ count: some BinaryInteger, _ noun: String) -> String {
  "\(count) \(noun)\(count == 1 ? "" : "s")"
}
