#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// One run of the helper program, watched until it has said how it went, has ended without, or its time is over.
///
/// What it says is believed only behind a nonce that it was given before it loaded anything; see ``ProbeWire``.
package struct HelperRun<Outcome: Decodable & Sendable>: Sendable {
  /// The helper program.
  package var helper: String
  package var arguments: [String]
  package var limits: HelperLimits
  /// Called once if it takes longer than somebody waits without a word.
  package var delayed: @Sendable () -> Void = {}

  package init(_ helper: String, _ arguments: [String], limits: HelperLimits) {
    self.helper = helper
    self.arguments = arguments
    self.limits = limits
  }

  package enum Result: Sendable {
    /// - Parameter log: the end of what it printed.
    case said(Outcome, log: String)
    case stopped(HelperStop)
    /// The helper itself does not work, which says nothing about what it was to try.
    case unavailable(String)
  }

  package func run() -> Result {
    let nonce = (0..<4).map { _ in hexadecimal(UInt32.random(in: 0...(.max))) }.joined()
    let processorSeconds = min(limits.total, 1e6) * Double(max(HostServices.threads, 1))
    let child: ChildProcess
    do throws(ChildProcess.SpawnError) {
      child = try ChildProcess(
        helper, ["--cpu-seconds", "\(Int(processorSeconds.rounded(.up)))"] + arguments,
        environment: ProbeHelper.environment(), input: "\(nonce)\n")
    } catch {
      return .unavailable(error.message)
    }
    defer { child.closePipes() }
    var watch = HelperWatch<Outcome>(nonce: nonce, limits: limits, delayed: delayed)
    let status = watch.follow(child)
    return watch.result(status, helper: helper)
  }
}

package struct HelperLimits: Sendable {
  /// Seconds for all.
  package var total = 300.0
  /// Seconds for one phase, such as the execution of one case.
  package var phase = 60.0
  /// Bytes of its output that are kept, from the end.
  package var log = 4096

  package init() {}
}

/// How the helper ended without having said how it went.
package struct HelperStop: Sendable, CustomStringConvertible {
  /// What it was doing.
  package var phase: String
  package var end: End
  /// The end of what it printed.
  package var log: String
  /// What it gave as id before.
  package var id: String?

  package enum End: Sendable, Equatable {
    case exited(Int32)
    case killed(signal: Int32)
    /// Its time was over.
    case late(seconds: Double)
    /// One phase took too long.
    case hung(seconds: Double)
    /// It wrote what nobody but the helper may write.
    case intruded
    /// Processes that it had started ran on when all was said.
    case strayed(processes: Int)
  }

  package var description: String {
    switch end {
    case .exited(let status): "it ended the process with status \(status)"
    case .killed(let signal): "it died of \(Self.name(signal))"
    case .late(let seconds): "it was not ready after \(seconds) s and was stopped"
    case .hung(let seconds): "it hung for \(seconds) s and was stopped"
    case .intruded: "it wrote to the probe's own channel"
    case .strayed(let count): "it left \(count == 1 ? "a process" : "\(count) processes") running"
    }
  }

  /// What a signal tells of what went wrong.
  package enum Cause: Sendable {
    case memory, processorTime, file, otherProcess, other

    package init(signal: Int32) {
      self =
        switch signal {
        case SIGSEGV, SIGBUS: .memory
        case SIGXCPU: .processorTime
        case SIGXFSZ: .file
        case SIGSYS: .otherProcess
        default: .other
        }
    }
  }

  private static func name(_ signal: Int32) -> String {
    let names = [
      SIGABRT: "SIGABRT", SIGSEGV: "SIGSEGV", SIGBUS: "SIGBUS", SIGILL: "SIGILL", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL",
      SIGTRAP: "SIGTRAP", SIGXCPU: "SIGXCPU, out of processor time", SIGXFSZ: "SIGXFSZ, as it wrote a file",
      SIGTERM: "SIGTERM", SIGPIPE: "SIGPIPE", SIGSYS: "SIGSYS, as it reached for another process",
    ]
    return names[signal] ?? "signal \(signal)"
  }
}

/// Reads what a child says until it ends or its time is over.
private struct HelperWatch<Outcome: Decodable & Sendable> {
  private let nonce: String
  private let limits: HelperLimits
  private let delayed: () -> Void
  private var strays = 0
  private var phase: String?
  private var id: String?
  private var outcome: Outcome?
  private var isIntruded = false
  private var expired: HelperStop.End?
  private var lines = 0
  private var pending: [UInt8] = []
  private var log: [UInt8] = []

  /// Seconds until it is told that a run takes its time.
  private static var patience: Double { 5 }

  init(nonce: String, limits: HelperLimits, delayed: @escaping () -> Void) {
    self.nonce = nonce
    self.limits = limits
    self.delayed = delayed
  }

  /// The status with which it ended; `nil` if it was killed.
  mutating func follow(_ child: ChildProcess) -> Int32? {
    let start = Self.now()
    var lastLine = start
    var open = [child.report, child.log]
    var isPatient = true
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
      if isPatient, now - start > Self.patience {
        isPatient = false
        delayed()
      }
      if outcome != nil || isIntruded {
        strays = child.strays()
        child.kill()
        _ = drain(child.log, isReport: false)
        return nil
      }
      if let status = child.ended() {
        for file in open { _ = drain(file, isReport: file == child.report) }
        return status
      }
      if now - start > limits.total {
        expired = .late(seconds: limits.total)
      } else if phase != nil, now - lastLine > limits.phase {
        expired = .hung(seconds: limits.phase)
      }
      if expired != nil {
        child.kill()
        for file in open { _ = drain(file, isReport: file == child.report) }
        return nil
      }
    }
  }

  func result(_ status: Int32?, helper: String) -> HelperRun<Outcome>.Result {
    if let outcome, strays == 0 { return .said(outcome, log: tail) }
    let status = status ?? 0
    let end: HelperStop.End =
      isIntruded
      ? .intruded
      : strays > 0
        ? .strayed(processes: strays)
        : expired ?? (status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal: status & 0x7F))
    let stop = HelperStop(phase: phase ?? "start", end: end, log: tail, id: id)
    if phase == nil, !isIntruded, strays == 0, expired == nil {
      return .unavailable(
        "\(helper) ended before it began (\(stop)): \(tail.isEmpty ? "it said nothing" : tail)")
    }
    return .stopped(stop)
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
        if isIntruded || outcome != nil { return true }
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
        guard parts.count == 2, parts[0] == nonce, let said = ProbeWire.decode(Outcome.self, parts[1]) else {
          isIntruded = true
          return
        }
        outcome = said
        return
      default:
        isIntruded = true
        return
      }
    }
    if pending.count > ProbeWire.lineLimit { isIntruded = true }
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
