/// The version of rnnc, as `rnnc --version` prints it.
public let version = "0.1.0"
