import MezzoFiles

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where backends are looked for. Never in the current directory.
enum SearchPath {
  #if canImport(Darwin)
    static let suffix = ".dylib"
  #else
    static let suffix = ".so"
  #endif

  struct File: Equatable {
    var path: String
    /// It was named itself, and not found in a folder.
    var isNamed: Bool
  }

  /// What `text`, the value of `MEZZO_BACKEND_PATH`, names: files, or folders whose backends are taken in order of their
  /// names. Entries that are not absolute are returned as refused.
  static func configured(_ text: String) -> (files: [File], refused: [(path: String, reason: String)]) {
    var files: [File] = []
    var refused: [(path: String, reason: String)] = []
    for entry in text.split(separator: ":").map(String.init) {
      if !entry.hasPrefix("/") {
        refused.append(
          (entry, "MEZZO_BACKEND_PATH takes absolute paths only, this one depends on the current directory"))
      } else if let found = backends(in: entry) {
        files += found
      } else {
        files.append(File(path: entry, isNamed: true))
      }
    }
    return (files, refused)
  }

  /// The folders that are searched without being asked for, in order.
  static var folders: [String] {
    var folders: [String?] = []
    #if canImport(Darwin)
      folders.append(programDirectory.map { "\($0)/../Resources/backends.d" })
    #endif
    folders += [
      UserFolder.xdg("XDG_CONFIG_HOME", ".config").map { "\($0)/backends.d" },
      UserFolder.xdg("XDG_DATA_HOME", ".local/share").map { "\($0)/backends.d" },
      "/etc/mezzo/backends.d", "/usr/local/share/mezzo/backends.d", "/usr/share/mezzo/backends.d",
    ]
    return folders.compactMap { $0 }
  }

  /// The libraries and manifests in a folder, by name; `nil` where it is none.
  static func backends(in folder: String) -> [File]? {
    Folder.names(in: folder).map { names in
      names.filter { !$0.hasPrefix(".") && ($0.hasSuffix(suffix) || BackendFile.isManifest($0)) }.sorted()
        .map { File(path: "\(folder)/\($0)", isNamed: false) }
    }
  }

  /// Where a backend that comes with Mezzo lies: SwiftPM puts it beside the executable, and so does an installation.
  static func bundled(_ product: String) -> String? {
    programDirectory.map { "\($0)/lib\(product)\(suffix)" }
  }

  static let programDirectory: String? = {
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
}
