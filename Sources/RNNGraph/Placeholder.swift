// RNNGraph
