// RNNPasses
