import RNNLLVM

/// Emits the function with which the threads of a program wait for each other.
///
/// In round `r` a thread tells the one `2^r` places further on that it has come, and waits for the one as many places
/// before it; after enough rounds each has heard of all others. Two threads need one round: each writes one word and
/// reads one. A word counts barriers and is never set back, so a thread that is already at the next one does no harm.
///
/// A thread's first cache line holds a word for each round, which others write; the second one how many barriers it has
/// passed, and how many of its next waits are short, which is its own.
struct Barrier {
  let module: Module
  let layout: ContextLayout
  let threads: Int

  /// Looks at a word with a pause in between, some hundred microseconds in all: the threads have equal parts of the work.
  private static let pauses = 8192
  /// After a wait of more than `manySleeps` sleeps, so many waits look less often: beside busy processes looking is in
  /// vain. Fewer sleeps tell nothing. A sleep takes longer than a short wait looks, so a thread that is late once would
  /// make the other sleep, which is late then itself, and so on.
  private static let shortWaits = 64
  private static let manySleeps = 8
  private static let pausesOfShortWaits = 1024
  /// Microseconds of sleep between looks after that: a thread that waits so long waits for one without a processor. It
  /// sleeps and does not yield: a yield hands the processor to whatever else is running for milliseconds, while the
  /// thread that is waited for may need but microseconds. One that wakes from sleep is given the processor again.
  private static let sleep = 20

  /// A function of the context and the number of the thread.
  func emit() -> IRFunction {
    let wait = emitWait()
    let function = module.function(
      "rnnc_barrier", [module.pointer, module.i64], module.void, isInternal: true)
    let builder = FunctionBuilder(function, in: module)
    let i64 = module.i64
    let (context, thread) = (builder.parameters[0], builder.parameters[1])
    func part(_ thread: IRValue) -> IRValue {
      let place = builder.mul(thread, i64.constant(ContextLayout.barrierBytes))
      return builder.offset(builder.offset(context, bytes: layout.barrier), bytes: place)
    }
    let own = part(thread)
    let count = builder.offset(own, bytes: ContextLayout.barrierBytes / 2)
    let number = builder.add(builder.load(i64, count, align: 8), i64.constant(1))
    builder.store(number, count, align: 8)
    var (round, distance) = (0, 1)
    while distance < threads {
      let other = builder.urem(builder.add(thread, i64.constant(distance)), i64.constant(threads))
      builder.atomicStore(number, builder.offset(part(other), bytes: 8 * round), .release)
      builder.call(wait, [builder.offset(own, bytes: 8 * round), number, builder.offset(count, bytes: 8)])
      (round, distance) = (round + 1, 2 * distance)
    }
    builder.return()
    return function
  }

  /// A function that returns when a word has reached a number. Its last argument is where it keeps how many of
  /// the next waits are short.
  private func emitWait() -> IRFunction {
    let function = module.function(
      "rnnc_wait", [module.pointer, module.i64, module.pointer], module.void, isInternal: true)
    let builder = FunctionBuilder(function, in: module)
    let i64 = module.i64
    let short = builder.load(i64, builder.parameters[2], align: 8)
    let limit = builder.select(
      builder.icmp(.equal, short, i64.constant(0)), i64.constant(Self.pauses),
      i64.constant(Self.pausesOfShortWaits))
    let names = ["look", "idle", "pause", "sleep", "done"]
    let blocks = Dictionary(uniqueKeysWithValues: names.map { ($0, builder.block($0)) })
    builder.branch(to: blocks["look"]!)

    builder.position(atEndOf: blocks["look"]!)
    let looks = builder.phi(i64, [(i64.constant(0), builder.entry)])
    let now = builder.atomicLoad(i64, builder.parameters[0], .acquire)
    let ahead = builder.sub(now, builder.parameters[1])
    builder.branch(
      if: builder.icmp(.less, ahead, i64.constant(0)), then: blocks["idle"]!, else: blocks["done"]!)

    builder.position(atEndOf: blocks["idle"]!)
    let next = builder.add(looks, i64.constant(1))
    builder.branch(
      if: builder.icmp(.less, looks, limit), then: blocks["pause"]!, else: blocks["sleep"]!)

    func rest(_ name: String, _ body: () -> Void) {
      builder.position(atEndOf: blocks[name]!)
      body()
      builder.add(incoming: next, from: blocks[name]!, to: looks)
      builder.branch(to: blocks["look"]!)
    }
    rest("pause") { builder.pause() }
    rest("sleep") {
      builder.call(module.function("usleep", [module.i32], module.i32), [module.i32.constant(Self.sleep)])
    }
    builder.position(atEndOf: blocks["done"]!)
    let less = builder.smax(builder.sub(short, i64.constant(1)), i64.constant(0))
    let hasSlept = builder.icmp(.less, builder.add(limit, i64.constant(Self.manySleeps)), looks)
    builder.store(
      builder.select(hasSlept, i64.constant(Self.shortWaits), less), builder.parameters[2], align: 8)
    builder.return()
    return function
  }
}
