/// Bold and colours where a person reads them, nothing elsewhere (no-color.org).
struct Style: Sendable {
  let isOn: Bool

  init(for stream: Console.Stream) {
    isOn = stream.isTerminal && (Console.environment("NO_COLOR") ?? "").isEmpty && Console.environment("TERM") != "dumb"
  }

  func bold(_ text: String) -> String { wrap(text, "1") }
  func dim(_ text: String) -> String { wrap(text, "2") }
  func green(_ text: String) -> String { wrap(text, "32") }
  func yellow(_ text: String) -> String { wrap(text, "33") }
  func cyan(_ text: String) -> String { wrap(text, "36") }

  private func wrap(_ text: String, _ code: String) -> String {
    isOn && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}
