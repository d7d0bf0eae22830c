// RNNCodegen
