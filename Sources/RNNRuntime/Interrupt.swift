import Foundation
import Synchronization

/// Ctrl-C, or another signal that asks a program to end, as a wish to stop soon, which a training loop grants between
/// two steps.
public enum Interrupt {
  /// The signals: Ctrl-C, a request to end as a system sends it when it goes down, and a terminal that was closed.
  private static let signals = [SIGINT, SIGTERM, SIGHUP]

  /// The last of the signals that came; 0 for none.
  private static let received = Atomic<Int32>(0)

  /// From now on the first signal sets `isRequested`, and the second ends the process at once. SIGQUIT always does, and
  /// a reader that went away is an error of the next write instead of a signal.
  public static func install() {
    // A first touch here, so that the handler never has to initialise it.
    received.store(0, ordering: .relaxed)
    var all = sigset_t()
    sigemptyset(&all)
    for number in signals {
      // Whoever started the process with nohup wants it to outlive the terminal.
      if number == SIGHUP, isIgnored(number) { continue }
      signal(number) { number in
        // Nothing but what a signal handler may do: an atomic and _exit.
        if Interrupt.received.exchange(number, ordering: .relaxed) != 0 { _exit(128 + number) }
      }
      sigaddset(&all, number)
    }
    signal(SIGQUIT, SIG_DFL)
    sigaddset(&all, SIGQUIT)
    signal(SIGPIPE, SIG_IGN)
    // A parent that blocks signals, as worker threads do, hands that down.
    pthread_sigmask(SIG_UNBLOCK, &all, nil)
  }

  /// Whether a signal came since `install`.
  public static var isRequested: Bool { received.load(ordering: .relaxed) != 0 }

  /// The exit status of a program that a signal ended: 128 + its number.
  public static var exitStatus: Int32 { 128 + received.load(ordering: .relaxed) }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return false }
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
