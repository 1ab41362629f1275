import Foundation
import MezzoBackend
import Testing

@testable import MezzoPlugins

/// What is left of probes whose programs were ended, and how it counts.
@Suite struct VerdictCacheTests {
  private let folder: TemporaryFolder
  private let cache: VerdictCache
  private let file: BackendFile
  private let key: Digest

  init() throws {
    folder = try TemporaryFolder()
    cache = VerdictCache(folder: folder.file("verdicts"))
    file = BackendFile(shipped: try #require(Manifest.shipped.first))
    key = VerdictCache.key(file, helper: "/nowhere/helper")
  }

  private var marks: [String] {
    get throws {
      try FileManager.default.contentsOfDirectory(atPath: folder.file("verdicts")).filter { $0.hasSuffix(".probing") }
    }
  }

  /// A probe that is not seen to its end, by a program that is changed to look like another.
  private func leave(_ change: (inout ProcessStamp) -> Void) throws {
    let before = Set((try? marks) ?? [])
    _ = cache.mark(file, key: key)
    let name = try #require(try marks.first { !before.contains($0) })
    let path = folder.file("verdicts/\(name)")
    var mark = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: path))) as? [String: Any])
    var stamp = ProcessStamp.own
    change(&stamp)
    mark["prober"] = try JSONSerialization.jsonObject(with: JSONEncoder().encode(stamp))
    try JSONSerialization.data(withJSONObject: mark).write(to: URL(filePath: path))
  }

  private func date(_ seconds: Double) throws {
    for name in try marks {
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSinceNow: -seconds)], ofItemAtPath: folder.file("verdicts/\(name)"))
    }
  }

  private var isInQuarantine: Bool {
    guard case .failed(let failure) = cache.outcome(key) else { return false }
    return failure.cause.contains("ended in the middle, 2 times in a row")
  }

  private static let hasEnded: @Sendable (inout ProcessStamp) -> Void = { $0.start = $0.start.map { $0 + 1 } ?? 1 }

  @Test func theFirstIsCountedAndTheSecondIsAVerdict() throws {
    #expect(cache.interruptions(key) == 0)
    try leave(Self.hasEnded)
    #expect(cache.outcome(key) == nil && cache.interruptions(key) == 1)
    try leave(Self.hasEnded)
    #expect(isInQuarantine)
    #expect(try cache.interruptions(key) == 0 && marks.isEmpty)
    #expect(cache.removeAll { $0.file == file.path } == [file.path])
    #expect(cache.outcome(key) == nil)
  }

  /// Two programs that one Ctrl-C ends are one interruption.
  @Test func whatIsInterruptedAtOnceCountsOnce() throws {
    try leave { _ in }
    try leave { _ in }
    #expect(try marks.count == 2 && cache.interruptions(key) == 0, "they run")
    for name in try marks {
      let url = URL(filePath: folder.file("verdicts/\(name)"))
      let text = try String(contentsOf: url, encoding: .utf8)
      try text.replacing("\"id\":\(getpid())", with: "\"id\":\(Int32.max)").write(
        to: url, atomically: true, encoding: .utf8)
    }
    #expect(cache.outcome(key) == nil && cache.interruptions(key) == 1)
  }

  @Test func aProbeThatEndsInOrderMakesUpForIt() throws {
    try leave(Self.hasEnded)
    let end = cache.mark(file, key: key)
    #expect(try marks.count == 2)
    end()
    #expect(try cache.interruptions(key) == 0 && marks.isEmpty)
    try leave(Self.hasEnded)
    #expect(cache.outcome(key) == nil, "it is the first again")
    // As is one that is forgotten on purpose.
    cache.removeAll { $0.file == file.path }
    #expect(try marks.isEmpty)
  }

  @Test func whatCannotBeSeenCountsOnceItIsOld() throws {
    for other in [
      { $0.namespace = "pid:[1]" }, { ($0.machine, $0.boot) = ("elsewhere", "other") },
    ] as [(inout ProcessStamp) -> Void] {
      try leave(other)
      #expect(ProcessStamp.own.state == .running && cache.interruptions(key) == 0)
      try date(700)
      #expect(cache.interruptions(key) == 1)
      cache.removeAll { $0.file == file.path }
    }
    // The same machine, started again: no process of before runs.
    try leave { $0.boot = "before" }
    #expect(cache.interruptions(key) == 1)
  }

  @Test func marksOfEarlierVersionsAreDropped() throws {
    try FileManager.default.createDirectory(atPath: folder.file("verdicts"), withIntermediateDirectories: true)
    for (name, text) in [("a", "{"), ("b", #"{"entry":{},"key":"x","prober":{"id":1}}"#)] {
      try Data(text.utf8).write(to: URL(filePath: folder.file("verdicts/\(name).probing")))
    }
    #expect(cache.outcome(key) == nil)
    #expect(try marks.isEmpty)
  }
}
