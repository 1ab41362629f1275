import Mezzo

/// How many cases are done, on a terminal alone.
struct GoldenProgress {
  private let count: Int
  private let isShown = Console.Stream.error.isTerminal

  init(count: Int) { self.count = count }

  func show(_ done: Int) {
    // Cases are quick; drawing each would take longer than running them.
    guard isShown, done % 16 == 0 || done == count else { return }
    Console.error("\r\u{1B}[K\(Format.grouped(done)) of \(Format.grouped(count)) cases")
  }

  func finish() {
    if isShown { Console.error("\r\u{1B}[K") }
  }
}
