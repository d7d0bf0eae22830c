import RNNCodegen
import RNNGraph
import RNNInterpreter
import RNNLLVM
import RNNPlan
import RNNTestSupport
import RNNSchedule
import Testing

/// Graphs at the edges of what the planner and the emitter distinguish, each against the interpreter.
@Suite struct EdgeTests {
  // MARK: Movement

  /// Prefixes of sequences in the opposite order, read by a map, a product and a loop, by threads that own examples.
  @Test(arguments: [1, 2, 9]) func reversesPrefixes(steps: Int) throws {
    try check(
      """
      %x = data "x" : f32[T, B, 5]
      %n = lengths "n" of(T) : i32[B]
      %w = parameter "w" constant(0) : f32[5, 6]
      %h = state "h" : f32[B, 5]
      %r = reverse_prefix %x, %n axis(0) : f32[T, B, 5]
      %y = tanh %r : f32[T, B, 5]
      %p = dot %r, %w contract(2; 0) : f32[T, B, 6]
      %z, %s = scan T : f32[B, 5], f32[T, B, 5] {
        carry %c = %h : f32[B, 5]
        sequence %e = %r : f32[B, 5]
        %m = multiply %c, %e : f32[B, 5]
        %a = add %m, %e : f32[B, 5]
        yield %a, %a
      }
      %q = reverse_prefix %s, %n axis(0) : f32[T, B, 5]
      output "y" = %y
      output "p" = %p
      output "z" = %z
      output "q" = %q
      """, [.batch: 7, .steps: steps])
  }

  /// Matrices that are turned, of whole squares and of what is left beside them, by threads that share rows.
  @Test(arguments: [1, 8, 35]) func turnsMatrices(steps: Int) throws {
    try check(
      """
      %w = parameter "w" constant(0) : f32[43, 21]
      %v = data "v" : f32[21, 43]
      %x = data "x" : f32[T, B, 19]
      %i = data "i" below(9) : i32[T, B]
      %j = data "j" below(9) : i32[B, T]
      %t = transpose %w axes(1, 0) : f32[21, 43]
      %a = multiply %t, %v : f32[21, 43]
      %p = transpose %x axes(2, 1, 0) : f32[19, B, T]
      %q = transpose %x axes(1, 2, 0) : f32[B, 19, T]
      %r = transpose %x axes(0, 2, 1) : f32[T, 19, B]
      %k = transpose %i axes(1, 0) : i32[B, T]
      %l = equal %k, %j : bool[B, T]
      %m = convert %l : f32[B, T]
      output "t" = %t
      output "a" = %a
      output "p" = %p
      output "q" = %q
      output "r" = %r
      output "m" = %m
      """, [.batch: 17, .steps: steps])
  }

  /// No vector of a turned matrix is put together element by element.
  @Test(arguments: ["x86-64-v2", "x86-64-v3", "x86-64-v4"]) func turnsInRegisters(name: String) throws {
    let graph = try Graph(
      parsing: """
        graph "turn" {
          %w = parameter "w" constant(0) : f32[48, 64]
          %t = transpose %w axes(1, 0) : f32[64, 48]
          output "t" = %t
        }
        """)
    let target = try Target(named: name)
    let plan = try Planner.plan(graph, batch: 1)
    let assembly = try NativeModule(
      try ScheduledPlan(plan, ProcessorScheduler(target.machine)), target: target
    ).assembly()
    #expect(!assembly.contains("gather") && !assembly.contains("insertps"))
  }

  /// The same random numbers in front of a loop and in it, whoever computes them.
  @Test func drawsTheSameNumbersEverywhere() throws {
    try check(
      """
      %k = seed "seed" : i32[]
      %h = state "h" : f32[B, 5]
      %i = iota : i32[T]
      %ks = broadcast %k axes() : i32[T]
      %u = random %ks, %i stream(3) : f32[T, B, 5]
      %z, %s = scan T : f32[B, 5], f32[T, B, 5] {
        invariant %key = %k : i32[]
        carry %c = %h : f32[B, 5]
        sequence %t = %i : i32[]
        sequence %v = %u : f32[B, 5]
        %a = random %key, %t stream(3) : f32[B, 5]
        %d = subtract %a, %v : f32[B, 5]
        %n = add %c, %d : f32[B, 5]
        yield %n, %a
      }
      output "u" = %u
      output "s" = %s
      output "z" = %z
      """, [.batch: 3, .steps: 4])
  }

