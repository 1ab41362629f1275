#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// OpenMP runtimes, of which a process bears one.
enum ThreadRuntimes {
  enum Clash: Equatable {
    /// The second one kills the process.
    case fatal(String)
    case warning(String)
  }

  /// The runtimes among the files of libraries: `libgomp`, `libomp`, `libiomp5`.
  static func names(in libraries: some Sequence<String>) -> Set<String> {
    Set(
      libraries.compactMap { path in
        let file = path.split(separator: "/").last ?? ""
        return ["libgomp", "libiomp5", "libomp"].first { file.hasPrefix("\($0).") || file.hasPrefix("\($0)-") }
      })
  }

  /// What happens when a backend that brings `new` comes to a process that has `present`.
  static func clash(_ new: Set<String>, with present: Set<String>) -> Clash? {
    for (one, other) in [("libomp", "libiomp5"), ("libiomp5", "libomp")]
    where new.contains(one) && !present.contains(one) && present.contains(other) {
      // Both are LLVM's runtime, and the second to start finds the first and aborts.
      return .fatal(
        "it brings \(one) into a process that has \(other), which ends the process; build it against \(other), or leave "
          + "the other backend out by MEZZO_BACKENDS")
    }
    guard let one = new.subtracting(present).sorted().first, let other = present.sorted().first else { return nil }
    return .warning("it brings \(one) into a process that has \(other): two pools of threads, which take turns")
  }

  /// Before GNU's runtime comes in, which reads its settings once: by default its threads spin for milliseconds behind every
  /// region, and take the processors from all others. A user's own choice stands.
  static func spinBriefly(_ new: Set<String>) {
    if new.contains("libgomp"), Environment.value("OMP_WAIT_POLICY") == nil { setenv("GOMP_SPINCOUNT", "1000", 0) }
  }
}
