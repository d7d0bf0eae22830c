// RNNSupport