  // MARK: Products

  /// Panels of a part of a matrix do not serve the whole, whose last panel has more columns.
  @Test func packsPartAndWholeApart() throws {
    try check(
      """
      %x = data "x" : f32[B, 12]
      %w = data "w" : f32[12, 10]
      %p = slice %w axis(1) front(0) count(9) : f32[12, 9]
      %a = dot %x, %p contract(1; 0) : f32[B, 9]
      %b = dot %x, %w contract(1; 0) : f32[B, 10]
      output "a" = %a
      output "b" = %b
      """, [.batch: 16])
  }

  /// A last panel that is not full, of a product with a short body: its code serves the whole panels, too.
  @Test(arguments: [9, 13, 28, 31, 43]) func masksTheLastPanel(columns: Int) throws {
    try check(
      """
      %x = data "x" : f32[T, B, 11]
      %w = parameter "w" constant(0) : f32[\(columns), 11]
      %b = parameter "b" constant(0) : f32[\(columns)]
      %p = dot %x, %w contract(2; 1) : f32[T, B, \(columns)]
      %c = broadcast %b axes(2) : f32[T, B, \(columns)]
      %y = add %p, %c : f32[T, B, \(columns)]
      output "y" = %y
      """, [.batch: 19, .steps: 3])
  }

  /// Packed rows count contracted indices as one, columns that lie openly count them by axis.
  @Test(arguments: [1, 5, 40]) func multipliesPackedRowsAndOpenColumns(steps: Int) throws {
    try check(
      """
      %a = data "a" : f32[3, 5, 64]
      %b = data "b" : f32[3, 5, T]
      %y = dot %a, %b contract(0, 1; 0, 1) : f32[64, T]
      output "y" = %y
      """, [.steps: steps])
  }

  /// Blocks of an open contraction: none, less than one, several and a rest; with a rest of rows and columns.
  @Test(arguments: [0, 1, 300]) func blocksOpenContractions(steps: Int) throws {
    try check(
      """
      %x = data "x" : f32[T, B, 47]
      %g = data "g" : f32[T, B, 37]
      %w = parameter "w" constant(0) : f32[47, 37]
      %d = dot %x, %g contract(0, 1; 0, 1) : f32[47, 37]
      %n = add %w, %d : f32[47, 37]
      output "d" = %d
      update "n" of "w" = %n
      """, [.batch: 7, .steps: steps])
  }

  /// As many gates as there are registers for, and more; narrower than a vector.
  @Test(arguments: [5, 6, 7, 15]) func splitsManyGates(gates: Int) throws {
    let width = 5
    let slices = (0..<gates).map {
      "%s\($0) = slice %d axis(1) front(\($0 * width)) count(\(width)) : f32[B, \(width)]"
    }
    let sums = (1..<gates).map { i in
      "%m\(i) = add \(i == 1 ? "%s0" : "%m\(i - 1)"), %s\(i) : f32[B, \(width)]"
    }
    try check(
      """
      %x = data "x" : f32[B, 9]
      %w = data "w" : f32[\(gates * width), 9]
      %d = dot %x, %w contract(1; 1) : f32[B, \(gates * width)]
      \((slices + sums).joined(separator: "\n"))
      %t = tanh %m\(gates - 1) : f32[B, \(width)]
      output "t" = %t
      """, [.batch: 5])
  }

