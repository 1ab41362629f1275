import Foundation
import MezzoBackend
import MezzoFiles
import MezzoGraph
import MezzoPolicy
import Testing

@testable import MezzoRuntime

/// A folder for packed weights that goes with the test, and programs that use it one after the other.
final class PackCacheFolder: Sendable {
  let path: String
  private let log = Locked<[String]>([])

  init() { path = FileManager.default.temporaryDirectory.appending(path: "mezzo-packs-\(UUID().uuidString)").path }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// What was logged.
  var lines: [String] { log.withLock { $0 } }

  /// The paths of forms.
  var files: [String] { names { $0.hasSuffix(".pack") } }

  /// The paths of what writers did not bring to an end.
  var leftovers: [String] { names { $0.hasSuffix(".part") } }

  private func names(_ isWanted: (String) -> Bool) -> [String] {
    (Folder.names(in: path) ?? []).filter(isWanted).sorted().map { "\(path)/\($0)" }
  }

  func notices() -> Notices { Notices { [log] _, text in log.withLock { $0.append(text) } } }

  /// Writes where the file is, as whoever damages one does.
  func put(_ bytes: some Sequence<UInt8>, at path: String) throws {
    try AtomicFile.write(Array(bytes), to: path)
    chmod(path, 0o600)
  }

  /// As if it had been used for the last time so many hours ago.
  func age(_ path: String, hours: Int) {
    let time = timeval(tv_sec: Foundation.time(nil) - 3600 * hours, tv_usec: 0)
    utimes(path, [time, time])
  }

  /// - Parameter inner: a folder below.
  func program(_ inner: String = "", limit: Int = 1 << 20, least: Int = 1) -> Program {
    Program(cache: PackCache(folder: path + inner, limit: limit, least: least, notices: notices()))
  }

  /// What a program has for itself.
  struct Program: Sendable {
    let store = PackStore()
    let cache: PackCache
    private let count = Locked(0)

    init(cache: PackCache) { self.cache = cache }

    /// How often it packed.
    var packs: Int { count.withLock { $0 } }

    /// Packs by adding one to each byte, unless it is there.
    func withForm(
      _ content: [UInt8], key: [UInt64] = [1, 2], bytes: Int? = nil, operand: Operand? = nil,
      backend: FakeBackend = FakeBackend("fake", [], code: "code"), _ body: (TensorStorage) throws -> Void
    ) throws {
      let form = try content.withUnsafeBytes { source in
        try store.form(
          Packing(operand: 0, bytes: bytes ?? content.count, key: key),
          of: operand ?? Operand(dtype: .uint8, shape: [content.count]), source,
          keptBy: PackKeeper(cache: cache, backend: backend)
        ) { target in
          count.withLock { $0 += 1 }
          target.initializeMemory(as: UInt8.self, repeating: 0, count: bytes ?? content.count)
          for index in source.indices { target.storeBytes(of: source[index] &+ 1, toByteOffset: index, as: UInt8.self) }
        }
      }
      try withExtendedLifetime(form) { try body(form.memory) }
    }

    func form(
      _ content: [UInt8], key: [UInt64] = [1, 2], bytes: Int? = nil, operand: Operand? = nil,
      backend: FakeBackend = FakeBackend("fake", [], code: "code"), finishes: Bool = true
    ) throws -> [UInt8] {
      var form: [UInt8] = []
      try withForm(content, key: key, bytes: bytes, operand: operand, backend: backend) { form = Array($0.bytes) }
      if finishes { cache.finish() }
      return form
    }
  }
}
