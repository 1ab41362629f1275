/// `MEZZO_DEBUG=loader`: every decision about what is loaded, on standard error.
enum LoaderTrace {
  static func write(_ message: @autoclosure () -> String) {
    if DebugTopic.loader.isOn { DebugTopic.loader.write(message()) }
  }
}