  /// A product that is read in halves, across the halves, in quarters of a half, and whole.
  @Test func readsProductInPartsAndWhole() throws {
    try check(
      """
      %x = data "x" : f32[B, 6]
      %w = data "w" : f32[6, 8]
      %d = dot %x, %w contract(1; 0) : f32[B, 8]
      %a = slice %d axis(1) front(0) count(4) : f32[B, 4]
      %b = slice %d axis(1) back(0) count(4) : f32[B, 4]
      %c = slice %a axis(1) front(2) count(2) : f32[B, 2]
      %r = reverse %b axis(1) : f32[B, 4]
      %s = multiply %a, %r : f32[B, 4]
      %e = exp %c : f32[B, 2]
      %v = data "v" : f32[6, 8]
      %f = dot %x, %v contract(1; 0) : f32[B, 8]
      %g = slice %f axis(1) front(4) count(4) : f32[B, 4]
      %h = add %g, %s : f32[B, 4]
      %i = tanh %f : f32[B, 8]
      output "h" = %h
      output "i" = %i
      output "e" = %e
      """, [.batch: 4])
  }

  /// One contracted index, none, one row, one column, two axes of rows, and columns of vectors.
  @Test(arguments: [1, 4]) func multipliesSlimMatrices(batch: Int) throws {
    try check(
      """
      %x = data "x" : f32[B, 1]
      %w = data "w" : f32[1, 35]
      %u = data "u" : f32[35]
      %z = data "z" : f32[B, 2, 35]
      %m = data "m" : f32[35, 1]
      %q = data "q" : f32[33, 35]
      %a = dot %x, %w contract(1; 0) : f32[B, 35]
      %o = dot %u, %u contract(;) : f32[35, 35]
      %c = dot %z, %m contract(2; 0) : f32[B, 2, 1]
      %d = dot %z, %q contract(2; 1) : f32[B, 2, 33]
      %e = dot %q, %u contract(1; 0) : f32[33]
      %f = dot %u, %u contract(0; 0) : f32[]
      %g = dot %z, %z contract(2; 2) batch(0; 0) : f32[B, 2, 2]
      %h = dot %z, %z contract(1; 1) batch(0; 0) : f32[B, 35, 35]
      output "a" = %a
      output "o" = %o
      output "c" = %c
      output "d" = %d
      output "e" = %e
      output "f" = %f
      output "g" = %g
      output "h" = %h
      """, [.batch: batch])
  }

  /// Operands that are views of views, of constants, and of parts of a concatenation.
  @Test func multipliesViews() throws {
    try check(
      """
      %x = data "x" : f32[T, B, 6]
      %y = data "y" : f32[T, B, 4]
      %w = data "w" : f32[12, 40]
      %t = tanh %x : f32[T, B, 6]
      %c = concat %t, %y axis(2) : f32[T, B, 10]
      %r = reverse %c axis(0) : f32[T, B, 10]
      %s = slice %r axis(2) front(3) count(6) : f32[T, B, 6]
      %v = slice %w axis(0) back(2) count(6) : f32[6, 40]
      %k = reverse %v axis(1) : f32[6, 40]
      %l = slice %k axis(1) front(3) count(33) : f32[6, 33]
      %p = dot %s, %l contract(2; 0) : f32[T, B, 33]
      %i = constant 0.5 : f32[6, 33]
      %q = dot %t, %i contract(2; 0) : f32[T, B, 33]
      %g = dot %s, %q contract(0, 1; 0, 1) : f32[6, 33]
      output "p" = %p
      output "g" = %g
      """, [.batch: 3, .steps: 4])
  }

  /// An epilogue in wider numbers than the product's.
  @Test func widensSums() throws {
    try check(
      """
      %x = data "x" : f32[B, 20]
      %w = data "w" : f32[20, 45]
      %s = data "s" : f64[B, 45]
      %d = dot %x, %w contract(1; 0) : f32[B, 45]
      %c = convert %d : f64[B, 45]
      %y = multiply %c, %s : f64[B, 45]
      output "y" = %y
      output "d" = %d
      """, [.batch: 9], elements: [.f32])
  }

  // MARK: Loops

