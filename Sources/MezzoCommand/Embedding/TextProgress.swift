import Mezzo

/// How many texts are done, on a terminal alone, once it takes longer than a moment.
struct TextProgress {
  private let isShown = Console.Stream.error.isTerminal
  private let clock = ContinuousClock()
  private let start = ContinuousClock().now
  private var drawn: ContinuousClock.Instant?

  private static let patience = Duration.seconds(1)
  private static let interval = Duration.milliseconds(100)

  mutating func show(_ done: Int) {
    guard isShown, clock.now - start > Self.patience else { return }
    if let drawn, clock.now - drawn < Self.interval { return }
    drawn = clock.now
    let seconds = (clock.now - start) / .seconds(1)
    Console.error("\r\u{1B}[K\(Format.grouped(done)) texts, \(Format.fixed(Double(done) / seconds, 0)) a second")
  }

  func finish() {
    if drawn != nil { Console.error("\r\u{1B}[K") }
  }
}
