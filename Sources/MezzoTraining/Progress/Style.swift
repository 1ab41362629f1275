/// Bold and colours where a person reads them, nothing elsewhere (no-color.org).
package struct Style: Sendable {
  package let isOn: Bool

  package init(for stream: Console.Stream) {
    isOn = stream.isTerminal && (Console.environment("NO_COLOR") ?? "").isEmpty && Console.environment("TERM") != "dumb"
  }

  package func bold(_ text: String) -> String { wrap(text, "1") }
  package func dim(_ text: String) -> String { wrap(text, "2") }
  package func green(_ text: String) -> String { wrap(text, "32") }
  package func yellow(_ text: String) -> String { wrap(text, "33") }
  package func cyan(_ text: String) -> String { wrap(text, "36") }

  private func wrap(_ text: String, _ code: String) -> String {
    isOn && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}
