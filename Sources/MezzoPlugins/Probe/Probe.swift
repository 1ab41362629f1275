import MezzoBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Tries a backend in a process of its own, with golden tests, before it may enter this one.
package struct Probe: Sendable {
  /// The helper program.
  package var helper: String
  package var limits = Limits()

  package struct Limits: Sendable {
    /// Seconds for all, and for one phase such as the execution of one case.
    package var total = 300.0
    package var phase = 60.0
    /// Bytes of its output that are kept, from the end.
    package var log = 4096

    package init() {
      if let text = Environment.value("MEZZO_PROBE_TIMEOUT"), let seconds = Double(text), seconds > 0 {
        total = seconds
        phase = min(phase, seconds)
      }
    }
  }

  package enum Result: Sendable {
    case ended(ProbeOutcome)
    /// The helper itself does not work, which says nothing about the backend.
    case unavailable(String)
  }

  package init(helper: String) { self.helper = helper }

  package func run(_ file: String) -> Result {
    let nonce = (0..<4).map { _ in hexadecimal(UInt32.random(in: 0...(.max))) }.joined()
    let child: ChildProcess
    do throws(ChildProcess.SpawnError) {
      child = try ChildProcess(
        helper, ["--cpu-seconds", "\(Int(limits.total) * max(HostServices.threads, 1))", file],
        environment: ProbeHelper.environment(), input: "\(nonce)\n")
    } catch {
      return .unavailable(error.message)
    }
    defer { child.closePipes() }
    LoaderTrace.write("probing \(file) with \(helper)")
    var watch = Watch(nonce: nonce, limits: limits)
    let status = watch.follow(child)
    let result = watch.result(status, helper: helper)
    LoaderTrace.write("probe of \(file): \(result)")
    return result
  }
}

/// Reads what a child says until it ends or its time is over.
private struct Watch {
  let nonce: String
  let limits: Probe.Limits
  var phase = "start"
  var id: String?
  var verdict: ProbeOutcome?
  var isBabbling = false
  var expired: String?
  private var lines = 0
  private var pending: [UInt8] = []
  private var log: [UInt8] = []

  init(nonce: String, limits: Probe.Limits) {
    self.nonce = nonce
    self.limits = limits
  }

  /// The status with which it ended; `nil` if it was killed.
  mutating func follow(_ child: ChildProcess) -> Int32? {
    let start = Self.now()
    var lastLine = start
    var open = [child.report, child.log]
    while true {
      var entries = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      // Ends of processes are not told to poll; with nothing left to read, they are what is waited for.
      poll(&entries, nfds_t(entries.count), open.isEmpty ? 2 : 50)
      let before = lines
      for entry in entries where entry.revents != 0 {
        if !drain(entry.fd, isReport: entry.fd == child.report) { open.removeAll { $0 == entry.fd } }
      }
      let now = Self.now()
      if lines != before { lastLine = now }
      if verdict != nil || isBabbling {
        child.kill()
        _ = drain(child.log, isReport: false)
        return nil
      }
      if let status = child.ended() {
        for file in open { _ = drain(file, isReport: file == child.report) }
        return status
      }
      if now - start > limits.total {
        expired = "it was not ready after \(limits.total) s and was stopped"
      } else if phase != "start", now - lastLine > limits.phase {
        expired = "it hung for \(limits.phase) s and was stopped"
      }
      if expired != nil {
        child.kill()
        for file in open { _ = drain(file, isReport: file == child.report) }
        return nil
      }
    }
  }

  func result(_ status: Int32?, helper: String) -> Probe.Result {
    func failed(_ cause: String) -> Probe.Result {
      .ended(.failed(ProbeFailure(phase: phase, cause: cause, log: tail, id: id)))
    }
    switch verdict {
    case .failed(var failure):
      failure.log = tail
      return .ended(.failed(failure))
    case .some(let verdict): return .ended(verdict)
    case nil: break
    }
    if isBabbling { return failed("it wrote to the probe's own channel") }
    if let expired { return failed(expired) }
    let status = status ?? 0
    if phase == "start" {
      return .unavailable(
        "\(helper) ended before it began (\(Self.end(status))): \(tail.isEmpty ? "it said nothing" : tail)")
    }
    return failed(Self.end(status))
  }

  private static func end(_ status: Int32) -> String {
    let signal = status & 0x7F
    if signal == 0 { return "it ended the process with status \(status >> 8 & 0xFF)" }
    let names = [
      SIGABRT: "SIGABRT", SIGSEGV: "SIGSEGV", SIGBUS: "SIGBUS", SIGILL: "SIGILL", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL",
      SIGTRAP: "SIGTRAP", SIGXCPU: "SIGXCPU, out of processor time", SIGXFSZ: "SIGXFSZ, as it wrote a file",
      SIGTERM: "SIGTERM", SIGPIPE: "SIGPIPE", SIGSYS: "SIGSYS",
    ]
    return "it died of \(names[signal] ?? "signal \(signal)")"
  }

  private var tail: String {
    let text = String(decoding: log, as: UTF8.self)
    return String(text.map { $0 == "\n" || !$0.isASCII || $0 >= " " ? $0 : " " }).trimmingNewlines
  }

  /// Reads what is there; `false` at the end of the file.
  private mutating func drain(_ file: Int32, isReport: Bool) -> Bool {
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(file, &bytes, bytes.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return count < 0 }
      if isReport {
        pending += bytes[..<count]
        takeLines()
        if isBabbling || verdict != nil { return true }
      } else {
        log = Array((log + bytes[..<count]).suffix(limits.log))
        // What prints without end is read for ever otherwise.
        return true
      }
    }
  }

  private mutating func takeLines() {
    while let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
      let line = String(decoding: pending[..<end], as: UTF8.self)
      pending.removeSubrange(...end)
      lines += 1
      let words = line.split(separator: " ", maxSplits: 1)
      switch (words.first ?? "", words.last ?? "") {
      case ("phase", let text): phase = String(text)
      case ("id", let text): id = String(text)
      case ("verdict", let text):
        let parts = text.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0] == nonce, let outcome = ProbeWire.decode(ProbeOutcome.self, parts[1]) else {
          isBabbling = true
          return
        }
        verdict = outcome
        return
      default:
        isBabbling = true
        return
      }
    }
    if pending.count > ProbeWire.lineLimit { isBabbling = true }
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

private func hexadecimal(_ value: UInt32) -> String {
  let digits = String(value, radix: 16)
  return String(repeating: "0", count: 8 - digits.count) + digits
}

extension String {
  fileprivate var trimmingNewlines: String {
    var text = self[...]
    while let last = text.last, last.isWhitespace { text = text.dropLast() }
    return String(text)
  }
}
