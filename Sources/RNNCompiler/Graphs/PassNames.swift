import RNNPasses
import RNNSchedule
import RNNSupport

/// The passes by the names that a user gives.
public enum PassNames {
  /// The word that stands for every pass.
  public static let everything = "all"

  /// All passes, a line each with the name and what the pass does.
  public static var table: String {
    func lines(_ passes: [(name: String, summary: String)]) -> String {
      let width = passes.map(\.name.count).max() ?? 0
      return passes.map { pass in
        pass.name + String(repeating: " ", count: width - pass.name.count) + "  \(pass.summary)\n"
      }.joined()
    }
    return lines(Pass.all.map { ($0.name, $0.summary) }) + "\nof plans:\n"
      + lines(PlanPass.all.map { ($0.name, $0.summary) })
  }

  /// The names of passes of plans that a list means, in which `all` may stand for every pass.
  ///
  /// - Throws: `InputError` if there is no such pass.
  public static func planSet(_ names: [String]) throws -> Set<String> {
    try names.contains(everything) ? Set(PlanPass.all.map(\.name)) : Set(planPasses(names).map(\.name))
  }

  /// The passes of plans of these names.
  ///
  /// - Throws: `InputError` if there is no such pass.
  static func planPasses(_ names: [String]) throws -> [PlanPass] {
    try names.map { name in
      if let pass = PlanPass.all.first(where: { $0.name == name }) { return pass }
      throw InputError(
        "there is no pass of plans '\(name)'",
        note: "there are \(PlanPass.all.map(\.name).joined(separator: ", "))")
    }
  }

  /// The names that a list means, in which `all` may stand for every pass.
  ///
  /// - Throws: `InputError` if there is no such pass.
  public static func set(_ names: [String]) throws -> Set<String> {
    try names.contains(everything) ? Set(Pass.all.map(\.name)) : Set(passes(names, batch: 1).map(\.name))
  }

  /// The passes of these names, for a program of `batch` examples.
  ///
  /// - Throws: `InputError` if there is no such pass.
  static func passes(_ names: [String], batch: Int) throws -> [Pass] {
    let all = Pass.all(batch: batch)
    return try names.map { name in
      if let pass = all.first(where: { $0.name == name }) { return pass }
      let near = nearestName(to: name, among: all.map(\.name)).map { "did you mean '\($0)'? " } ?? ""
      throw InputError(
        "there is no pass '\(name)'",
        note: "\(near)'rnnc passes' lists them: \(all.map(\.name).joined(separator: ", "))")
    }
  }
}
