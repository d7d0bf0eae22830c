// What makes a model another one, for messages.

extension ModelSource {
  /// The first line that another source has otherwise; nil if none has.
  func difference(from old: ModelSource) -> String? {
    let imported = imports.sorted { $0.key < $1.key }.map { ($0.key, $0.value, old.imports[$0.key] ?? "") }
    for (path, text, oldText) in [(path, text, old.text)] + imported where text != oldText {
      func lines(_ text: String) -> [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
          String(line.drop(while: \.isWhitespace))
        }
      }
      let (new, old) = (lines(text), lines(oldText))
      guard let place = (0..<max(new.count, old.count)).first(where: { new.at($0) != old.at($0) }) else {
        continue
      }
      func quoted(_ line: String?) -> String { line.map { "'\($0)'" } ?? "missing" }
      return "line \(place + 1) of '\(path)' is \(quoted(new.at(place))), and was \(quoted(old.at(place)))"
    }
    return nil
  }
}

extension Program {
  /// The first size that was another one; nil if none was.
  func difference(fromSizes old: [String: Int]) -> String? {
    for (name, size) in sizes.sorted(by: { $0.key < $1.key }) {
      if let known = old[name], known != size { return "size '\(name)' is \(size), and was \(known)" }
    }
    return nil
  }
}

extension Array {
  /// The element at a place; nil behind the end.
  fileprivate func at(_ place: Int) -> Element? { indices.contains(place) ? self[place] : nil }
}
