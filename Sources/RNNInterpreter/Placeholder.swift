// RNNInterpreter
