#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Environment variables, which a program that runs with more rights than its user must not believe.
package enum Environment {
  package static let isPrivileged = getuid() != geteuid() || getgid() != getegid()

  package static func value(_ name: String) -> String? {
    guard !isPrivileged, let text = getenv(name) else { return nil }
    return String(cString: text)
  }
}
