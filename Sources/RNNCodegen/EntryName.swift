import RNNPlan
import RNNSupport

extension Plan {
  /// The name of the model as a part of names of C.
  ///
  /// It is the stem of every name in a header, and what callers write.
  public var publicName: String {
    "rnnc_" + name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? String($0) : "_" }.joined()
  }

  /// The name of the function that runs the plan, of the C type `void (void *context, int32_t thread)`.
  ///
  /// A caller lays out a context and working memory by numbers of a header. So the name ends with the version of the
  /// layout and a hash of all that the caller must know: a header and an object file that were not made together do not
  /// link, where otherwise they would read and write at wrong places.
  public var entryName: String {
    func port(_ port: Port) -> String {
      "\(port.name) \(port.element)[\(port.shape.map(\.description).joined(separator: ","))] \(port.replaces ?? -1)"
    }
    let contract =
      ["\(threads)", "\(arenaBytes)"] + symbols.map(\.name) + inputs.map(port) + outputs.map(port)
    var hash = FNV1a()
    for byte in contract.joined(separator: "\n").utf8 { hash.add(byte) }
    return "\(publicName)_abi\(ContextLayout.version)_\(hash.digits.suffix(8))"
  }
}
