import CMezzoHost

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What this process may use, set before a backend is in it.
enum ProbeLimits {
  private static let addressSpace: UInt64 = 16 << 30

  static func apply(cpuSeconds: UInt64) {
    mezzo_die_with_parent()
    limit(RLIMIT_CORE, 0)
    // Files stay as they are: only pipes can be written to.
    limit(RLIMIT_FSIZE, 0)
    limit(RLIMIT_NOFILE, 256)
    limit(RLIMIT_CPU, cpuSeconds)
    if mezzo_is_sanitized() == 0 { limit(RLIMIT_AS, addressSpace) }
  }

  #if canImport(Glibc)
    private typealias Resource = __rlimit_resource
  #else
    private typealias Resource = Int32
  #endif

  private static func limit(_ resource: Resource, _ value: UInt64) {
    var limits = rlimit()
    getrlimit(resource, &limits)
    let value = rlim_t(value)
    limits.rlim_max = min(limits.rlim_max, value)
    limits.rlim_cur = min(limits.rlim_cur, value)
    setrlimit(resource, &limits)
  }
}
