import RNNLanguage

/// Finds a model's parameters in a state dictionary of PyTorch, by the names that its cells give for other programs.
///
/// Instances are taken in the order of their declaration, layers in the order of their number, forward before reverse.
struct StateReader {
  /// Tensors of one place, by the names of parameters.
  private typealias Group = [String: Tensor]

  private let instances: [OtherNames]
  private let specifications: [String: TensorSpec]
  private let modules: ModuleMap
  private let origin: String

  private var groups: [StatePlace: Group] = [:]
  /// Instances that have no group yet.
  private var open: [OtherNames] = []
  private var found: [(instance: OtherNames, place: StatePlace, group: Group)] = []

  /// Prefixes of tensors that are no parameters.
  private static let reserved = ["grad.", "coef."]

  /// Prepares for a model.
  ///
  /// - Parameters:
  ///   - parameters: what the model wants.
  ///   - origin: where the tensors come from, for messages.
  init(_ instances: [OtherNames], parameters: [TensorSpec], modules: ModuleMap, origin: String) {
    self.instances = instances
    specifications = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0) })
    self.modules = modules
    self.origin = origin
  }

  /// The parameters, by path, that stand in `tensors` under other names; those under their own names are left out.
  ///
  /// - Parameter taken: names that mean something else.
  /// - Throws: `InputError` that names a tensor of another shape, one that nothing takes, or one that is missing.
  mutating func read(_ tensors: [String: Tensor], taken: Set<String>) throws -> [String: Tensor] {
    open = instances.filter { instance in instance.parameters.contains { tensors[$0.path] == nil } }
    let complete = instances.filter { !open.contains($0) }
    let known = taken.union(complete.flatMap(\.parameters).map(\.path))
    let names = Set(instances.flatMap(\.parameters).map(\.name))
    for (name, tensor) in tensors where !known.contains(name) {
      if Self.reserved.contains(where: name.hasPrefix) { continue }
      let (place, parameter) = StatePlace.parse(name)
      let isSpare = complete.contains { instance in
        instance.instance == place.module && instance.parameters.contains { $0.name == parameter }
      }
      if !isSpare, names.contains(parameter) { groups[place, default: [:]][parameter] = tensor }
    }
    try takeMapped()
    if open.isEmpty || groups.isEmpty { return try parameters() }
    takeNamed()
    try takeOrdered()
    if let place = groups.keys.min(), let parameter = groups[place]?.keys.min() {
      throw InputError(
        "tensor '\(place.tensorName(parameter))' of \(origin) belongs to no instance of the model",
        notes: [held].compactMap { $0 })
    }
    return try parameters()
  }

  /// A tensor's other name in a message: where it would stand if the file had it.
  static func otherName(of path: String, _ instances: [OtherNames]) -> String? {
    for instance in instances {
      guard let parameter = instance.parameters.first(where: { $0.path == path }) else { continue }
      return StateWriter.place(of: instance).tensorName(parameter.name)
    }
    return nil
  }

  // MARK: Which group is whose

  /// Takes the groups that the user has mapped.
  private mutating func takeMapped() throws {
    for module in modules.modules {
      for (name, place) in modules.places(of: module, isRecurrent: isRecurrent) {
        guard let instance = instances.first(where: { $0.instance == name }) else {
          throw unknownInstance(name, instances)
        }
        // A module of one cell has no number.
        let bare = StatePlace(module: place.module, layer: nil, isReverse: false)
        let isSingle = module.layers.count == 1 && !place.isReverse
        guard let known = groups[place] != nil ? place : isSingle && groups[bare] != nil ? bare : nil else {
          if open.contains(instance) {
            throw InputError(
              "\(origin) has no tensor '\(place.tensorName(instance.parameters[0].name))' for instance '\(name)'"
            )
          }
          continue
        }
        take(known, instance)
      }
    }
  }

  private func isRecurrent(_ name: String) -> Bool {
    instances.first { $0.instance == name }?.isRecurrent ?? true
  }

  /// Takes the modules that are called like an instance, or like one that holds as many instances as they have layers.
  private mutating func takeNamed() {
    for (module, places) in placesByModule() {
      let inside = open.filter {
        $0.instance == module || module.isEmpty || $0.instance.hasPrefix(module + ".")
      }
      let fitting = inside.filter { instance in places.allSatisfy { fits($0, instance) } }
      guard fitting.count == places.count else { continue }
      for (place, instance) in zip(places, fitting) { take(place, instance) }
    }
  }

  /// Takes what is left in order, where modules differ in numbers only.
  private mutating func takeOrdered() throws {
    while let first = groups.keys.min() {
      let names = Set(groups[first]?.keys ?? [:].keys)
      let places = groups.keys.filter { Set(groups[$0]?.keys ?? [:].keys) == names }.sorted()
      let exact = open.filter { Set($0.parameters.map(\.name)) == names }
      let fitting = exact.isEmpty ? open.filter { fits(first, $0) } : exact
      guard !fitting.isEmpty else { return }
      let kinds = Set(places.map(\.module.withoutNumbers))
      guard kinds.count == 1 else {
        let modules = Set(places.map(\.module)).sorted()
        let choices = fitting.map(\.instance).map { "'\($0)'" }.joined(separator: ", ")
        throw InputError(
          "modules \(modules.map { "'\($0)'" }.joined(separator: " and ")) of \(origin) could each be \(choices)",
          note: "say which, as in --module \(modules[0])=\(fitting[0].instance), or name the instances alike")
      }
      for (place, instance) in zip(places, fitting) { take(place, instance) }
      if places.count > fitting.count { return }
    }
  }

  private mutating func take(_ place: StatePlace, _ instance: OtherNames) {
    open.removeAll { $0 == instance }
    if let group = groups.removeValue(forKey: place) { found.append((instance, place, group)) }
  }

  private func placesByModule() -> [(module: String, places: [StatePlace])] {
    let places = Dictionary(grouping: groups.keys.sorted(), by: \.module)
    return groups.keys.sorted().map(\.module).uniqued.map { ($0, places[$0] ?? []) }
  }

  /// Whether a group has the parameters of an instance, perhaps without biases.
  private func fits(_ place: StatePlace, _ instance: OtherNames) -> Bool {
    let given = Set(groups[place]?.keys ?? [:].keys)
    let wanted = Set(instance.parameters.map(\.name))
    return given.isSubset(of: wanted) && wanted.subtracting(given).allSatisfy(isBias)
  }

  private func isBias(_ name: String) -> Bool { name.hasPrefix("bias") }

  // MARK: The parameters

  /// The tensors of the groups that instances have taken.
  private func parameters() throws -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for (instance, place, group) in found {
      for parameter in instance.parameters {
        guard let wanted = specifications[parameter.path] else { continue }
        let name = place.tensorName(parameter.name)
        if let tensor = group[parameter.name] {
          guard tensor.shape == wanted.shape else {
            throw InputError(
              "tensor '\(name)' of \(origin) is \(tensor), but '\(wanted.name)' of the model is "
                + "\(wanted.elementType)\(wanted.shape)",
              note:
                "the model has other sizes (--set) or another kind of cell, or its instances stand in another order"
            )
          }
          result[wanted.name] = tensor
        } else if isBias(parameter.name) {
          result[wanted.name] = Tensor(wanted.elementType, shape: wanted.shape)
        } else {
          throw InputError(
            "\(origin) has no tensor '\(name)', which is '\(wanted.name)' of the model")
        }
      }
    }
    return result
  }

  /// Which instances the model has, for a message.
  private var held: String? {
    let names = instances.map { "'\($0.instance)' (\($0.parameters.map(\.name).joined(separator: ", ")))" }
    return names.isEmpty ? nil : "the model has \(names.joined(separator: ", "))"
  }
}

extension Array where Element: Hashable {
  /// The elements without those that occurred before.
  fileprivate var uniqued: [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}

/// The error of a map that names an instance which the model lacks.
func unknownInstance(_ name: String, _ instances: [OtherNames]) -> InputError {
  let names = instances.map(\.instance).joined(separator: ", ")
  return InputError(
    "the model has no instance '\(name)' with names for other programs", note: "it has \(names)")
}
