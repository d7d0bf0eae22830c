// RNNRuntime
