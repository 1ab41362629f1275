import CMezzoABI
import CMezzoHost
import Dispatch
import Logging

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the host does for backends: memory, threads, logging, configuration. One table for the whole process.
public enum HostServices {
  /// Threads that all backends together may use: `MEZZO_THREADS`, else the processors of this machine.
  public static let threads: Int = {
    if let text = Environment.value("MEZZO_THREADS"), let threads = Int(text), threads > 0 { return threads }
    return max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
  }()

  /// Lives as long as the process, since backends keep the pointer.
  static let table = Table()

  struct Table: @unchecked Sendable {
    /// Written here and only read afterwards.
    let pointer: UnsafeMutablePointer<mezzo_host>

    init() {
      pointer = .allocate(capacity: 1)
      pointer.initialize(
        to: mezzo_host(
          struct_size: UInt32(MemoryLayout<mezzo_host>.size), reserved: 0, ctx: nil, alloc: hostAllocate,
          free: hostFree, parallel_for: hostParallelFor, threads: hostThreads, log: hostLog,
          cancelled: hostCancelled, config: hostConfig))
    }
  }
}

// Functions and not closures: a closure written in an isolated context stays isolated, and dies when a backend's own thread
// calls it.

private func hostAllocate(_: UnsafeMutableRawPointer?, bytes: UInt64, alignment: UInt64, _: UInt32)
  -> UnsafeMutableRawPointer?
{
  var pointer: UnsafeMutableRawPointer?
  let alignment = max(Int(clamping: alignment), MemoryLayout<UnsafeRawPointer>.alignment)
  return posix_memalign(&pointer, alignment, max(Int(clamping: bytes), 1)) == 0 ? pointer : nil
}

private func hostFree(_: UnsafeMutableRawPointer?, pointer: UnsafeMutableRawPointer?) { free(pointer) }

private func hostThreads(_: UnsafeMutableRawPointer?) -> UInt32 {
  UInt32(clamping: ThreadBudget.shared.available)
}

private func hostCancelled(_: UnsafeMutableRawPointer?) -> Int32 { 0 }

/// `MEZZO_<KEY>` of the environment. The string stays valid because nothing in Mezzo changes the environment.
private func hostConfig(_: UnsafeMutableRawPointer?, key: UnsafePointer<CChar>?) -> UnsafePointer<CChar>? {
  guard let key, !Environment.isPrivileged else { return nil }
  return UnsafePointer(getenv("MEZZO_" + String(cString: key).uppercased()))
}

private func hostLog(_: UnsafeMutableRawPointer?, level: UInt32, message: UnsafePointer<CChar>?, length: UInt32) {
  guard let message else { return }
  let text = String(
    decoding: UnsafeRawBufferPointer(start: UnsafeRawPointer(message), count: Int(length)), as: UTF8.self)
  let levels: [Logger.Level] = [.error, .warning, .info]
  Logger(label: "mezzo.backend").log(
    level: levels.indices.contains(Int(level)) ? levels[Int(level)] : .debug, "\(text)")
}

/// A C body and its context on their way to another thread; the backend promises that it may run there.
private struct ParallelBody: @unchecked Sendable {
  let body: @convention(c) (UnsafeMutableRawPointer?, UInt64, UInt64, UInt32) -> Void
  let user: UnsafeMutableRawPointer?
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
  let job = ParallelBody(body: body, user: user)
  let (share, rest) = count.quotientAndRemainder(dividingBy: pieces)
  DispatchQueue.concurrentPerform(iterations: Int(pieces)) { piece in
    let index = UInt64(piece)
    let begin = index * share + min(index, rest)
    // What a body starts is nested, on whichever thread it runs.
    let before = mezzo_is_leased()
    mezzo_set_leased(1)
    defer { mezzo_set_leased(before) }
    job.body(job.user, begin, begin + share + (index < rest ? 1 : 0), UInt32(piece))
  }
}
