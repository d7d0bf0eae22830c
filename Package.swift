// swift-tools-version: 6.2
import Foundation
import PackageDescription

// Warnings are errors in CI, and warnings elsewhere: a newer toolchain must not break a user's build.
let strict: [SwiftSetting] =
  ProcessInfo.processInfo.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)]

/// Makes a target of the library; each imports only from targets listed above it.
func layer(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
  .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

/// Makes a test target.
func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
  .testTarget(
    name: name, dependencies: dependencies + ["RNNTestSupport"], resources: resources, swiftSettings: strict)
}

/// The programs of `Examples`, each a file in a folder of its name.
let examples = [
  "AddingProblem", "Arithmetic", "Cells", "CopyMemory", "Hello", "Layers", "Patterns", "ReverseStrings",
  "SequenceData", "TextPipeline", "TimeMachine",
].map { name -> Target in
  .executableTarget(
    name: name,
    dependencies: ["RNNBuilder", .product(name: "ArgumentParser", package: "swift-argument-parser")],
    path: "Examples/\(name)", swiftSettings: strict)
}

let package = Package(
  name: "rnnc",
  products: [
    .library(name: "RNNCompiler", targets: ["RNNCompiler", "RNNBuilder"]),
    .executable(name: "rnnc", targets: ["rnnc"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
  ],
  targets: [
    .systemLibrary(name: "CRNNLLVM", pkgConfig: "rnnc-llvm", providers: [.apt(["llvm-19-dev"])]),
    layer("RNNSupport", []),
    layer("RNNGraph", ["RNNSupport"]),
    layer("RNNDifferentiation", ["RNNGraph"]),
    layer("RNNLanguage", ["RNNGraph", "RNNDifferentiation"], resources: [.copy("StandardLibrary")]),
    layer("RNNInterpreter", ["RNNGraph"]),
    layer("RNNOptimizers", ["RNNGraph"]),
    layer("RNNPasses", ["RNNGraph", .product(name: "Collections", package: "swift-collections")]),
    layer("RNNPlan", ["RNNGraph", .product(name: "HeapModule", package: "swift-collections")]),
    layer("RNNPlanInterpreter", ["RNNInterpreter", "RNNPlan"]),
    layer("RNNSchedule", ["RNNPlan"]),
    layer("RNNLLVM", ["CRNNLLVM", "RNNSupport"]),
    layer("RNNCodegen", ["RNNSchedule", "RNNLLVM", "RNNSupport"]),
    .target(name: "CRNNProcessors"),
    layer("RNNRuntime", ["CRNNProcessors", "RNNSupport"]),
    layer(
      "RNNCompiler",
      [
        "RNNLanguage", "RNNInterpreter", "RNNDifferentiation", "RNNOptimizers", "RNNPasses", "RNNPlan",
        "RNNSchedule", "RNNCodegen", "RNNRuntime",
      ]),
    layer("RNNBuilder", ["RNNCompiler", "RNNLanguage"]),
    .executableTarget(
      name: "rnnc",
      dependencies: [
        "RNNSupport", "RNNCompiler", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    layer("RNNTestSupport", ["RNNCompiler", "RNNPlanInterpreter"]),
    tests("RNNRuntimeTests", ["CRNNProcessors", "RNNRuntime"], resources: [.copy("Fixtures")]),
    tests("RNNLLVMTests", ["RNNLLVM"]),
    tests("RNNGraphTests", ["RNNGraph"]),
    tests("RNNInterpreterTests", ["RNNInterpreter"]),
    tests(
      "RNNPassesTests", ["RNNPasses", "RNNDifferentiation", "RNNOptimizers", "RNNInterpreter"]),
    tests("RNNDifferentiationTests", ["RNNDifferentiation", "RNNOptimizers", "RNNInterpreter"]),
    tests("RNNPlanTests", ["RNNPlan", "RNNSchedule", "RNNDifferentiation", "RNNPasses"]),
    tests("RNNScheduleTests", ["RNNSchedule"]),
    tests(
      "RNNCodegenTests",
      ["RNNCodegen", "RNNDifferentiation", "RNNInterpreter", "RNNPasses", "RNNPlanInterpreter"]),
    tests("RNNCompilerTests", ["RNNCompiler"]),
    tests("RNNBuilderTests", ["RNNBuilder", "RNNLanguage"]),
    tests("RNNProgramTests", ["RNNCompiler"], resources: [.copy("Judge")]),
    tests("CommandLineTests", ["RNNBuilder", "rnnc"] + examples.map { .byName(name: $0.name) }),
    tests(
      "RNNLanguageTests",
      ["RNNLanguage", "RNNDifferentiation", "RNNInterpreter", "RNNPasses", "RNNRuntime"]),
  ] + examples,
  swiftLanguageModes: [.v6]
)
