#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Folders of the user, after the XDG base directory specification 0.8.
enum UserFolder {
  static var home: String? {
    guard !Environment.isPrivileged else { return nil }
    if let home = Environment.value("HOME"), home.hasPrefix("/") { return home }
    return getpwuid(getuid()).flatMap { $0.pointee.pw_dir }.map { String(cString: $0) }
  }

  /// Mezzo's folder below the one that `variable` names; what is not absolute is ignored, as the specification asks.
  static func xdg(_ variable: String, _ standard: String) -> String? {
    if let path = Environment.value(variable), path.hasPrefix("/") { return "\(path)/mezzo" }
    return home.map { "\($0)/\(standard)/mezzo" }
  }
}
