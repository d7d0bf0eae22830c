import RNNGraph

/// Where a value is to be stored.
enum Destination: Sendable {
  /// Where the region's result of this number is wanted; whether that is an output of the program.
  case result(Int, isOutput: Bool)
  /// In a part of the value of a concatenation or padding, along an axis.
  case part(of: ValueID, axis: Int, start: Size)
  /// In the value of a reshape that is no view, element after element.
  case flat(of: ValueID)
  /// Zeros all over the value of a padding, before its operand.
  case zeros(of: ValueID)
  /// Over an input that it replaces, when nothing reads the input any more.
  case replacement(of: ValueID)
}

extension Destination {
  /// The value of which what is stored becomes a part.
  var whole: ValueID? {
    switch self {
    case .part(let whole, _, _), .flat(let whole), .zeros(let whole): whole
    case .result, .replacement: nil
    }
  }
}

/// Operations that become one kernel, or one operation that becomes a step of its own.
struct Cluster: Sendable {
  /// What the step is.
  enum Kind: Sendable {
    /// Elementwise work over one domain, perhaps with a product in front.
    case pointwise
    /// One reduction, with the elementwise work that only it needs.
    case reduce(OperationID)
    /// One scatter-add.
    case scatter(OperationID)
    /// One loop.
    case scan(OperationID)
    /// One sweep over the rows of matrices, by its number in `Sweeps`.
    case sweep(Int)
  }

  let kind: Kind
  /// The shape over which elementwise work runs.
  let domain: [Dimension]
  /// Why what it begins with did not join another cluster over its domain; nil if there is none, or for work that joins none.
  let split: Split?
  /// The product whose groups of columns the elementwise work reads.
  var dot: OperationID?
  /// Values computed here, in order.
  var values: [ValueID] = []
  /// Values computed elsewhere or anywhere that are stored here, and where to.
  var copies: [(value: ValueID, destination: Destination)] = []
  /// About how much code the cluster is.
  var weight = 0

  /// Why there is another cluster over the same domain.
  enum Split: Sendable {
    /// Those before come too early: it needs what this one makes.
    case behind(Int)
    /// Those before take no more: they are long (note [Bounded kernels]), or have a product already.
    case full
  }

  var isPointwise: Bool { if case .pointwise = kind { true } else { false } }
  var isScan: Bool { if case .scan = kind { true } else { false } }
  var isSweep: Bool { if case .sweep = kind { true } else { false } }
}

/// The fourth stage, for one region: its clusters in their order, and what was found out on the way.
struct Clustering: Sendable {
  let clusters: [Cluster]
  /// The cluster that computes a value.
  let home: [ValueID: Int]
  /// Concatenations and paddings: the last cluster that stores a part.
  let completion: [ValueID: Int]
  /// Elementwise values that only one reduction needs, which computes them itself.
  let absorbed: [ValueID: OperationID]
  /// Where values computed here go, besides memory of their own.
  let destinations: [ValueID: [Destination]]
  /// How many groups of columns a product is read in.
  let groups: [ValueID: Int]
  /// Values that are stored as they are in an output of the program, and the number of the region's result.
  let outputs: [ValueID: Int]
  /// For inputs that the program replaces, the first cluster that may do so: nothing behind it reads them, and it does so
  /// only element by element.
  let replaceable: [ValueID: Int]

  /// Whether a cluster may overwrite an input.
  func isLastReader(_ cluster: Int?, of input: ValueID) -> Bool {
    guard let cluster, clusters[cluster].isPointwise else { return false }
    return cluster >= replaceable[input, default: 0]
  }

  /// Whether the cluster that computes a value reads a view of it from a register. A sweep always does: else what reads
  /// the value would be no part of it.
  func isLocal(_ view: View, in home: Int, _ graph: Graph) -> Bool {
    let cluster = clusters[home]
    return cluster.isSweep || cluster.isLocal(view, domain: cluster.domain, groups: groups[view.base], graph)
  }
}

extension Cluster {
  /// Whether a view of a value computed here can be read here from a register, by work over `domain`.
  ///
  /// - Parameter groups: in how many groups of columns it is read, if it is a product.
  func isLocal(_ view: View, domain: [Dimension]?, groups: Int?, _ graph: Graph) -> Bool {
    guard isPointwise, self.domain == domain else { return false }
    if let groups { return view.columnGroup(groups, graph) != nil }
    return view.isIdentity && graph.type(view.base).shape == domain
  }
}

extension View {
  /// Which group of columns of a product it reads at the same place of the domain, or nil.
  func columnGroup(_ groups: Int, _ graph: Graph) -> Int? {
    for (axis, form) in map.dropLast().enumerated() where form != Affine(.axis(axis)) { return nil }
    guard let last = map.last, last.factors == [.axis(map.count - 1): 1] else { return nil }
    if groups == 1 { return last.constant == 0 ? 0 : nil }
    guard let columns = graph.type(base).shape.last?.fixed, let start = last.constant.constant,
      start % (columns / groups) == 0
    else { return nil }
    return start / (columns / groups)
  }
}
