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
  ///
  /// One that was left is found at the next start and counts: who interrupts a program is no backend at fault. Two in a row
  /// are a verdict.
  private struct Mark: Codable {
    var file: String
    var digest: Digest
    var key: Digest
    /// 1, and more where marks had been left before.
    var attempt: Int
    var prober: ProcessStamp

    /// `nil` if it may be tried again.
    var verdict: Entry? {
      guard attempt >= VerdictCache.attempts else { return nil }
      let cause =
        "programs that tried it were ended in the middle, \(attempt) times in a row, by the backend or by somebody else"
      return Entry(
        file: file, digest: digest, outcome: .failed(ProbeFailure(phase: "probe", cause: cause)), libraries: [])
    }
  }

  private static let markSuffix = ".probing"
  private static let attempts = 2
  /// Nanoseconds after which a mark is left over whose program cannot be seen from here: no probe takes longer, unless
  /// somebody allows it.
  static let unseen: Int64 = 600_000_000_000

  /// Before a probe; what it returns is called behind it.
  func mark(_ file: BackendFile, key: Digest) -> () -> Void {
    guard let folder else { return {} }
    let attempt = min(interruptions(key), Self.attempts) + 1
    let mark = Mark(file: file.path, digest: file.digest, key: key, attempt: attempt, prober: .own)
    let path = "\(folder)/\(key).\(getpid())-\(UInt32.random(in: 0...(.max)))\(Self.markSuffix)"
    write(mark, to: path)
    return {
      unlink(path)
      for left in leftOver() where left.mark.key == key { unlink(left.path) }
    }
  }

  /// How many probes in a row were ended in the middle.
  func interruptions(_ key: Digest) -> Int {
    leftOver().lazy.filter { $0.mark.key == key }.map { $0.mark.attempt }.max() ?? 0
  }

  /// Marks whose programs are there no more.
  private func leftOver() -> [(path: String, mark: Mark)] {
    guard let folder else { return [] }
    return (Folder.names(in: folder) ?? []).compactMap { name in
      let path = "\(folder)/\(name)"
      guard name.hasSuffix(Self.markSuffix), let data = try? Data(contentsOf: URL(filePath: path)),
        let began = FileStamp(path)?.modified
      else { return nil }
      guard let mark = try? JSONDecoder().decode(Mark.self, from: data) else {
        unlink(path)
        return nil
      }
      switch mark.prober.state {
      case .running: return nil
      case .unknown: if Self.now() &- began < Self.unseen { return nil }
      case .ended: break
      }
      // A verdict that came behind the mark is that of its probe, which has just ended.
      if let verdict = FileStamp("\(folder)/\(mark.key).json")?.modified, verdict >= began {
        unlink(path)
        return nil
      }
      return (path, mark)
    }
  }

  /// Makes verdicts of what programs left that ended in the middle of a probe, where it is not the first time.
  private func settle() {
    guard let folder else { return }
    for (path, mark) in leftOver() {
      guard let verdict = mark.verdict else { continue }
      write(verdict, to: "\(folder)/\(mark.key).json")
      unlink(path)
    }
  }

  private static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }

  /// Forgets verdicts; returns the files that they were about.
  @discardableResult
  func removeAll(where matches: (Entry) -> Bool) -> [String] {
    settle()
    guard let folder else { return [] }
    for (path, mark) in leftOver() {
      let nothing = ProbeOutcome.declined("")
      if matches(Entry(file: mark.file, digest: mark.digest, outcome: nothing, libraries: [])) { unlink(path) }
    }
    var removed: [String] = []
    for name in (Folder.names(in: folder) ?? []).sorted() where name.hasSuffix(".json") {
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
package enum CacheFolder {
  package static var path: String? {
    if let path = Environment.value("MEZZO_CACHE_DIR"), path.hasPrefix("/") { return path }
    #if canImport(Darwin)
      return UserFolder.home.map { "\($0)/Library/Caches/mezzo" }
    #else
      return UserFolder.xdg("XDG_CACHE_HOME", ".cache")
    #endif
  }
}