  /// Carries that swap, stay, lag behind each other, begin alike, and are stacked before and after the step.
  @Test(arguments: [0, 1, 4], [false, true]) func passesCarriesOn(steps: Int, isReversed: Bool) throws {
    try check(
      """
      %x = data "x" : f32[T, B, 5]
      %h = state "h" : f32[B, 5]
      %z = constant 0 : f32[B, 5]
      %fa, %fb, %fc, %fd, %fe, %sa, %sb, %sc, %sd, %sx, %sn = scan T \(isReversed ? "reverse" : "") : \
      f32[B, 5], f32[B, 5], f32[B, 5], f32[B, 5], f32[B, 5], \
      f32[T, B, 5], f32[T, B, 5], f32[T, B, 5], f32[T, B, 5], f32[T, B, 5], f32[T, B, 5] {
        carry %a = %h : f32[B, 5]
        carry %b = %z : f32[B, 5]
        carry %c = %h : f32[B, 5]
        carry %d = %h : f32[B, 5]
        carry %e = %z : f32[B, 5]
        sequence %q = %x : f32[B, 5]
        %n = add %a, %q : f32[B, 5]
        %m = tanh %n : f32[B, 5]
        yield %b, %m, %c, %e, %q, %a, %b, %c, %m, %q, %n
      }
      output "fa" = %fa
      output "fb" = %fb
      output "fc" = %fc
      output "fd" = %fd
      output "fe" = %fe
      output "sa" = %sa
      output "sb" = %sb
      output "sc" = %sc
      output "sd" = %sd
      output "sx" = %sx
      output "sn" = %sn
      """, [.batch: 3, .steps: steps])
  }

  /// Carries that a product gives, that a product reads as its columns, of ids and of truth values.
  @Test(arguments: [0, 1, 3]) func carriesProductsIdsAndTruth(steps: Int) throws {
    try check(
      """
      %i = data "i" below(4) : i32[T, B]
      %h = state "h" : f32[B, 6]
      %w = state "w" : f32[6, 6]
      %j = data "j" below(4) : i32[B]
      %z = constant 0 : bool[B]
      %fh, %fw, %fj, %fb, %sj, %sb = scan T : f32[B, 6], f32[6, 6], i32[B], bool[B], i32[T, B], bool[T, B] {
        carry %a = %h : f32[B, 6]
        carry %m = %w : f32[6, 6]
        carry %k = %j : i32[B]
        carry %b = %z : bool[B]
        sequence %q = %i : i32[B]
        %n = dot %a, %m contract(1; 0) : f32[B, 6]
        %o = dot %n, %a contract(0; 0) : f32[6, 6]
        %t = tanh %o : f32[6, 6]
        %l = less %k, %q : bool[B]
        %s = select %b, %k, %q : i32[B]
        yield %n, %t, %s, %l, %k, %l
      }
      output "fh" = %fh
      output "fw" = %fw
      output "fj" = %fj
      output "fb" = %fb
      output "sj" = %sj
      output "sb" = %sb
      """, [.batch: 3, .steps: steps])
  }

  /// Two lengths: a loop in a loop, whose weights are the outer step's, hidden units shared by the threads.
  @Test(arguments: [1, 3]) func nestsLoops(batch: Int) throws {
    let s = Symbol("S")
    try check(
      """
      %x = data "x" : f32[T, B, 40]
      %y = data "y" : f32[S, B, 40]
      %w = data "w" : f32[T, 40, 40]
      %h = state "h" : f32[B, 40]
      %f, %o, %g = scan T : f32[B, 40], f32[T, S, B, 40], f32[T, B, 40] {
        invariant %ys = %y : f32[S, B, 40]
        carry %a = %h : f32[B, 40]
        sequence %q = %x : f32[B, 40]
        sequence %m = %w : f32[40, 40]
        %i, %p = scan S reverse : f32[B, 40], f32[S, B, 40] {
          invariant %n = %m : f32[40, 40]
          invariant %v = %q : f32[B, 40]
          carry %c = %a : f32[B, 40]
          sequence %u = %ys : f32[B, 40]
          %d = dot %c, %n contract(1; 1) : f32[B, 40]
          %e = add %d, %u : f32[B, 40]
          %k = add %e, %v : f32[B, 40]
          %t = tanh %k : f32[B, 40]
          yield %t, %t
        }
        %l = slice %p axis(0) back(0) count(1) : f32[1, B, 40]
        %r = reshape %l : f32[B, 40]
        %z = multiply %r, %i : f32[B, 40]
        yield %i, %p, %z
      }
      output "f" = %f
      output "o" = %o
      output "g" = %g
      """, [.batch: batch, .steps: 2, s: 3])
  }

