import CMezzoHost

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What this process may use and reach, set before a backend is in it.
enum ProbeLimits {
  private static let addressSpace: UInt64 = 16 << 30

  static func apply(cpuSeconds: UInt64) {
    limit(RLIMIT_CORE, 0)
    // Files stay as they are: only pipes can be written to.
    limit(RLIMIT_FSIZE, 0)
    limit(RLIMIT_NOFILE, 256)
    limit(RLIMIT_CPU, cpuSeconds)
    if mezzo_is_sanitized() == 0 { limit(RLIMIT_AS, addressSpace) }
    // Where the system cannot keep it from other processes, the mark that the host has left on the disk has to do.
    _ = mezzo_confine()
  }

  #if canImport(Glibc)
    private static func limit(_ resource: __rlimit_resource, _ value: UInt64) {
      limit(Int32(resource.rawValue), value)
    }
  #endif

  private static func limit(_ resource: Int32, _ value: UInt64) {
    var limits = rlimit()
    getrlimit(resource, &limits)
    limits.rlim_max = min(limits.rlim_max, rlim_t(value))
    limits.rlim_cur = min(limits.rlim_cur, rlim_t(value))
    setrlimit(resource, &limits)
  }
}
