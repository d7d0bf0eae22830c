// RNNDifferentiation
