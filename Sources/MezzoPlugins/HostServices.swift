import CMezzoABI
import CMezzoHost
import Logging
import MezzoPolicy

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the host does for backends: memory, threads, logging, configuration. Each backend has a table of
/// its own.
public enum HostServices {
  /// Threads that all backends together may use: `MEZZO_THREADS`, else the processors of this machine.
  public static let threads: Int = {
    if let text = Environment.value("MEZZO_THREADS"), let threads = Int(text), threads > 0 { return threads }
    return max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
  }()

  /// What the program itself has set; read before the environment.
  private static let settings = Locked<[String: String]>([:])
  /// Every answer to `config` that was given: backends may keep the pointers.
  private static let answers = Locked<[String: CString]>([:])

  private struct CString: @unchecked Sendable {
    /// Written once, and never freed.
    let pointer: UnsafePointer<CChar>
  }

  /// Sets what backends get as the answer to `config(key)`, `nil` to go back to the environment's `MEZZO_<KEY>`.
  ///
  /// What a backend has read before stays as it was.
  public static func configure(_ key: String, _ value: String?) {
    settings.withLock { $0[key.lowercased()] = value }
  }

  /// The setting of a name of letters, digits and `_`; `nil` if there is none.
  static func setting(_ key: String) -> String? {
    guard !key.isEmpty, key.utf8.count <= 64,
      key.utf8.allSatisfy({ $0 == 0x5F || (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20) })
    else { return nil }
    return settings.withLock { $0[key.lowercased()] } ?? Environment.value("MEZZO_" + key.uppercased())
  }

  /// As `setting`, as text that stays valid to the end of the process.
  fileprivate static func lastingSetting(_ key: String) -> UnsafePointer<CChar>? {
    guard let value = setting(key) else { return nil }
    return answers.withLock { answers in
      if let known = answers[value] { return known.pointer }
      let text = Array(value.utf8CString)
      let copy = UnsafeMutablePointer<CChar>.allocate(capacity: text.count)
      copy.initialize(from: text, count: text.count)
      answers[value] = CString(pointer: copy)
      return UnsafePointer(copy)
    }
  }

  /// The services as a backend gets them. They live as long as the process, since backends keep the pointer.
  static func table(for backend: String) -> Table {
    tables.withLock { tables in
      if let known = tables[backend] { return known }
      let table = Table(backend)
      tables[backend] = table
      return table
    }
  }

  private static let tables = Locked<[String: Table]>([:])

  struct Table: @unchecked Sendable {
    /// Written here and only read afterwards.
    let pointer: UnsafeMutablePointer<mezzo_host>

    init(_ backend: String) {
      pointer = .allocate(capacity: 1)
      pointer.initialize(
        to: mezzo_host(
          struct_size: UInt32(MemoryLayout<mezzo_host>.size), reserved: 0,
          ctx: Unmanaged.passRetained(HostContext(backend)).toOpaque(), alloc: hostAllocate, free: hostFree,
          parallel_for: hostParallelFor, threads: hostThreads, log: hostLog, cancelled: hostCancelled,
          config: hostConfig))
    }
  }
}

/// Whom the services are for.
private final class HostContext: Sendable {
  let logger: Logger

  init(_ backend: String) { logger = Logger(label: "mezzo.backend.\(backend)") }
}

// Functions and not closures: a closure written in an isolated context stays isolated, and dies when a backend's own thread
// calls it.

private func hostAllocate(_: UnsafeMutableRawPointer?, bytes: UInt64, alignment: UInt64, _: UInt32)
  -> UnsafeMutableRawPointer?
{
  guard alignment & (alignment &- 1) == 0, let alignment = Int(exactly: alignment), let bytes = Int(exactly: bytes)
  else { return nil }
  var pointer: UnsafeMutableRawPointer?
  let least = MemoryLayout<UnsafeRawPointer>.alignment
  return posix_memalign(&pointer, max(alignment, least), max(bytes, 1)) == 0 ? pointer : nil
}

private func hostFree(_: UnsafeMutableRawPointer?, pointer: UnsafeMutableRawPointer?) { free(pointer) }

private func hostThreads(_: UnsafeMutableRawPointer?) -> UInt32 {
  UInt32(clamping: ThreadBudget.shared.available)
}

private func hostCancelled(_: UnsafeMutableRawPointer?) -> Int32 { Cancellation.current.isCancelled ? 1 : 0 }

private func hostConfig(_: UnsafeMutableRawPointer?, key: UnsafePointer<CChar>?) -> UnsafePointer<CChar>? {
  key.flatMap { HostServices.lastingSetting(String(cString: $0)) }
}

/// Longer messages are cut off: the length is the backend's claim.
private let longestMessage = 4096

private func hostLog(
  _ context: UnsafeMutableRawPointer?, level: UInt32, message: UnsafePointer<CChar>?, length: UInt32
) {
  guard let context, let message else { return }
  let bytes = UnsafeRawBufferPointer(start: UnsafeRawPointer(message), count: min(Int(length), longestMessage))
  let text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  let levels: [Logger.Level] = [.error, .warning, .info]
  Unmanaged<HostContext>.fromOpaque(context).takeUnretainedValue().logger.log(
    level: levels.indices.contains(Int(level)) ? levels[Int(level)] : .debug, "\(text)")
}

/// A C body and its context on their way to other threads; the backend promises that it may run there.
private struct ParallelJob {
  let body: mezzo_body
  let user: UnsafeMutableRawPointer?
  let count: UInt64
  let pieces: UInt64
  let cancellation: Cancellation

  func run(_ piece: UInt32) {
    let (share, rest) = count.quotientAndRemainder(dividingBy: pieces)
    let index = UInt64(piece)
    let begin = index * share + min(index, rest)
    // What a body starts is nested, on whichever thread it runs.
    let before = mezzo_is_leased()
    mezzo_set_leased(1)
    defer { mezzo_set_leased(before) }
    cancellation.lend { body(user, begin, begin + share + (index < rest ? 1 : 0), piece) }
  }
}

private func runPiece(_ job: UnsafeMutableRawPointer?, _ piece: UInt32) {
  job?.assumingMemoryBound(to: ParallelJob.self).pointee.run(piece)
}

private func hostParallelFor(
  _: UnsafeMutableRawPointer?, count: UInt64, grain: UInt64, body: mezzo_body?, user: UnsafeMutableRawPointer?
) -> mezzo_status {
  guard let body else { return mezzo_status(MEZZO_INVALID) }
  guard count > 0 else { return mezzo_status(MEZZO_OK) }
  let wanted = min(UInt64(HostServices.threads), max(1, count / max(grain, 1)))
  ThreadBudget.shared.withSome(Int(wanted)) { run(body, user, count, pieces: UInt64($0)) }
  return mezzo_status(MEZZO_OK)
}

private func run(_ body: mezzo_body, _ user: UnsafeMutableRawPointer?, _ count: UInt64, pieces: UInt64) {
  guard pieces > 1 else { return body(user, 0, count, 0) }
  // Lives until all pieces are done.
  var job = ParallelJob(body: body, user: user, count: count, pieces: pieces, cancellation: .current)
  withUnsafeMutablePointer(to: &job) { mezzo_run_pieces(UInt32(clamping: pieces), runPiece, $0) }
}
