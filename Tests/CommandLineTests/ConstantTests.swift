import Foundation
import RNNCompiler
import Testing

@Suite("Constants of a file")
struct ConstantTests {
  let command: Command

  /// What is subtracted and divided by are data of the training set: no parameters.
  private static let model = """
    cell Standard(D) {
        const mean: [D] = file("tables/data.safetensors", "mean")
        const wide[i]: [D] = file("tables/data.safetensors", "deviation") + 0 * i
        input x: [D]
        output (x - mean) / wide
    }
    model M(D = 3, H = 4) {
        input  x: seq [D]
        target y: seq [H]
        standard = Standard(D)
        rnn = GRU(D, H)
        const mix: [D, D] = orthogonal(seed: 7)
        h = rnn(mix @ standard(x))
        output h
        loss mse(h, y)
    }
    """

  init() throws {
    command = try Command()
    try command.write(Self.model, to: "model.rnn")
    try FileManager.default.createDirectory(atPath: command.path("tables"), withIntermediateDirectories: true)
    let tables = [
      "mean": Tensor([0.5, -1, 2] as [Float], shape: [3]), "deviation": Tensor([1.0, 2, 4], shape: [3]),
    ]
    try Safetensors(tensors: tables).write(toFile: command.path("tables/data.safetensors"))
    var stream = RandomStream(seed: 1, name: "data")
    func numbers(_ shape: [Int]) -> Tensor {
      Tensor((0..<shape.reduce(1, *)).map { _ in Float(stream.uniform()) }, shape: shape)
    }
    try Safetensors(tensors: ["x": numbers([6, 5, 3]), "y": numbers([6, 5, 4])]).write(
      toFile: command.path("train.st"))
  }

  /// They are neither among the tensors of a checkpoint nor asked for, and the checkpoint needs no file to be gone on with.
  @Test func aCheckpointHoldsThem() throws {
    let first = try command.run(
      "train", "model.rnn", "--data", "train.st", "--batch", "2", "--epochs", "1", "--checkpoint", "c.st")
    #expect(first.status == 0, "\(first.errors)")
    let names = try Safetensors(contentsOfFile: command.path("c.st")).tensors.keys
    #expect(names.contains("rnn.W") && !names.contains { $0.contains("mean") || $0.contains("mix") })
    try FileManager.default.removeItem(atPath: command.path("tables"))
    let more = try command.run("train", "--resume", "c.st", "--data", "train.st", "--epochs", "2")
    #expect(more.status == 0 && more.output.contains("epoch 2/2"), "\(more.errors)")
    let gone = try command.run("check", "model.rnn")
    #expect(gone.status == 1)
    #expect(gone.errors.contains("model.rnn:2:23: error: cannot open safetensors file"), "\(gone.errors)")
  }

  /// A data set holds other tensors of the file, and a text is no file of tensors.
  @Test func mistakesHaveAPlace() throws {
    for (name, message) in [
      ("means", "has no tensor 'means': did you mean 'mean'?"), ("mean2", "did you mean"),
    ] {
      try command.write(Self.model.replacing("\"mean\"", with: "\"\(name)\""), to: "other.rnn")
      let outcome = try command.run("check", "other.rnn")
      #expect(outcome.status == 1 && outcome.errors.contains(message), "\(outcome.errors)")
    }
    try command.write(Self.model.replacing("mean: [D]", with: "mean: [D + 1]"), to: "other.rnn")
    let outcome = try command.run("check", "other.rnn")
    #expect(outcome.errors.contains("tensor 'mean' must be [4], found [3]"), "\(outcome.errors)")
  }

  #if os(Linux) && arch(x86_64)
    /// An object file holds them: a program in C that links it reads no file.
    @Test func anObjectFileHoldsThem() throws {
      let compile = [
        "compile", "model.rnn", "--batch", "1", "--threads", "1", "--inference", "--emit", "obj,header", "-o",
        "net",
      ]
      #expect(try command.run(compile).status == 0)
      try command.write(
        """
        #include "net.h"
        #include <stdio.h>
        #include <stdlib.h>
        int main(void) {
          static float x[3 * 3], weights[64], h[3 * 4], last[4], zero[4];
          for (int i = 0; i < 9; i++) x[i] = 0.25f * i;
          for (int i = 0; i < 64; i++) weights[i] = 0.03125f * (i % 17) - 0.25f;
          struct rnnc_M_context context = {0};
          context.size_T = 3;
          context.arena = aligned_alloc(64, (rnnc_M_arena_bytes(3) + 63) / 64 * 64);
          context.in_x = x, context.in_rnn__W = weights, context.in_rnn__U = weights;
          context.in_rnn__b_x = weights, context.in_rnn__b_h = weights, context.in_rnn__h = zero;
          context.out_h = h, context.out_rnn__h = last;
          for (int call = 0; call < 2; call++, context.prepared = 1) rnnc_M(&context, 0);
          for (int i = 0; i < 12; i++) printf("%.9g ", h[i]);
          return 0;
        }
        """, to: "net.c")
      var inputs: [String: Tensor] = ["x": Tensor((0..<9).map { 0.25 * Float($0) }, shape: [1, 3, 3])]
      for (name, shape) in [("W", [12, 3]), ("U", [12, 4]), ("b_x", [12]), ("b_h", [12])] {
        let numbers = (0..<shape.reduce(1, *)).map { 0.03125 * Float($0 % 17) - 0.25 }
        inputs["rnn.\(name)"] = Tensor(numbers, shape: shape)
      }
      try Safetensors(tensors: inputs).write(toFile: command.path("in.st"))
      let run = try command.run("run", "model.rnn", "--tensors", "in.st", "-o", "out.st")
      #expect(run.status == 0, "\(run.errors)")
      try FileManager.default.removeItem(atPath: command.path("tables"))
      let outcome = try command.shell("clang -Wall -Werror net.c net.o -lm -o net && ./net")
      #expect(outcome.status == 0, "\(outcome.errors)")
      let found = outcome.output.split(separator: " ").compactMap { Float($0) }
      let expected = try #require(try Safetensors(contentsOfFile: command.path("out.st")).tensors["h"])
        .values(as: Float.self)
      #expect(
        found.count == 12 && zip(found, expected).allSatisfy { abs($0 - $1) < 1e-6 }, "\(found) \(expected)")
    }
  #endif
}
