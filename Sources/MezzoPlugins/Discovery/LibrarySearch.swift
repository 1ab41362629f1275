#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where the dynamic loader would find a library, found without it: to open a library runs its code.
enum LibrarySearch {
  /// The first file, in the loader's order, that a name without a slash may stand for.
  static func path(of name: String) -> String? {
    if name.contains("/") { return isFile(name) ? name : nil }
    for folder in configured {
      let path = "\(folder)/\(name)"
      if isFile(path) { return path }
    }
    if let path = cached(name) { return path }
    return usual.map { "\($0)/\(name)" }.first(where: isFile)
  }

  private static func isFile(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  #if canImport(Darwin)
    private static let variable = "DYLD_LIBRARY_PATH"
    private static let usual = ["/usr/local/lib", "/usr/lib"]
  #else
    private static let variable = "LD_LIBRARY_PATH"
    private static let usual = ["/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"]
  #endif

  private static var configured: [String] {
    (Environment.value(variable) ?? "").split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
  }

  private static func cached(_ name: String) -> String? {
    // It also has libraries for other processors that this one can run.
    cache[name]?.first { isFile($0) && ELFFile($0) != nil }
  }

  /// The paths of the system's libraries by their names, in the order of the loader's cache, which holds them as texts, each
  /// with a null byte behind it. That much is the same in all versions of its format.
  private static let cache: [String: [String]] = {
    var paths: [String: [String]] = [:]
    for text in (content(of: "/etc/ld.so.cache") ?? []).split(separator: 0) where text.first == UInt8(ascii: "/") {
      guard let slash = text.lastIndex(of: UInt8(ascii: "/")) else { continue }
      let name = String(decoding: text[(slash + 1)...], as: UTF8.self)
      paths[name, default: []].append(String(decoding: text, as: UTF8.self))
    }
    return paths
  }()

  private static func content(of path: String) -> [UInt8]? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    // Larger than the cache of any system.
    while bytes.count < 8 << 20 {
      let count = fread(&buffer, 1, buffer.count, file)
      if count == 0 { return bytes }
      bytes += buffer[..<count]
    }
    return nil
  }
}
