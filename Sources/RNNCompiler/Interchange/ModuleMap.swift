/// Which instances of a model are the layers of which modules of PyTorch.
///
///     try ModuleMap(["rnn=first,second", "both=forward+backward"])
///
/// Layers stand behind each other with commas, the two directions of a layer with a plus. An instance of several modules
/// is one whose weights they share, such as the embedding that a decoder is tied to. Modules that it does not name are
/// found without it.
public struct ModuleMap: Hashable, Sendable {
  /// A module: its layers, each with an instance for its one direction or its two.
  struct Module: Hashable {
    let name: String
    let layers: [[String]]
  }

  let modules: [Module]

  /// Names no module.
  public init() { modules = [] }

  /// Reads entries of the form `module=instance,…`; the name of the module may be empty, for PyTorch's names without
  /// a prefix.
  ///
  /// - Throws: `InputError` if an entry has another form, or an instance stands in it twice.
  public init(_ entries: [String]) throws {
    modules = try entries.map { entry in
      let sides = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let layers = sides.dropFirst().first?.split(separator: ",", omittingEmptySubsequences: false)
        .map { $0.split(separator: "+", omittingEmptySubsequences: false).map(String.init) }
      guard let layers, layers.allSatisfy({ $0.count <= 2 && !$0.contains("") }) else {
        throw InputError(
          "'\(entry)' does not map a module",
          note: "write MODULE=INSTANCE,…, as in rnn=first,second, or rnn=forward+backward for two directions")
      }
      return Module(name: String(sides[0]), layers: layers)
    }
    for module in modules {
      var seen: Set<String> = []
      if let second = module.layers.joined().first(where: { !seen.insert($0).inserted }) {
        throw InputError("instance '\(second)' is mapped twice to module '\(module.name)'")
      }
    }
  }

  /// The place of each instance, those of a stack's layers in its order.
  func places(of module: Module, isRecurrent: (String) -> Bool) -> [(instance: String, place: StatePlace)] {
    module.layers.enumerated().flatMap { layer, directions in
      directions.enumerated().map { direction, instance in
        let place = StatePlace(
          module: module.name, layer: isRecurrent(instance) ? layer : nil, isReverse: direction == 1)
        return (instance, place)
      }
    }
  }
}

/// Where the parameters of one instance stand in a state dictionary: a module, a layer of it and a direction.
struct StatePlace: Hashable {
  let module: String
  /// The number of the layer, or nil where names do not tell.
  let layer: Int?
  let isReverse: Bool

  /// What stands there under a parameter's name: `rnn.weight_ih_l1_reverse` of `weight_ih`.
  func tensorName(_ parameter: String) -> String {
    let suffix = layer.map { "_l\($0)" + (isReverse ? "_reverse" : "") } ?? ""
    return (module.isEmpty ? "" : module + ".") + parameter + suffix
  }

  /// Takes the name of a tensor apart; the opposite of `tensorName`.
  static func parse(_ name: String) -> (place: StatePlace, parameter: String) {
    let dot = name.lastIndex(of: ".")
    let module = dot.map { String(name[..<$0]) } ?? ""
    let last = dot.map { name[name.index(after: $0)...] } ?? name[...]
    if let parts = last.wholeMatch(of: /(.+)_l([0-9]{1,4})(_reverse)?/) {
      let place = StatePlace(module: module, layer: Int(parts.2), isReverse: parts.3 != nil)
      return (place, String(parts.1))
    }
    return (StatePlace(module: module, layer: nil, isReverse: false), String(last))
  }
}

extension StatePlace: Comparable {
  /// By module, where numbers in names count, then by layer, forward before reverse.
  static func < (a: StatePlace, b: StatePlace) -> Bool {
    if a.module != b.module { return a.module.naturalKey.lexicographicallyPrecedes(b.module.naturalKey) }
    return (a.layer ?? -1, a.isReverse ? 1 : 0) < (b.layer ?? -1, b.isReverse ? 1 : 0)
  }
}

extension String {
  /// The name without its numbers: names that share it are counted.
  var withoutNumbers: String { replacing(/[0-9]+/, with: "0") }

  /// Orders names as people do: `cell.2` in front of `cell.10`.
  fileprivate var naturalKey: [String] {
    matches(of: /[0-9]+|[^0-9]+/).map { match in
      let part = String(match.output)
      guard part.first?.isNumber == true else { return part }
      return String(repeating: "0", count: max(0, 20 - part.count)) + part
    }
  }
}
