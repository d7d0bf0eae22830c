// RNNTestSupport
