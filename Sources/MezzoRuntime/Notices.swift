package import Logging
import MezzoPolicy

/// Lines in the log about fallbacks and failures, each once.
package final class Notices: Sendable {
  private let told = Locked<Set<String>>([])
  private let write: @Sendable (Logger.Level, String) -> Void

  /// - Parameter label: of the logger.
  package convenience init(label: String) {
    self.init { level, text in Logger(label: label).log(level: level, "\(text)") }
  }

  package init(write: @escaping @Sendable (Logger.Level, String) -> Void) { self.write = write }

  package func tell(_ level: Logger.Level, key: String, _ text: () -> String) {
    if told.withLock({ $0.insert(key).inserted }) { write(level, text()) }
  }
}
