#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where the program `mezzo-probe` is.
package enum ProbeHelper {
  package static let name = "mezzo-probe"

  /// `MEZZO_PROBE`, else beside this program, else on the PATH.
  package static func find() -> Result<String, Missing> {
    if let path = Environment.value("MEZZO_PROBE") {
      return path.hasPrefix("/") && access(path, X_OK) == 0
        ? .success(path)
        : .failure(Missing(message: "MEZZO_PROBE=\(path) is no absolute path of a program; name \(name) by it"))
    }
    let folders =
      [SearchPath.programDirectory].compactMap { $0 }
      + (Environment.value("PATH") ?? "").split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
    let paths: [String] = folders.map { "\($0)/\(name)" }
    if let path = paths.first(where: { access($0, X_OK) == 0 }) { return .success(path) }
    return .failure(
      Missing(
        message:
          "the program \(name), in which backends of others are tried first, is neither beside this program nor on "
          + "the PATH; add Mezzo's product \(name) to your target's dependencies, or name the program by MEZZO_PROBE"))
  }

  package struct Missing: Error, Equatable {
    package var message: String
  }

  /// What a backend may need to find its libraries and to behave as it will in this process.
  static func environment() -> [String] {
    let names: Set = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"]
    let prefixes = ["MEZZO_", "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "BLIS_", "DNNL_", "ONEDNN_"]
    let sanitizers = ["ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"]
    // A crash is reported by the host; a backtrace of it would only take time.
    return ["SWIFT_BACKTRACE=enable=no"]
      // A helper that was built with a sanitizer would end with a status of that instead of the signal.
      + sanitizers.map { name in
        let crashes = ["segv", "sigbus", "abort", "sigill", "sigfpe"].map { "handle_\($0)=0" }
        // What a backend ends in the middle of a load is a finding to the sanitizer, whose status would stand for the other.
        let status = name == "TSAN_OPTIONS" ? ["exitcode=0"] : []
        return "\(name)="
          + ([Environment.value(name)].compactMap { $0 } + crashes + status).joined(separator: ":")
      }
      + Environment.all().filter { (entry: String) -> Bool in
        guard let key = entry.split(separator: "=", maxSplits: 1).first.map({ String($0) }) else { return false }
        return names.contains(key) || prefixes.contains { key.hasPrefix($0) }
      }
  }
}
