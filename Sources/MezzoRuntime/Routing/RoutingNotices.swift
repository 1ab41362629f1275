import Logging
import MezzoPolicy

/// Lines in the log about fallbacks and failures, each once.
final class RoutingNotices: Sendable {
  private let told = Locked<Set<String>>([])
  private let write: @Sendable (Logger.Level, String) -> Void

  init(write: (@Sendable (Logger.Level, String) -> Void)? = nil) {
    self.write = write ?? { level, text in Logger(label: "mezzo.routing").log(level: level, "\(text)") }
  }

  func tell(_ level: Logger.Level, key: String, _ text: () -> String) {
    if told.withLock({ $0.insert(key).inserted }) { write(level, text()) }
  }
}
