import Foundation

/// Runs lines of the shell of which only the exit status counts.
public enum ShellCommand {
  /// Runs a line; gives its exit status, or nil if it took too long or was not to be waited for. It reads nothing, what it
  /// prints is dropped, and all that it started ends with it.
  ///
  /// - Throws: `InputError` if there is no shell.
  public static func run(_ line: String, seconds: Double, shouldStop: () -> Bool) throws -> Int32? {
    let process = try start(line)
    let end = ContinuousClock.now + .seconds(seconds)
    var status: Int32 = 0
    var pause: UInt32 = 200
    while true {
      let ended = waitpid(process, &status, WNOHANG)
      if ended == process { break }
      guard ended == 0 || errno == EINTR else {
        throw InputError("cannot wait for the shell: \(systemMessage())")
      }
      if shouldStop() || ContinuousClock.now > end {
        kill(-process, SIGKILL)
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return nil
      }
      usleep(pause)
      pause = min(2 * pause, 5000)
    }
    let signal = status & 0x7F
    return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
  }

  /// A word as the shell reads it back.
  public static func quoted(_ word: String) -> String {
    let plain = word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./=:,@%+".contains($0)) }
    return plain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }

  /// Starts the shell in a group of its own, so that Ctrl-C is for this process alone.
  private static func start(_ line: String) throws -> pid_t {
    #if canImport(Darwin)
      var attributes: posix_spawnattr_t?
      var files: posix_spawn_file_actions_t?
    #else
      var attributes = posix_spawnattr_t()
      var files = posix_spawn_file_actions_t()
    #endif
    posix_spawnattr_init(&attributes)
    posix_spawn_file_actions_init(&files)
    defer {
      posix_spawnattr_destroy(&attributes)
      posix_spawn_file_actions_destroy(&files)
    }
    // A command should not inherit which signals this process ignores.
    var usual = sigset_t()
    sigemptyset(&usual)
    for number in [SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGHUP] { sigaddset(&usual, number) }
    posix_spawnattr_setsigdefault(&attributes, &usual)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP) | Int16(POSIX_SPAWN_SETSIGDEF))
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] {
      posix_spawn_file_actions_addopen(&files, descriptor, "/dev/null", O_RDWR, 0)
    }
    func pointers(_ words: [String]) -> [UnsafeMutablePointer<CChar>?] { words.map { strdup($0) } + [nil] }
    var words = pointers(["sh", "-c", line])
    var environment = pointers(ProcessInfo.processInfo.environment.map { "\($0)=\($1)" })
    defer { for word in words + environment { free(word) } }
    var process = pid_t()
    let code = posix_spawn(&process, "/bin/sh", &files, &attributes, &words, &environment)
    guard code == 0 else { throw InputError("cannot run the shell: \(systemMessage(code))") }
    return process
  }
}
