import Mezzo
import MezzoConformance

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that a process which may die at any moment writes where it is to, and at its end what it found.
///
/// The first bytes hold the last step, written over at each; the report follows.
struct CheckSink {
  static let stepBytes = 2048
  private let file: Int32

  init(_ path: String) throws(CheckError) {
    file = open(path, O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { throw CheckError("expected a file to report to at '\(path)'") }
  }

  func step(_ step: ConformanceKit.Step) {
    var bytes = Array(
      "\(step.level.rawValue)\n\(step.rule)\n\(step.subject)".utf8.prefix(Self.stepBytes))
    bytes += [UInt8](repeating: 0, count: Self.stepBytes - bytes.count)
    _ = pwrite(file, bytes, bytes.count, 0)
  }

  func finish(_ report: ConformanceReport) throws {
    let bytes = Array(try JSONEncoder().encode(report))
    var done = 0
    while done < bytes.count {
      let written = bytes[done...].withUnsafeBytes {
        pwrite(file, $0.baseAddress, $0.count, off_t(Self.stepBytes + done))
      }
      guard written > 0 else { throw CheckError("the report cannot be written: \(String(cString: strerror(errno)))") }
      done += written
    }
  }
}

/// The kit in a process of its own: this program once more.
struct CheckChild {
  private let file: String
  private let options: [String]
  private let seconds: Int

  init(_ file: String, options: [String], seconds: Int) {
    self.file = file
    self.options = options
    self.seconds = seconds
  }

  func run() throws(CheckError) -> ConformanceReport {
    var path = Array("\(Self.temporaryFolder)/mezzo-check-XXXXXX".utf8CString)
    let sink = mkstemp(&path)
    guard sink >= 0 else { throw CheckError("no temporary file: \(String(cString: strerror(errno)))") }
    close(sink)
    let report = path.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
    defer { unlink(report) }
    let end = try wait(try spawn(report))
    guard let content = try? TextFile.bytes(report) else { throw CheckError("the report of the child is gone") }
    if let found = Self.report(content) { return found }
    return died(end, content)
  }

  private static func report(_ content: [UInt8]) -> ConformanceReport? {
    guard content.count > CheckSink.stepBytes else { return nil }
    return try? JSONDecoder().decode(ConformanceReport.self, from: Data(content[CheckSink.stepBytes...]))
  }

  private enum End {
    case exited(Int32)
    case killed(Int32)
    case late
  }

  /// What is known of a backend at which the kit died: what it was at.
  private func died(_ end: End, _ content: [UInt8]) -> ConformanceReport {
    let text = String(decoding: content.prefix(CheckSink.stepBytes).prefix { $0 != 0 }, as: UTF8.self)
    let step = text.split(separator: "\n", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
    let level = step.first.flatMap(ConformanceReport.Level.init) ?? .load
    let name = file.split(separator: "/").last.map(String.init) ?? file
    var report = ConformanceReport(backend: name, version: "")
    let (got, advice) = Self.text(end, seconds)
    report.failures = [
      .init(
        level, rule: step.count > 1 ? step[1] : "", request: step.count > 2 ? step[2] : "",
        what: "the kit did not come back from here", expected: "a status", got: got, advice: advice)
    ]
    return report
  }

  private static func text(_ end: End, _ seconds: Int) -> (got: String, advice: String) {
    switch end {
    case .exited(let status):
      return ("its process exited with status \(status)", "nothing may exit, throw or panic across the boundary")
    case .killed(let signal):
      let isMemory = signal == SIGSEGV || signal == SIGBUS
      let advice =
        isMemory
        ? "it touched memory that is not its own: the tensors lie between guard pages" : "nothing may abort the process"
      let again = "; run with --in-process under a debugger"
      return ("its process died of \(String(cString: strsignal(signal)))", advice + again)
    case .late: return ("nothing within \(seconds) s", "it hangs here, or needs a longer --timeout")
    }
  }

  private func spawn(_ report: String) throws(CheckError) -> pid_t {
    guard let program = Self.program else {
      throw CheckError("this program does not know where it lies; use --in-process")
    }
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
    #else
      var actions = posix_spawn_file_actions_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    // What the backend prints must not mix with the report.
    posix_spawn_file_actions_adddup2(&actions, 2, 1)
    let words = [program, "backend", "check", file, "--child-report", report] + options
    var arguments = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var id: pid_t = 0
    let status = posix_spawn(&id, program, &actions, nil, &arguments, environ)
    guard status == 0 else {
      throw CheckError("'\(program)' cannot be started: \(String(cString: strerror(status))); use --in-process")
    }
    return id
  }

  private func wait(_ id: pid_t) throws(CheckError) -> End {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(seconds)
    var isLate = false
    while true {
      var status: Int32 = 0
      let found = waitpid(id, &status, isLate ? 0 : WNOHANG)
      if found == id {
        if isLate { return .late }
        let signal = status & 0x7F
        return signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal)
      }
      if found < 0 && errno != EINTR { throw CheckError("the child is gone: \(String(cString: strerror(errno)))") }
      if clock.now > end, !isLate {
        kill(id, SIGKILL)
        isLate = true
      }
      usleep(5000)
    }
  }

  private static var temporaryFolder: String {
    Console.environment("TMPDIR").flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
  }

  private static let program: String? = {
    var buffer = [CChar](repeating: 0, count: 4096)
    #if canImport(Darwin)
      var size = UInt32(buffer.count)
      guard _NSGetExecutablePath(&buffer, &size) == 0 else { return nil }
    #else
      guard readlink("/proc/self/exe", &buffer, buffer.count - 1) > 0 else { return nil }
    #endif
    return buffer.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } }
  }()
}
