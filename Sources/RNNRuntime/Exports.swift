// What users of tensors need of the layer below.

@_exported import struct RNNSupport.RandomStream
