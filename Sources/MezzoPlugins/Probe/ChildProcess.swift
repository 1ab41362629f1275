import CMezzoHost
import MezzoFiles

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A process that cannot harm this one: in a group of its own, with an environment and descriptors that were chosen for it,
/// and killed with everything that it started.
struct ChildProcess {
  private let id: pid_t
  /// The read ends of the pipes from the child's descriptor 3, and from its standard output and error.
  let report, log: Int32
  private let mark: String

  struct SpawnError: Error {
    var message: String
  }

  /// - Parameter input: what its standard input holds; not more than a pipe takes before anybody reads.
  init(_ program: String, _ arguments: [String], environment: [String], input: String) throws(SpawnError) {
    // In the environment of everything that the child starts, also of what leaves its process group.
    mark = "MEZZO_PROBE_RUN=\(getpid())-\(UInt64.random(in: 0...(.max)))"
    var ends: [Int32] = []
    defer { for end in ends { close(end) } }
    for _ in 0..<3 { ends += try Self.pipe() }
    // Before the child is there, while this process holds the other end: a child that dies early cannot raise SIGPIPE.
    _ = input.utf8.withContiguousStorageIfAvailable { write(ends[1], $0.baseAddress, $0.count) }
    id = try Self.spawn(
      program, arguments, environment + [mark], descriptors: [ends[0], ends[5], ends[5], ends[3]])
    (report, log) = (ends[2], ends[4])
    for end in [report, log] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    ends.removeAll { [report, log].contains($0) }
  }

  /// How it ended, once it has: what `waitpid` gives, or `nil`.
  func ended() -> Int32? {
    var information = siginfo_t()
    // Left as a zombie, so that nobody else can have its number when its group is killed.
    guard waitid(P_PID, id_t(id), &information, WEXITED | WNOHANG | WNOWAIT) == 0 else { return 0 }
    #if canImport(Darwin)
      let found = information.si_pid
    #else
      let found = information._sifields._sigchld.si_pid
    #endif
    guard found == id else { return nil }
    return kill()
  }

  /// Kills it, its group and whatever else bears its mark, and returns how it ended.
  @discardableResult
  func kill() -> Int32 {
    _ = Self.signal(-id)
    _ = Self.signal(id)
    #if os(Linux)
      killMarked()
    #endif
    var status: Int32 = 0
    while waitpid(id, &status, 0) < 0 && errno == EINTR {}
    return status
  }

  func closePipes() {
    close(report)
    close(log)
  }

  private static func signal(_ id: pid_t) -> Int32 {
    #if canImport(Darwin)
      Darwin.kill(id, SIGKILL)
    #elseif canImport(Musl)
      Musl.kill(id, SIGKILL)
    #else
      Glibc.kill(id, SIGKILL)
    #endif
  }

  /// How many processes run that it started, beside the one child that it is expected to have; 0 where that cannot be told.
  func strays() -> Int {
    #if os(Linux)
      // One that has ended meanwhile has no parent.
      marked().count { ProcessStamp.parent(of: $0) ?? id != id }
    #else
      0
    #endif
  }

  #if os(Linux)
    private func killMarked() {
      // Again as long as there are some: one may have forked meanwhile.
      for _ in 0..<8 {
        let marked = marked()
        if marked.isEmpty { return }
        for process in marked { _ = Self.signal(process) }
      }
    }

    /// All that it started and that runs, wherever it has moved to.
    private func marked() -> [pid_t] {
      Folder.names(in: "/proc")?.compactMap { pid_t($0) }.filter { $0 != id && isMarked($0) } ?? []
    }

    private func isMarked(_ process: pid_t) -> Bool {
      let file = open("/proc/\(process)/environ", O_RDONLY | O_CLOEXEC)
      guard file >= 0 else { return false }
      defer { close(file) }
      var bytes = [UInt8](repeating: 0, count: 1 << 16)
      let count = read(file, &bytes, bytes.count)
      guard count > 0 else { return false }
      return bytes[..<count].split(separator: 0).contains { $0.elementsEqual(mark.utf8) }
    }
  #endif

  private static func pipe() throws(SpawnError) -> [Int32] {
    var ends: [Int32] = [-1, -1]
    guard mezzo_pipe(&ends) == 0 else { throw SpawnError(message: "no pipe: \(String(cString: strerror(errno)))") }
    return ends
  }

  private static func spawn(
    _ program: String, _ arguments: [String], _ environment: [String], descriptors: [Int32]
  ) throws(SpawnError) -> pid_t {
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
    #else
      var actions = posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    // Two steps, since a descriptor may have the number that another one is to get.
    let parking = (descriptors.max() ?? 0) + 1
    for (place, descriptor) in descriptors.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, descriptor, parking + Int32(place))
    }
    for place in descriptors.indices {
      posix_spawn_file_actions_adddup2(&actions, parking + Int32(place), Int32(place))
      posix_spawn_file_actions_addclose(&actions, parking + Int32(place))
    }
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setpgroup(&attributes, 0)
    var flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    #if canImport(Darwin)
      flags |= POSIX_SPAWN_CLOEXEC_DEFAULT
    #endif
    posix_spawnattr_setflags(&attributes, Int16(flags))

    var words = ([program] + arguments).map { strdup($0) } + [nil]
    var variables = environment.map { strdup($0) } + [nil]
    defer { for text in words + variables { free(text) } }
    var id: pid_t = 0
    let status = posix_spawn(&id, program, &actions, &attributes, &words, &variables)
    guard status == 0 else {
      throw SpawnError(message: "\(program) cannot be started: \(String(cString: strerror(status)))")
    }
    return id
  }
}
