import CMezzoABI
import MezzoBackend
import MezzoFiles

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How probes ended, kept in files, so that each backend is probed once on each machine.
///
/// A verdict holds for the content of the file, the processor's features, the host's ABI, the helper that gave it, and the
/// libraries that were loaded with it. When one of them changes, the backend is probed anew: quarantine heals by itself.
struct VerdictCache: Sendable {
  /// `nil`: nothing is kept.
  var folder: String?

  static var standard: VerdictCache { VerdictCache(folder: CacheFolder.path.map { "\($0)/verdicts" }) }

  struct Entry: Codable, Sendable {
    var version = ProbeWire.version
    var file: String
    var digest: Digest
    var outcome: ProbeOutcome
    var libraries: [FileStamp]
  }

  static func key(_ file: BackendFile, helper: String) -> Digest {
    let helper = FileStamp(helper).map { "\($0.path) \($0.size) \($0.modified)" } ?? helper
    return Digest(
      text: [
        file.path, file.digest.description, ProcessorFeatures.names.sorted().joined(separator: " "),
        "\(NativeBackend.offer.major).\(NativeBackend.offer.max_minor) \(ProbeWire.version)", helper,
        Environment.value("LD_LIBRARY_PATH") ?? "", Environment.value("DYLD_LIBRARY_PATH") ?? "",
      ].joined(separator: "\n"))
  }

  func outcome(_ key: Digest) -> ProbeOutcome? {
    guard let folder, let data = try? Data(contentsOf: URL(filePath: "\(folder)/\(key).json")),
      let entry = try? JSONDecoder().decode(Entry.self, from: data), entry.version == ProbeWire.version,
      entry.libraries.allSatisfy({ FileStamp($0.path) == $0 })
    else { return nil }
    return entry.outcome
  }

  /// Does nothing where the folder cannot be written: then the backend is probed again next time.
  func store(_ outcome: ProbeOutcome, _ file: BackendFile, key: Digest) {
    guard let folder else { return }
    var libraries: [FileStamp] = []
    switch outcome {
    case .passed(let verdict): libraries = verdict.libraries.compactMap { FileStamp($0) }
    case .failed: break
    // What is missing may be installed at any time, and to ask again costs little.
    case .declined: return
    }
    removeAll { $0.file == file.path && $0.digest != file.digest }
    let entry = Entry(file: file.path, digest: file.digest, outcome: outcome, libraries: libraries)
    guard let data = try? JSONEncoder().encode(entry) else { return }
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try? AtomicFile.write(Array(data), to: "\(folder)/\(key).json")
  }

  /// Forgets verdicts; returns the files that they were about.
  @discardableResult
  func removeAll(where matches: (Entry) -> Bool) -> [String] {
    guard let folder else { return [] }
    var removed: [String] = []
    for name in (SearchPath.names(in: folder) ?? []).sorted() where name.hasSuffix(".json") {
      let path = "\(folder)/\(name)"
      guard let data = try? Data(contentsOf: URL(filePath: path)) else { continue }
      guard let entry = try? JSONDecoder().decode(Entry.self, from: data) else {
        try? FileManager.default.removeItem(atPath: path)
        continue
      }
      guard matches(entry) else { continue }
      try? FileManager.default.removeItem(atPath: path)
      removed.append(entry.file)
    }
    return removed
  }
}

/// `MEZZO_CACHE_DIR`, else what the system has for caches.
enum CacheFolder {
  static var path: String? {
    if let path = Environment.value("MEZZO_CACHE_DIR"), path.hasPrefix("/") { return path }
    #if canImport(Darwin)
      return UserFolder.home.map { "\($0)/Library/Caches/mezzo" }
    #else
      return UserFolder.xdg("XDG_CACHE_HOME", ".cache")
    #endif
  }
}
