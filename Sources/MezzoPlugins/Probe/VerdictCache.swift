import CMezzoABI
import MezzoBackend
import MezzoFiles

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
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
    settle()
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
    write(
      Entry(file: file.path, digest: file.digest, outcome: outcome, libraries: libraries), to: "\(folder)/\(key).json")
  }

  private func write(_ value: some Encodable, to path: String) {
    guard let folder, let data = try? JSONEncoder().encode(value) else { return }
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try? AtomicFile.write(Array(data), to: path)
  }

  /// What a probe leaves while it runs, in case that it takes this process with it.
  private struct Mark: Codable {
    var entry: Entry
    var key: Digest
    var prober: ProcessStamp
  }

  private static let markSuffix = ".probing"

  /// Before a probe; what it returns is called behind it.
  func mark(_ file: BackendFile, key: Digest) -> () -> Void {
    guard let folder else { return {} }
    let failure = ProbeFailure(
      phase: "probe", cause: "the program that tried it was ended in the middle, by the backend or by somebody else")
    let mark = Mark(
      entry: Entry(file: file.path, digest: file.digest, outcome: .failed(failure), libraries: []), key: key,
      prober: .own)
    let path = "\(folder)/\(key).\(getpid())-\(UInt32.random(in: 0...(.max)))\(Self.markSuffix)"
    write(mark, to: path)
    return { unlink(path) }
  }

  /// Makes verdicts of what programs left that ended in the middle of a probe.
  private func settle() {
    guard let folder else { return }
    for name in SearchPath.names(in: folder) ?? [] where name.hasSuffix(Self.markSuffix) {
      let path = "\(folder)/\(name)"
      guard let data = try? Data(contentsOf: URL(filePath: path)) else { continue }
      if let mark = try? JSONDecoder().decode(Mark.self, from: data) {
        if mark.prober.isRunning { continue }
        let verdict = "\(folder)/\(mark.key).json"
        // A verdict that came behind the mark is that of its probe, which has just ended.
        if let began = FileStamp(path)?.modified, (FileStamp(verdict)?.modified ?? .min) < began {
          write(mark.entry, to: verdict)
        }
      }
      unlink(path)
    }
  }

  /// Forgets verdicts; returns the files that they were about.
  @discardableResult
  func removeAll(where matches: (Entry) -> Bool) -> [String] {
    settle()
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