  /// One example: the threads share the hidden units of every step and meet for the sum over them.
  @Test func sharesHiddenUnits() throws {
    try check(
      """
      %w = data "w" : f32[1152, 192]
      %x = data "x" : f32[T, B, 192]
      %h = state "h" : f32[B, 192]
      %f, %o = scan T : f32[B, 192], f32[T, B, 192] {
        invariant %v = %w : f32[1152, 192]
        carry %a = %h : f32[B, 192]
        sequence %q = %x : f32[B, 192]
        %d = dot %a, %v contract(1; 1) : f32[B, 1152]
        %g = slice %d axis(1) front(192) count(192) : f32[B, 192]
        %i = slice %d axis(1) back(0) count(192) : f32[B, 192]
        %j = tanh %g : f32[B, 192]
        %k = sigmoid %i : f32[B, 192]
        %l = multiply %j, %k : f32[B, 192]
        %m = add %l, %q : f32[B, 192]
        %r = reduce_maximum %m axes(1) : f32[B]
        %s = broadcast %r axes(0) : f32[B, 192]
        %n = subtract %m, %s : f32[B, 192]
        %t = tanh %n : f32[B, 192]
        yield %t, %t
      }
      output "f" = %f
      output "o" = %o
      """, [.batch: 1, .steps: 2])
  }

  /// Steps that no tensor shows: the loop counts, and so does `size`.
  @Test(arguments: [0, 1, 6]) func countsStepsThatNoTensorHas(steps: Int) throws {
    try check(
      """
      %h = state "h" : f32[B, 3]
      %f = scan T : f32[B, 3] {
        carry %a = %h : f32[B, 3]
        %n = sin %a : f32[B, 3]
        yield %n
      }
      %s = size of(S) : f32[]
      output "f" = %f
      output "s" = %s
      """, [.batch: 2, .steps: steps, Symbol("S"): 9])
  }

  /// Parts of a concatenation, stacked by a loop, that the loop also multiplies and reduces.
  @Test(arguments: [1, 4]) func stacksConcatenations(batch: Int) throws {
    try check(
      """
      %x = data "x" : f32[T, B, 4]
      %w = data "w" : f32[9, 5]
      %h = state "h" : f32[B, 5]
      %f, %o, %p, %e = scan T : f32[B, 5], f32[T, B, 9], f32[T, B, 12], f32[T, B] {
        invariant %v = %w : f32[9, 5]
        carry %a = %h : f32[B, 5]
        sequence %q = %x : f32[B, 4]
        %t = exp %q : f32[B, 4]
        %c = concat %a, %t axis(1) : f32[B, 9]
        %d = dot %c, %v contract(1; 0) : f32[B, 5]
        %n = tanh %d : f32[B, 5]
        %m = pad %n axis(1) front(2) to(8) : f32[B, 8]
        %k = concat %m, %t axis(1) : f32[B, 12]
        %r = reduce_maximum %k axes(1) : f32[B]
        yield %n, %c, %k, %r
      }
      output "f" = %f
      output "o" = %o
      output "p" = %p
      output "e" = %e
      """, [.batch: batch, .steps: 3])
  }

  /// Rows by id in a loop: from a table that is not dense, and into one.
  @Test(arguments: [1, 3]) func gathersAndScattersInLoops(batch: Int) throws {
    try check(
      """
      %i = data "i" below(7) : i32[T, B]
      %w = data "w" : f32[5, 7]
      %z = constant 0 : f32[7, 5]
      %f, %o, %p = scan T : f32[7, 5], f32[T, B, 5], f32[T, 7] {
        invariant %v = %w : f32[5, 7]
        carry %a = %z : f32[7, 5]
        sequence %q = %i : i32[B]
        %t = transpose %v axes(1, 0) : f32[7, 5]
        %g = gather %t, %q : f32[B, 5]
        %u = tanh %a : f32[7, 5]
        %k = gather %u, %q : f32[B, 5]
        %m = add %g, %k : f32[B, 5]
        %s = scatter_add %q, %m extent(7) : f32[7, 5]
        %n = add %a, %s : f32[7, 5]
        %l = slice %m axis(1) front(1) count(1) : f32[B, 1]
        %r = reshape %l : f32[B]
        %c = scatter_add %q, %r extent(7) : f32[7]
        yield %n, %m, %c
      }
      output "f" = %f
      output "o" = %o
      output "p" = %p
      """, [.batch: batch, .steps: 4])
  }

