import Foundation
import Synchronization

/// Ctrl-C as a wish to stop soon, which a training loop grants between two steps.
public enum Interrupt {
  /// The exit status of an interrupted program: 128 + the number of SIGINT.
  public static let exitStatus: Int32 = 130

  private static let requests = Atomic(0)

  /// From now on the first Ctrl-C sets `isRequested`, and the second ends the process at once.
  public static func install() {
    // A first touch here, so that the handler never has to initialise it.
    requests.store(0, ordering: .relaxed)
    signal(SIGINT) { _ in
      // Nothing but what a signal handler may do: an atomic and _exit.
      if Interrupt.requests.wrappingAdd(1, ordering: .relaxed).oldValue > 0 { _exit(Interrupt.exitStatus) }
    }
    // A parent that blocks signals, as worker threads do, hands that down.
    var interrupt = sigset_t()
    sigemptyset(&interrupt)
    sigaddset(&interrupt, SIGINT)
    pthread_sigmask(SIG_UNBLOCK, &interrupt, nil)
  }

  /// Whether Ctrl-C was pressed since `install`.
  public static var isRequested: Bool { requests.load(ordering: .relaxed) > 0 }
}
