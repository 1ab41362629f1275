#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The files of libraries that are mapped into this process.
package enum LoadedLibraries {
  /// Absolute paths, sorted.
  package static func paths() -> [String] {
    #if canImport(Darwin)
      let paths = (0..<_dyld_image_count()).compactMap { _dyld_get_image_name($0).map { String(cString: $0) } }
      return Set(paths).sorted()
    #else
      guard let file = fopen("/proc/self/maps", "re") else { return [] }
      defer { fclose(file) }
      var paths: Set<String> = []
      withUnsafeTemporaryAllocation(of: CChar.self, capacity: 8192) { buffer in
        guard let line = buffer.baseAddress else { return }
        while fgets(line, Int32(buffer.count), file) != nil {
          // Only what holds code is a library; other files may be mapped for their data.
          guard strstr(line, " r-xp ") != nil, let path = strchr(line, Int32(UInt8(ascii: "/"))) else { continue }
          path[strcspn(path, "\n")] = 0
          paths.insert(String(cString: path))
        }
      }
      return paths.sorted()
    #endif
  }
}
