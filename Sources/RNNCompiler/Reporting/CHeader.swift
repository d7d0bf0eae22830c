import RNNCodegen
import RNNGraph
import RNNPlan
import RNNSupport

extension NativeModule {
  /// A C header for the exported function: the block of memory that it reads, in the order of the plan, and the bytes
  /// of working memory that it needs.
  var header: String {
    let layout = ContextLayout(plan)
    let name = plan.publicName
    let type = "struct \(name)_context"
    let guardName = "\(name)_h".uppercased()
    var lines = [
      "// Written by rnnc: model \(plan.name), batch \(plan.batch), \(counted(plan.threads, "thread")).",
      "#ifndef \(guardName)", "#define \(guardName)", "", "#include <stdint.h>", "",
      "#ifdef __cplusplus", "extern \"C\" {", "#endif", "",
      "#define \(name.uppercased())_ABI \(ContextLayout.version)",
      "#define \(name.uppercased())_THREADS \(plan.threads)", "",
      "// What a call reads. Zeroed before the first call; tensors are dense, the last extent contiguous.",
      "\(type) {",
      "  void *arena;  // working memory of \(name)_arena_bytes(…) bytes, 64-byte aligned",
      "  int64_t prepared;  // 1: the arena holds what the last call made of the same weights; 0 at first",
      "  uint8_t reserved_0[\(layout.barrier - layout.prepared - 8)];",
    ]
    if layout.sizes > layout.barrier {
      lines.append("  uint8_t reserved_1[\(layout.sizes - layout.barrier)];  // for the threads' barrier")
    }
    for symbol in plan.symbols { lines.append("  int64_t \(identifier("size_\(symbol)"));") }
    let updated = Set(plan.outputs.compactMap(\.replaces))
    for (i, input) in plan.inputs.enumerated() {
      let isUpdated = updated.contains(i)
      lines.append(
        "  \(isUpdated ? "" : "const ")\(cType(input.element)) *\(identifier("in_\(input.name)"));"
          + "  // \(shape(input))\(isUpdated ? ", replaced by its next value" : "")")
    }
    for output in plan.outputs {
      lines.append(
        output.replaces == nil
          ? "  \(cType(output.element)) *\(identifier("out_\(output.name)"));  // \(shape(output))"
          : "  void *\(identifier("unused_\(output.name)"));  // stands in place of the input")
    }
    lines += ["};", ""]
    lines += arenaFunction
    lines += [
      "// Computes the outputs. "
        + (plan.threads == 1
          ? "The thread is number 0."
          : "Each of the \(counted(plan.threads, "thread")) calls it with the same context and its own number."),
      "//",
      "// In the object file the name ends with the version of all this and a hash of the sizes and types above. If a linker",
      "// does not find it, header and object file were not made together: write both with one 'rnnc compile'.",
      "#define \(name) \(plan.entryName)",
      "void \(name)(\(type) *context, int32_t thread);", "",
      "#ifdef __cplusplus", "}", "#endif", "", "#endif", "",
    ]
    return lines.joined(separator: "\n")
  }

  private var arenaFunction: [String] {
    let parameters = plan.symbols.map { "int64_t \(identifier("size_\($0)"))" }
    let terms = plan.arenaBytes.terms.sorted { "\($0.key)" < "\($1.key)" }.map { symbols, factor in
      (["INT64_C(\(factor))"] + symbols.map { identifier("size_\($0)") }).joined(separator: " * ")
    }
    return [
      "// The bytes of working memory.",
      "static inline int64_t \(plan.publicName)_arena_bytes(\(parameters.isEmpty ? "void" : parameters.joined(separator: ", "))) {",
      "  return \(terms.isEmpty ? "0" : terms.joined(separator: " + "));", "}", "",
    ]
  }

  private func cType(_ element: RNNGraph.ElementType) -> String {
    switch element {
    case .f32: "float"
    case .f64: "double"
    case .i32: "int32_t"
    case .bool: "uint8_t"
    }
  }

  private func shape(_ port: Plan.Port) -> String {
    "\(port.name) [\(port.shape.map(\.description).joined(separator: ", "))]"
  }

  /// A name of C; two names of the model that differ in a dot only stay apart.
  private func identifier(_ name: String) -> String {
    name.map { character in
      switch character {
      case "_": "_"
      case ".": "__"
      case "@": "_at_"
      default: character.isASCII && (character.isLetter || character.isNumber) ? String(character) : "_"
      }
    }.joined()
  }
}
