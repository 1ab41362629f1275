#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where backends are looked for: `MEZZO_BACKEND_PATH`, then Mezzo's own beside the program. Never the current directory.
enum SearchPath {
  #if canImport(Darwin)
    static let suffix = ".dylib"
  #else
    static let suffix = ".so"
  #endif

  /// The libraries that `text`, the value of `MEZZO_BACKEND_PATH`, names: files, or directories whose libraries are taken in order of their names.
  /// Entries that are not absolute are returned as refused.
  static func configured(_ text: String) -> (libraries: [String], refused: [(path: String, reason: String)]) {
    var libraries: [String] = []
    var refused: [(path: String, reason: String)] = []
    for entry in text.split(separator: ":").map(String.init) {
      if !entry.hasPrefix("/") {
        refused.append(
          (entry, "MEZZO_BACKEND_PATH takes absolute paths only, this one depends on the current directory"))
      } else if let names = directory(entry) {
        libraries += names.filter { $0.hasSuffix(suffix) }.sorted().map { "\(entry)/\($0)" }
      } else {
        libraries.append(entry)
      }
    }
    return (libraries, refused)
  }

  /// Where a backend that comes with Mezzo lies: SwiftPM puts it beside the executable, and so does an installation.
  static func bundled(_ product: String) -> String? {
    programDirectory.map { "\($0)/lib\(product)\(suffix)" }
  }

  private static let programDirectory: String? = {
    var buffer = [CChar](repeating: 0, count: 4096)
    #if canImport(Darwin)
      var size = UInt32(buffer.count)
      guard _NSGetExecutablePath(&buffer, &size) == 0 else { return nil }
      let path = String(cString: buffer)
    #else
      let length = readlink("/proc/self/exe", &buffer, buffer.count)
      guard length > 0, length < buffer.count else { return nil }
      let path = String(decoding: buffer[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
    #endif
    return path.lastIndex(of: "/").map { String(path[..<$0]) }
  }()

  private static func directory(_ path: String) -> [String]? {
    guard let stream = opendir(path) else { return nil }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: $0.pointee)) { String(cString: $0) }
        })
    }
    return names
  }
}
