import Logging
import Mezzo

/// Mezzo's own log on standard error, tersely: `note: …`.
struct NoteHandler: LogHandler {
  var logLevel: Logger.Level
  var metadata = Logger.Metadata()

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) { Console.note("\(event.message)") }

  /// Once in a process, before anything logs.
  ///
  /// Refused backends and steps left out are told by the commands themselves, with what follows from them; the log would
  /// say them twice. It does under `verbose`.
  static func install(verbose: Bool) {
    LoggingSystem.bootstrap { label in
      NoteHandler(logLevel: verbose ? .info : label.hasPrefix("mezzo.") ? .warning : .notice)
    }
  }
}
