// What a user of the library needs of the layers below, so that `import RNNCompiler` is enough.

@_exported import RNNRuntime
@_exported import struct RNNLLVM.Target
@_exported import struct RNNOptimizers.Optimizer
@_exported import enum RNNOptimizers.OptimizerSetting
@_exported import enum RNNOptimizers.Schedule
@_exported import struct RNNOptimizers.TrainingStepOptions
@_exported import struct RNNOptimizers.UpdateRule
@_exported import struct RNNSupport.Diagnostic
@_exported import struct RNNSupport.DiagnosticError
@_exported import struct RNNSupport.DiagnosticSet

/// The type of a tensor's elements.
public typealias ElementType = RNNRuntime.ElementType

/// A text as token ids.
public typealias Corpus = TextCorpus
