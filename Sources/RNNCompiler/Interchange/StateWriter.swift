import RNNLanguage

/// Gives a model's parameters the names that they have in a state dictionary of PyTorch.
struct StateWriter {
  private let instances: [OtherNames]
  /// Where each instance stands: in several modules if they share its weights.
  private var places: [String: [StatePlace]] = [:]

  /// Prepares for a model.
  ///
  /// - Throws: `InputError` if the map names an instance that the model lacks.
  init(_ instances: [OtherNames], modules: ModuleMap) throws {
    self.instances = instances
    for module in modules.modules {
      let mapped = modules.places(of: module) { name in
        instances.first { $0.instance == name }?.isRecurrent ?? false
      }
      for (instance, place) in mapped {
        guard instances.contains(where: { $0.instance == instance }) else {
          throw unknownInstance(instance, instances)
        }
        places[instance, default: []].append(place)
      }
    }
  }

  /// The place of an instance that no map names: a module of its path, and its only layer if it has states.
  static func place(of instance: OtherNames) -> StatePlace {
    StatePlace(module: instance.instance, layer: instance.isRecurrent ? 0 : nil, isReverse: false)
  }

  /// The tensors of `parameters`, which has their paths, under their names in PyTorch; those that have none keep theirs.
  ///
  /// - Throws: `InputError` if two would have the same name.
  func write(_ parameters: [String: Tensor]) throws -> [String: Tensor] {
    var names: [String: [String]] = [:]
    for instance in instances {
      for place in places[instance.instance] ?? [Self.place(of: instance)] {
        for parameter in instance.parameters {
          names[parameter.path, default: []].append(place.tensorName(parameter.name))
        }
      }
    }
    var result: [String: Tensor] = [:]
    var owners: [String: String] = [:]
    for (path, tensor) in parameters.sorted(by: { $0.key < $1.key }) {
      for name in names[path] ?? [path] {
        if let first = owners[name], first != path {
          throw InputError(
            "parameters '\(first)' and '\(path)' would both be called '\(name)'",
            note: "map their instances to modules of different names")
        }
        owners[name] = path
        result[name] = tensor
      }
    }
    return result
  }
}
