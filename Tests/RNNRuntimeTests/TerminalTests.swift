import Foundation
import Testing

@testable import RNNRuntime

@Suite struct TerminalTests {
  static let progress = TrainingProgress(
    epoch: 210, epochs: 500, fraction: 0.42, speed: 312_345, evaluation: Evaluation(loss: log(3.417)),
    secondsLeft: 33.2)

  @Test func theLineFitsEveryWidth() {
    #expect(
      ProgressBar.line(Self.progress, width: 100)
        == "[============                  ]  42%  epoch 210/500  perplexity 3.42  0:34 left  312k tokens/s")
    #expect(
      ProgressBar.line(Self.progress, width: 52)
        == " 42%  epoch 210/500  perplexity 3.42  0:34 left".bar(2, of: 52))
    var examples = Self.progress
    (examples.unit, examples.evaluation, examples.speed) = (.examples, Evaluation(loss: 0.01234567), 99)
    #expect(
      ProgressBar.line(examples, width: 90).hasSuffix("epoch 210/500  loss 0.01235  0:34 left  99 examples/s")
    )
    #expect(ProgressBar.line(Self.progress, width: 20) == " 42%  epoch 210/500")
    #expect(ProgressBar.line(Self.progress, width: 3) == " 42")
    for width in 0...150 { #expect(ProgressBar.line(Self.progress, width: width).count <= width) }
    var odd = TrainingProgress(
      epoch: 1, epochs: 1, fraction: 1.5, speed: .infinity, evaluation: Evaluation(loss: .nan),
      secondsLeft: .nan)
    #expect(ProgressBar.line(odd, width: 80).hasPrefix("[=============================] 100%  epoch 1/1"))
    odd.fraction = .nan
    #expect(ProgressBar.line(odd, width: 80).hasPrefix("[                             ]   0%  epoch 1/1"))
  }

  @Test func timesAreReadable() {
    #expect(
      [0, 9.5, 61, 3599, 3600, 90_061].map(ProgressBar.time) == [
        "0:00", "0:10", "1:01", "59:59", "1:00:00", "25:01:01",
      ])
    #expect(ProgressBar.time(.infinity) == "?")
  }

  @Test func nothingIsWrittenToAFile() throws {
    try withTemporaryFolder { folder in
      let descriptor = open(folder + "/out", O_RDWR | O_CREAT, 0o600)
      defer { close(descriptor) }
      let bar = ProgressBar(fileDescriptor: descriptor)
      bar.update(Self.progress)
      bar.erase()
      #expect(!bar.isActive && lseek(descriptor, 0, SEEK_END) == 0)
    }
  }

  @Test func aTerminalGetsOneLineThatIsErased() throws {
    // openpty by hand, since Glibc's module leaves it out: TIOCSPTLCK and TIOCGPTN.
    let controller = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    defer { close(controller) }
    var (unlocked, number): (Int32, Int32) = (0, 0)
    let isOpen =
      controller >= 0 && ioctl(controller, 0x4004_5431, &unlocked) == 0
      && ioctl(controller, 0x8004_5430, &number) == 0
    try #require(isOpen, "no pseudo-terminal to be had")
    let terminal = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
    defer { close(terminal) }
    var size = winsize(ws_row: 24, ws_col: 60, ws_xpixel: 0, ws_ypixel: 0)
    #expect(ioctl(terminal, UInt(TIOCSWINSZ), &size) == 0)

    let bar = ProgressBar(fileDescriptor: terminal)
    #expect(bar.isActive)
    for _ in 0..<1000 { bar.update(Self.progress) }
    bar.erase()
    bar.erase()
    // The kernel hands over what was written when it gets to it, perhaps in pieces: the erasing comes last.
    var text = ""
    var buffer = [UInt8](repeating: 0, count: 10_000)
    var waiting = pollfd(fd: controller, events: Int16(POLLIN), revents: 0)
    while !text.hasSuffix("\r\u{1b}[K"), poll(&waiting, 1, 5000) == 1 {
      let count = read(controller, &buffer, buffer.count)
      guard count > 0 else { break }
      text += String(decoding: buffer.prefix(count), as: UTF8.self)
    }
    let line = ProgressBar.line(Self.progress, width: 59)
    // A thousand quick updates draw once, or twice on a machine that stalls.
    #expect(text.hasPrefix("\r\(line)\u{1b}[K") && text.hasSuffix("\r\u{1b}[K"))
    #expect(text.components(separatedBy: line).count <= 3)
  }

  @Test func ctrlCIsAWishAtFirst() {
    #expect(!Interrupt.isRequested)
    Interrupt.install()
    // To the process: this thread may block signals.
    kill(getpid(), SIGINT)
    for _ in 0..<2000 where !Interrupt.isRequested { usleep(1000) }
    #expect(Interrupt.isRequested && Interrupt.exitStatus == 130)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGPIPE] { signal(number, SIG_DFL) }
  }
}

extension String {
  /// The fields of a line behind the bar that fills the rest of `width` columns.
  fileprivate func bar(_ done: Int, of width: Int) -> String {
    let room = width - count - 3
    guard room >= 5 else { return self }
    return "[" + String(repeating: "=", count: done) + String(repeating: " ", count: room - done) + "] "
      + self
  }
}
