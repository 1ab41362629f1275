#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A process, told from a later one that has its number, and from others where numbers mean something else.
struct ProcessStamp: Codable, Hashable, Sendable {
  var id: Int32
  /// When it started, in the system's own clock; `nil` where the system does not tell.
  var start: UInt64?
  /// The name of its machine.
  var machine: String?
  /// Of the machine's run since it was started.
  var boot: String?
  /// Where its number counts: a container has numbers of its own.
  var namespace: String?

  static var own: ProcessStamp {
    var stamp = here
    stamp.id = getpid()
    stamp.start = start(of: getpid())
    return stamp
  }

  enum State: Sendable, Hashable {
    case running, ended
    /// It cannot be seen from this machine or container.
    case unknown
  }

  var state: State {
    let here = Self.here
    if boot != here.boot { return machine == here.machine ? .ended : .unknown }
    guard namespace == here.namespace else { return .unknown }
    guard kill(id, 0) == 0 || errno == EPERM else { return .ended }
    return start == nil || Self.start(of: id) == start ? .running : .ended
  }

  /// What is the same for all processes that this one can see; without a process.
  private static let here: ProcessStamp = {
    var stamp = ProcessStamp(id: 0)
    var name = utsname()
    if uname(&name) == 0 { stamp.machine = withUnsafeBytes(of: name.nodename) { text($0) } }
    #if os(Linux)
      stamp.boot = firstLine(of: "/proc/sys/kernel/random/boot_id")
      var link = [CChar](repeating: 0, count: 64)
      let count = readlink("/proc/self/ns/pid", &link, link.count)
      if count > 0 { stamp.namespace = link[..<count].withUnsafeBytes { text($0) } }
    #elseif canImport(Darwin)
      var session = [UInt8](repeating: 0, count: 64)
      var size = session.count
      if sysctlbyname("kern.bootsessionuuid", &session, &size, nil, 0) == 0 {
        stamp.boot = session.withUnsafeBytes { text($0) }
      }
    #endif
    return stamp
  }()

  private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  private static func firstLine(of path: String) -> String? {
    guard let bytes = contents(of: path) else { return nil }
    return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }

  /// The first page of a file that the system makes up.
  private static func contents(of path: String) -> ArraySlice<UInt8>? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    return bytes[..<fread(&bytes, 1, bytes.count, file)]
  }

  /// proc(5): behind the name, which may hold anything, the state is field 3, the parent field 4, the start field 22.
  private static func fields(of process: Int32) -> [Substring]? {
    guard let bytes = contents(of: "/proc/\(process)/stat"), let end = bytes.lastIndex(of: UInt8(ascii: ")"))
    else { return nil }
    return String(decoding: bytes[(end + 1)...], as: UTF8.self).split(separator: " ")
  }

  private static func start(of process: Int32) -> UInt64? {
    // One that has ended and waits to be reaped runs no more.
    guard let fields = fields(of: process), fields.count > 19, fields[0] != "Z" else { return nil }
    return UInt64(fields[19])
  }

  static func parent(of process: Int32) -> Int32? {
    guard let fields = fields(of: process), fields.count > 1 else { return nil }
    return Int32(fields[1])
  }
}