  // MARK: Memory

  /// Momentum reads what it replaces; inputs swap, turn round, and are outputs themselves.
  @Test func replacesInputs() throws {
    try check(
      """
      %p = parameter "p" constant(0) : f32[70]
      %v = optimizer "v" : f32[70]
      %g = data "g" : f32[70]
      %a = parameter "a" constant(0) : f32[9, 8]
      %b = parameter "b" constant(0) : f32[9, 8]
      %c = parameter "c" constant(0) : f32[8, 8]
      %d = parameter "d" constant(0) : f32[8, 8]
      %e = parameter "e" constant(0) : f32[8, 8]
      %h = constant 0.5 : f32[70]
      %m = multiply %v, %h : f32[70]
      %n = add %m, %g : f32[70]
      %l = multiply %n, %h : f32[70]
      %q = subtract %p, %l : f32[70]
      %t = transpose %c axes(1, 0) : f32[8, 8]
      %s = add %t, %d : f32[8, 8]
      %k = dot %c, %d contract(1; 0) : f32[8, 8]
      %i = add %d, %k : f32[8, 8]
      %r = reduce_sum %p axes(0) : f32[]
      update "nv" of "v" = %n
      update "np" of "p" = %q
      update "na" of "a" = %b
      update "nb" of "b" = %a
      update "nc" of "c" = %s
      update "nd" of "d" = %i
      update "ne" of "e" = %s
      output "oa" = %a
      output "or" = %r
      output "os" = %s
      output "ot" = %s
      output "on" = %n
      """, [.batch: 1])
  }

  /// A tensor with two axes of examples, turned round and multiplied: threads own rows, not columns.
  @Test func ownsOneOfTwoBatchAxes() throws {
    try check(
      """
      %x = data "x" : f32[B, 5]
      %s = dot %x, %x contract(1; 1) : f32[B, B]
      %e = exp %s : f32[B, B]
      %t = transpose %e axes(1, 0) : f32[B, B]
      %a = add %e, %t : f32[B, B]
      %r = reduce_sum %a axes(0) : f32[B]
      %c = reduce_maximum %a axes(1) : f32[B]
      %d = multiply %r, %c : f32[B]
      %v = reverse %d axis(0) : f32[B]
      %w = add %v, %d : f32[B]
      %u = tanh %w : f32[B]
      %o = dot %a, %u contract(1; 0) : f32[B]
      %y = data "y" : f32[2, B, 3]
      %f = exp %y : f32[2, B, 3]
      %g = reshape %f : f32[B, 2, 3]
      %k = tanh %g : f32[B, 2, 3]
      %l = slice %f axis(1) back(0) count(2) : f32[2, 2, 3]
      %m = pad %l axis(1) front(1) to(B) : f32[2, B, 3]
      %n = sigmoid %m : f32[2, B, 3]
      output "o" = %o
      output "k" = %k
      output "n" = %n
      """, [.batch: 5])
  }

  /// Axes without elements and with one.
  @Test func coversEmptyAndUnitAxes() throws {
    try check(
      """
      %x = data "x" : f32[B, 6]
      %u = data "u" : f32[B, 1, 3, 1]
      %e = data "e" : f32[B, 0]
      %f = exp %e : f32[B, 0]
      %c = concat %f, %x axis(1) : f32[B, 6]
      %v = data "v" : f32[0, 4]
      %d = dot %f, %v contract(1; 0) : f32[B, 4]
      %m = reduce_maximum %f axes(1) : f32[B]
      %p = pad %f axis(1) front(0) to(3) : f32[B, 3]
      %a = reduce_sum %u axes(1) : f32[B, 3, 1]
      %b = reduce_sum %u axes(1, 3) : f32[B, 3]
      %g = reduce_minimum %u axes(0, 2) : f32[1, 1]
      %h = reduce_sum %u axes(0, 1, 2, 3) : f32[]
      output "c" = %c
      output "d" = %d
      output "m" = %m
      output "p" = %p
      output "f" = %f
      output "a" = %a
      output "b" = %b
      output "g" = %g
      output "h" = %h
      """, [.batch: 3])
  }

