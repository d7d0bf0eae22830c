// RNNCompiler
