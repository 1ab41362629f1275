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
      var line = [CChar](repeating: 0, count: 8192)
      while fgets(&line, Int32(line.count), file) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        // Only what holds code is a library; other files may be mapped for their data.
        guard let slash = text.firstIndex(of: "/"), text.contains("r-xp") else { continue }
        paths.insert(String(text[slash...].prefix { $0 != "\n" }))
      }
      return paths.sorted()
    #endif
  }
}