  /// No step at all: sums of nothing, and stacks without slots.
  @Test(arguments: [0, 1]) func coversFewSteps(steps: Int) throws {
    try check(
      """
      %x = data "x" : f32[B, T]
      %y = data "y" : f32[T, S]
      %w = data "w" : f32[20, T]
      %a = dot %x, %w contract(1; 1) : f32[B, 20]
      %b = dot %w, %y contract(1; 0) : f32[20, S]
      %c = reduce_sum %x axes(1) : f32[B]
      %d = reduce_maximum %y axes(0) : f32[S]
      %e = reverse %y axis(0) : f32[T, S]
      %f = transpose %e axes(1, 0) : f32[S, T]
      %g = exp %f : f32[S, T]
      output "a" = %a
      output "b" = %b
      output "c" = %c
      output "d" = %d
      output "g" = %g
      """, [.batch: 3, .steps: steps, Symbol("S"): 5])
  }

  /// Truth values and ids are moved like numbers.
  @Test func movesTruthAndIds() throws {
    try check(
      """
      %i = data "i" : i32[B, 5]
      %x = data "x" : f32[B, 5]
      %z = constant 0 : f32[B, 5]
      %c = less %z, %x : bool[B, 5]
      %r = reverse %c axis(1) : bool[B, 5]
      %q = concat %r, %c axis(1) : bool[B, 10]
      %t = transpose %i axes(1, 0) : i32[5, B]
      %u = concat %t, %t axis(0) : i32[10, B]
      %v = convert %q : i32[B, 10]
      %e = equal %c, %r : bool[B, 5]
      %f = select %e, %i, %i : i32[B, 5]
      %h = one_hot %f extent(9) : f32[B, 5, 9]
      %o = reshape %i : i32[5, B]
      output "q" = %q
      output "u" = %u
      output "v" = %v
      output "h" = %h
      output "o" = %o
      """, [.batch: 3])
  }

  /// Work that only a reduction reads is looked at once, however often it is shared on the way.
  @Test func absorbsLongChains() throws {
    let chain = (1...40).map { "%x\($0) = multiply %x\($0 - 1), %x\($0 - 1) : f32[B, 3]" }
    try check(
      """
      %x0 = data "x" : f32[B, 3]
      \(chain.joined(separator: "\n"))
      %r = reduce_sum %x40 axes(0) : f32[3]
      output "r" = %r
      """, [.batch: 2])
  }

  // MARK: Running

  /// Runs a graph of which only the body is given, for one to three threads and all element types.
  private func check(
    _ body: String, _ sizes: [Symbol: Int], elements: [ElementType] = [.f32, .f64],
    location: SourceLocation = #_sourceLocation
  ) throws {
    for element in elements {
      let text = element == .f32 ? body : body.replacing("f32[", with: "\(element)[")
      let graph = try Graph(parsing: "graph \"edge\" {\n\(text)\n}")
      try graph.verify()
      var random = SplitMix64(seed: 7)
      let inputs = randomInputs(for: graph, sizes: sizes, using: &random)
      let expected = try Interpreter(graph).run(inputs: inputs, sizes: sizes)
      let target = try Target(named: "native", optimizationLevel: 0)
      for threads in 1...3 {
        let found = try runNatively(graph, inputs: inputs, sizes: sizes, threads: threads, target: target)
        for (name, value) in expected {
          let difference = relativeDifference(value, found[name]!)
          #expect(
            difference <= (element == .f32 ? 1e-5 : 1e-12),
            "output \(name) in \(element) with \(threads) threads: \(difference)", sourceLocation: location)
        }
      }
    }
  }
}
