#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A process, told from a later one that has its number.
struct ProcessStamp: Codable, Hashable, Sendable {
  var id: Int32
  /// When it started, in the system's own clock; `nil` where the system does not tell.
  var start: UInt64?

  static var own: ProcessStamp { ProcessStamp(id: getpid(), start: start(of: getpid())) }

  var isRunning: Bool {
    guard kill(id, 0) == 0 || errno == EPERM else { return false }
    return start == nil || Self.start(of: id) == start
  }

  /// proc(5): behind the name, which may hold anything, the state is field 3, the parent field 4, the start field 22.
  private static func fields(of process: Int32) -> [Substring]? {
    guard let file = fopen("/proc/\(process)/stat", "re") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = fread(&bytes, 1, bytes.count, file)
    guard let end = bytes[..<count].lastIndex(of: UInt8(ascii: ")")) else { return nil }
    return String(decoding: bytes[(end + 1)..<count], as: UTF8.self).split(separator: " ")
  }

  private static func start(of process: Int32) -> UInt64? {
    guard let fields = fields(of: process), fields.count > 19 else { return nil }
    return UInt64(fields[19])
  }

  static func parent(of process: Int32) -> Int32? {
    guard let fields = fields(of: process), fields.count > 1 else { return nil }
    return Int32(fields[1])
  }
}
