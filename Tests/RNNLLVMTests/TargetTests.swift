import CRNNLLVM
import Foundation
import Testing

@testable import RNNLLVM

@Suite struct TargetTests {
  @Test func `vector units are known by the processor's name`() throws {
    for (name, bytes, registers, fma) in [
      ("x86-64", 16, 16, false), ("x86-64-v2", 16, 16, false), ("sandybridge", 16, 16, false),
      ("x86-64-v3", 32, 16, true), ("znver3", 32, 16, true), ("x86-64-v4", 64, 32, true),
      ("skylake-avx512", 64, 32, true), ("znver5", 64, 32, true), ("neoverse-n1", 16, 32, true),
      ("aarch64-unknown-linux-gnu", 16, 32, true), ("x86_64-unknown-linux-gnu", 16, 16, false),
    ] {
      let target = try Target(named: name)
      #expect(target.vectorBytes == bytes, "\(name)")
      #expect(target.vectorRegisters == registers, "\(name)")
      #expect(target.hasFMA == fma, "\(name)")
    }
  }

  @Test func `native is this machine`() throws {
    let target = try Target(named: "native")
    #expect(target == Target.host)
    #expect(target.runsHere)
    #expect(try !Target(named: target.architecture == .x86_64 ? "neoverse-n1" : "x86-64").runsHere)
  }

  @Test func `an unknown name is refused with one that looks like it`() {
    #expect { try Target(named: "x86-64-v5") } throws: { error in
      let error = error as? UnknownTarget
      return error?.suggestion == "x86-64-v2"
    }
    #expect { try Target(named: "znver33") } throws: { "\($0)".contains("did you mean 'znver3'") }
    #expect { try Target(named: "not-a-machine") } throws: {
      "\($0)".contains("unknown target 'not-a-machine'")
    }
    #expect(throws: UnknownTarget.self) { try Target(named: "") }
  }

  @Test(
    arguments: ["x86_64", "aarch64"], ["linux-gnu", "unknown-linux-musl", "apple-macosx", "apple-darwin23.1"])
  func `objects are made for what is served`(_ architecture: String, _ system: String) throws {
    let target = try Target(named: "\(architecture)-\(system)")
    let object = try sumModule(target).object()
    let isElf = system.contains("linux")
    #expect(Array(object.prefix(4)) == (isElf ? [0x7f, 0x45, 0x4c, 0x46] : [0xcf, 0xfa, 0xed, 0xfe]))
  }

  /// Each architecture of LLVM, and systems whose addresses, calls or files are others.
  @Test func `whatever no test compiles for is refused`() {
    LLVMTargets.initialize()
    var names: [String] = []
    var next = LLVMGetFirstTarget()
    while let target = next {
      names.append(String(cString: LLVMGetTargetName(target)))
      next = LLVMGetNextTarget(target)
    }
    #expect(names.count > 1)
    let served: Set = ["x86-64", "x86_64", "aarch64", "arm64"]
    let architectures = Set(names + ["nvptx64", "amdgcn", "wasm32", "i686", "armv7", "mips64el", "sparcv9"])
      .subtracting(served)
    var triples = architectures.sorted().flatMap { ["\($0)-unknown-linux-gnu", "\($0)-unknown-unknown"] }
    triples += [
      "nvptx64-nvidia-cuda", "amdgcn-amd-amdhsa", "x86_64-unknown-linux-gnux32", "aarch64-linux-gnu_ilp32",
      "x86_64-pc-windows-msvc", "x86_64-unknown-linux-wasm", "aarch64-pc-windows-msvc",
      "arm64_32-apple-watchos",
      "x86_64-unknown-linux-gnu-xcoff", "x86_64", "aarch64--", "-", "--linux-gnu", "x86_64-unknown-uefi",
    ]
    for triple in triples {
      #expect(throws: UnknownTarget.self, "\(triple)") { try Target(named: triple) }
    }
  }

  /// It would tell of others on standard error.
  @Test func `LLVM knows every processor that can be named`() throws {
    let names = TargetNames.x86_64.union(TargetNames.aarch64).sorted()
    let remarks = try capturingStandardError {
      for name in names { _ = try Target(named: name) }
    }
    #expect(!remarks.contains("recognized"), "\(remarks)")
  }
}

/// What the process writes to standard error meanwhile; it is written there afterwards.
private func capturingStandardError(_ body: () throws -> Void) throws -> String {
  let file = tmpfile()!
  defer { fclose(file) }
  let old = dup(STDERR_FILENO)
  dup2(fileno(file), STDERR_FILENO)
  let result = Result { try body() }
  dup2(old, STDERR_FILENO)
  close(old)
  rewind(file)
  let text = String(decoding: FileHandle(fileDescriptor: fileno(file)).readDataToEndOfFile(), as: UTF8.self)
  FileHandle.standardError.write(Data(text.utf8))
  try result.get()
  return text
}
