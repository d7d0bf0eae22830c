import Foundation
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
  /// The names of all tensors that are given.
  private var own: Set<String> = []

  private var groups: [StatePlace: Group] = [:]
  /// Instances that lack a parameter and have no group yet.
  private var open: [OtherNames] = []
  private var found: [(instance: OtherNames, place: StatePlace, group: Group)] = []
  /// Why groups that are left could not be given to instances.
  private var ambiguity: InputError?
  /// The names of the tensors that were taken.
  private(set) var used: Set<String> = []

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
  /// - Throws: `InputError` that names a tensor of another shape, one that nothing takes, one that is missing, or two
  ///   different ones of the same parameter.
  mutating func read(_ tensors: [String: Tensor], taken: Set<String>) throws -> [String: Tensor] {
    open = instances.filter { instance in instance.parameters.contains { tensors[$0.path] == nil } }
    let complete = instances.filter { !open.contains($0) }
    let isComplete = open.isEmpty
    let known = taken.union(instances.flatMap(\.parameters).map(\.path))
    let names = Set(instances.flatMap(\.parameters).map(\.name))
    for (name, tensor) in tensors where !known.contains(name) {
      if Self.reserved.contains(where: name.hasPrefix) { continue }
      let (place, parameter) = StatePlace.parse(name)
      if names.contains(parameter) { groups[place, default: [:]][parameter] = tensor }
    }
    own = Set(tensors.keys)
    try takeMapped()
    takeNamed(among: open)
    // What is given under its own name may also stand under another one.
    takeNamed(among: complete, alsoWithoutName: false)
    takeOrdered()
    takeNamed(among: complete)
    dropTwins()
    if !isComplete, let place = groups.keys.min(), let parameter = groups[place]?.keys.min() {
      throw ambiguity
        ?? InputError(
          "tensor '\(place.tensorName(parameter))' of \(origin) belongs to no instance of the model",
          notes: [held].compactMap { $0 })
    }
    return try parameters(tensors)
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
        let given = [place] + (isSingle ? [bare] : [])
        let names = Set(instance.parameters.map(\.name))
        guard let known = given.first(where: { !names.isDisjoint(with: groups[$0]?.keys ?? [:].keys) }) else {
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
  ///
  /// - Parameter alsoWithoutName: whether the module without a name may be any of them.
  private mutating func takeNamed(among candidates: [OtherNames], alsoWithoutName: Bool = true) {
    var candidates = candidates
    for (module, places) in placesByModule() {
      let inside = candidates.filter {
        $0.instance == module || module.isEmpty && alsoWithoutName || $0.instance.hasPrefix(module + ".")
      }
      let fitting = inside.filter { instance in places.allSatisfy { fits($0, instance) } }
      guard fitting.count == places.count else { continue }
      for (place, instance) in zip(places, fitting) {
        take(place, instance)
        candidates.removeAll { $0 == instance }
      }
    }
  }

  /// Takes what is left in order, where modules differ in numbers only, as long as something can be taken.
  private mutating func takeOrdered() {
    var count = -1
    while !open.isEmpty, count != groups.values.reduce(0, { $0 + $1.count }) {
      count = groups.values.reduce(0) { $0 + $1.count }
      ambiguity = nil
      for first in groups.keys.sorted() {
        if let names = groups[first]?.keys { takeOrdered(first, Set(names)) }
      }
      dropTwins()
    }
  }

  /// Takes the groups of these parameters, of which one is at a place.
  private mutating func takeOrdered(_ first: StatePlace, _ names: Set<String>) {
    var places = groups.keys.filter { Set(groups[$0]?.keys ?? [:].keys) == names }.sorted()
    let exact = open.filter { Set($0.parameters.map(\.name)) == names }
    let fitting = exact.isEmpty ? open.filter { fits(first, $0) } : exact
    guard !fitting.isEmpty else { return }
    if places.count > fitting.count {
      // Modules that share a weight may stand for one instance.
      var distinct: [StatePlace] = []
      for place in places where !distinct.contains(where: { areTwins(groups[$0], groups[place]) }) {
        distinct.append(place)
      }
      places = distinct
    }
    guard Set(places.map(\.module.withoutNumbers)).count == 1 else {
      let modules = Set(places.map(\.module)).sorted()
      let choices = fitting.map(\.instance).map { "'\($0)'" }.joined(separator: ", ")
      ambiguity = InputError(
        "modules \(modules.map { "'\($0)'" }.joined(separator: " and ")) of \(origin) could each be \(choices)",
        notes: [
          "say which, as in --module \(modules[0])=\(fitting[0].instance), or name the instances alike",
          "they would be one tied weight if their numbers were the same",
        ])
      return
    }
    for (place, instance) in zip(places, fitting) { take(place, instance) }
  }

  /// Whether two groups hold the same numbers, as modules do that share a weight. Numbers that are all alike, such as
  /// those of a bias that is zero, are no sign of that.
  private func areTwins(_ a: Group?, _ b: Group?) -> Bool {
    guard let a, let b, a.keys == b.keys else { return false }
    return a.allSatisfy { name, tensor in b[name] == tensor } && a.values.contains { !$0.isUniform }
  }

  /// Drops tensors that are copies of ones that an instance has: those of modules that share a weight with it.
  private mutating func dropTwins() {
    for (place, group) in groups {
      for (parameter, tensor) in group where !tensor.isUniform {
        guard found.contains(where: { $0.group[parameter] == tensor }) else { continue }
        used.insert(place.tensorName(parameter))
        groups[place]?[parameter] = nil
      }
      if groups[place]?.isEmpty == true { groups[place] = nil }
    }
  }

  /// Gives the parameters of an instance at a place to it.
  private mutating func take(_ place: StatePlace, _ instance: OtherNames) {
    open.removeAll { $0 == instance }
    guard let group = groups.removeValue(forKey: place) else { return }
    let names = Set(instance.parameters.map(\.name))
    found.append((instance, place, group.filter { names.contains($0.key) }))
    let rest = group.filter { !names.contains($0.key) }
    if !rest.isEmpty { groups[place] = rest }
  }

  private func placesByModule() -> [(module: String, places: [StatePlace])] {
    let places = Dictionary(grouping: groups.keys.sorted(), by: \.module)
    return groups.keys.sorted().map(\.module).uniqued.map { ($0, places[$0] ?? []) }
  }

  /// Whether a group has the parameters of an instance, perhaps without biases and what is given under its own name.
  private func fits(_ place: StatePlace, _ instance: OtherNames) -> Bool {
    let given = Set(groups[place]?.keys ?? [:].keys)
    return given.isSubset(of: instance.parameters.map(\.name))
      && instance.parameters.allSatisfy {
        given.contains($0.name) || isBias($0.name) || own.contains($0.path)
      }
  }

  private func isBias(_ name: String) -> Bool { name.hasPrefix("bias") }

  // MARK: The parameters

  /// The tensors of the groups that instances have taken, and zeros for biases that are missing.
  ///
  /// - Parameter tensors: all that is given, for what stands there under its own name.
  private mutating func parameters(_ tensors: [String: Tensor]) throws -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    /// What each parameter is called in the file.
    var names: [String: String] = [:]
    for (instance, place, group) in found {
      for parameter in instance.parameters {
        guard let wanted = specifications[parameter.path], let tensor = group[parameter.name] else {
          continue
        }
        let name = place.tensorName(parameter.name)
        guard tensor.shape == wanted.shape else {
          throw InputError(
            "tensor '\(name)' of \(origin) is \(tensor), but '\(wanted.name)' of the model is "
              + "\(wanted.elementType)\(wanted.shape)",
            note:
              "the model has other sizes (--set) or another kind of cell, or its instances stand in another order"
          )
        }
        if let other = result[wanted.name] ?? tensors[wanted.name],
          !other.hasSameNumbers(as: tensor, in: wanted.elementType)
        {
          throw InputError(
            "tensors '\(names[wanted.name] ?? wanted.name)' and '\(name)' of \(origin) are different, but both are "
              + "'\(wanted.name)' of the model",
            note: "leave one of them out, or make them the same")
        }
        result[wanted.name] = tensor
        names[wanted.name] = name
        used.insert(name)
      }
    }
    for (instance, place, _) in found {
      for parameter in instance.parameters
      where result[parameter.path] == nil && !own.contains(parameter.path) {
        guard let wanted = specifications[parameter.path] else { continue }
        guard isBias(parameter.name) else {
          throw InputError(
            "\(origin) has no tensor '\(place.tensorName(parameter.name))', which is '\(wanted.name)' of the model"
          )
        }
        result[wanted.name] = Tensor(wanted.elementType, shape: wanted.shape)
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

extension Tensor {
  /// Whether all elements are alike.
  fileprivate var isUniform: Bool {
    withUnsafeBytes { bytes in
      let width = elementType.byteCount
      // Each byte is that of the element before, so all are those of the first.
      return bytes.count <= width
        || memcmp(bytes.baseAddress!, bytes.baseAddress! + width, bytes.count - width) == 0
    }
  }

  /// Whether two tensors hold the same numbers when both are of a type.
  fileprivate func hasSameNumbers(as other: Tensor, in type: ElementType) -> Bool {
    guard let a = try? converted(to: type), let b = try? other.converted(to: type) else {
      return self == other
    }
    return a == b
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
