import RNNGraph

/// Where a value is to be stored.
enum Destination {
  /// At a place that is known.
  case memory(Storage)
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
    case .memory, .replacement: nil
    }
  }
}

/// Operations that become one kernel, or one operation that becomes a step of its own.
struct Cluster {
  /// What the step is.
  enum Kind {
    /// Elementwise work over one domain, perhaps with a product in front.
    case pointwise
    /// One reduction, with the elementwise work that only it needs.
    case reduce(OperationID)
    /// One scatter-add.
    case scatter(OperationID)
    /// One loop.
    case scan(OperationID)
  }

  var kind: Kind
  /// The shape over which elementwise work runs.
  var domain: [Dimension]
  /// The product whose groups of columns the elementwise work reads.
  var dot: OperationID?
  /// Values computed here, in order.
  var values: [ValueID] = []
  /// Values computed elsewhere or anywhere that are stored here, and where to.
  var copies: [(value: ValueID, destination: Destination)] = []
  /// About how much code the cluster is.
  var weight = 0
}

/// The clusters of one region in their order, and what was found out on the way.
struct Clustering {
  private(set) var clusters: [Cluster] = []
  /// The pointwise clusters by domain.
  private var rows: [[Dimension]: Row] = [:]
  /// What the region hands out.
  var results: Set<ValueID> = []
  /// The cluster that computes a value.
  var home: [ValueID: Int] = [:]
  /// Concatenations and paddings: the last cluster that stores a part.
  var completion: [ValueID: Int] = [:]
  /// Elementwise values that only one reduction needs, which computes them itself.
  var absorbed: Set<ValueID> = []
  /// Elementwise values that nothing computed in the region enters: they are computed where they are first read.
  var postponed: Set<ValueID> = []
  /// The first cluster that can compute an absorbed value.
  var readiness: [ValueID: Int] = [:]
  /// Where values computed here go, besides memory of their own.
  var destinations: [ValueID: [Destination]] = [:]
  /// How many groups of columns a product is read in.
  var groups: [ValueID: Int] = [:]
  /// Where values are stored as they are, if that is an output of the program.
  var outputPlaces: [ValueID: Storage] = [:]

  // Note [Bounded kernels]: LLVM takes longer than in proportion for a long function, and a kernel has a function. So a
  // cluster takes no more when its code is long, and what would have joined it starts the next one. A value that is read
  // there is stored: it is computed once. What is computed by each kernel that reads it, be it absorbed by a reduction or
  // postponed, is bounded as well.

  /// The weight from which on a cluster takes no more: much more than the equations of a cell have.
  static let limit = 768
}

extension Clustering {
  /// The first cluster, from a number on, that works element by element over a domain and takes more; a new one at the
  /// end if there is none.
  mutating func pointwise(_ domain: [Dimension], from first: Int) -> Int {
    if let number = rows[domain]?.first(from: first) { return number }
    return appendPointwise(domain)
  }

  /// The same without a product, which then joins it.
  mutating func pointwise(_ domain: [Dimension], from first: Int, joining dot: OperationID, of value: ValueID)
    -> Int
  {
    let number = rows[domain]?.firstWithoutProduct(from: first) ?? appendPointwise(domain)
    clusters[number].dot = dot
    clusters[number].values.insert(value, at: 0)
    rows[domain]?.close(number, forProducts: true)
    home[value] = number
    add(1, to: number)
    return number
  }

  private mutating func appendPointwise(_ domain: [Dimension]) -> Int {
    rows[domain, default: Row()].append(clusters.count)
    clusters.append(Cluster(kind: .pointwise, domain: domain))
    return clusters.count - 1
  }

  /// Adds a cluster of another kind at the end, which computes some values.
  mutating func append(_ cluster: Cluster, after first: Int, computing values: [ValueID]) {
    precondition(first <= clusters.count, "a cluster waits for one that does not exist")
    for value in values { home[value] = clusters.count }
    clusters.append(cluster)
    clusters[clusters.count - 1].values = values
  }

  /// Has a pointwise cluster compute a value.
  mutating func compute(_ value: ValueID, weight: Int, in number: Int) {
    clusters[number].values.append(value)
    home[value] = number
    add(weight, to: number)
  }

  /// Has a pointwise cluster store a value that it does not compute, or that is computed anywhere.
  mutating func copy(_ value: ValueID, to destination: Destination, in number: Int) {
    clusters[number].copies.append((value, destination))
    add(8, to: number)
  }

  private mutating func add(_ weight: Int, to number: Int) {
    clusters[number].weight += weight
    if clusters[number].weight >= Self.limit { rows[clusters[number].domain]?.close(number) }
  }
}

/// The clusters over one domain, in order, and which of them take more.
private struct Row {
  private var numbers: [Int] = []
  private var open = Skips()
  private var openForProducts = Skips()

  mutating func append(_ number: Int) {
    numbers.append(number)
    open.append()
    openForProducts.append()
  }

  /// The first cluster, from a number on, that takes more.
  mutating func first(from number: Int) -> Int? {
    open.first(from: place(number)).map { numbers[$0] }
  }

  /// The same without a product.
  mutating func firstWithoutProduct(from number: Int) -> Int? {
    openForProducts.first(from: place(number)).map { numbers[$0] }
  }

  mutating func close(_ number: Int, forProducts: Bool = false) {
    openForProducts.remove(place(number))
    if !forProducts { open.remove(place(number)) }
  }

  /// The first place with a number or a larger one.
  private func place(_ number: Int) -> Int {
    var (low, high) = (0, numbers.count)
    while low < high {
      let middle = (low + high) / 2
      if numbers[middle] < number { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// Places of which some are removed, and the next one that is not.
private struct Skips {
  /// A place itself, or a later one in front of which all are removed.
  private var next: [Int] = []

  mutating func append() { next.append(next.count) }

  mutating func remove(_ place: Int) { if next[place] == place { next[place] = place + 1 } }

  mutating func first(from place: Int) -> Int? {
    var place = place
    while place < next.count, next[place] != place {
      if next[place] < next.count { next[place] = next[next[place]] }
      place = next[place]
    }
    return place < next.count ? place : nil
  }
}
