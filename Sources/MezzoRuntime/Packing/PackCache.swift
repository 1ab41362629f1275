import Dispatch
import Logging
import MezzoBackend
import MezzoFiles
import MezzoGraph
import MezzoPlugins
import MezzoPolicy

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A folder in which packed weights outlive the program that packed them.
///
/// A program that starts again maps what it has packed before instead of packing it, and programs that run side by side on the
/// same weights share the memory of what they map. Results are the same bit for bit: a form is found by the content of the
/// weights, the form that the backend wants, the very code of that backend and the processor, and it is hashed before it is used.
/// Whatever is wrong with the folder or with a file in it is logged once, and the weights are packed as if there were no cache.
///
/// ```swift
/// let runtime = Runtime(packCache: PackCache(folder: "/var/cache/server/packs"))
/// let encoder = try SentenceEncoder(directory: model, runtime: runtime)
/// ```
///
/// The folder is made for its user alone, and one that others may write to is not used, nor are files of others. The files are
/// nobody's to change: one that is overwritten where it is changes weights under whoever has it mapped, and one that is made
/// shorter ends them. They may be removed at any time.
public final class PackCache: Sendable {
  public let folder: String
  /// Bytes of all forms together, beyond which those go that were not used for the longest time.
  public let limit: Int

  /// Bytes below which a form is packed more quickly than it is looked for.
  let least: Int
  private let notices: Notices
  private let opened = Locked<Result<PrivateFolder, FileError>?>(nil)
  /// Forms that wait to be written.
  private let waiting = Locked(0)

  /// - Parameters:
  ///   - folder: made when the first form is packed, unless it is there.
  ///   - limit: in bytes; by default 4 GiB.
  public convenience init(folder: String, limit: Int = 4 << 30) {
    self.init(folder: folder, limit: limit, least: 1 << 16, notices: Self.notices)
  }

  init(folder: String, limit: Int = 4 << 30, least: Int, notices: Notices) {
    self.folder = folder
    self.limit = limit
    self.least = least
    self.notices = notices
  }

  private static let notices = Notices(label: "mezzo.packs")

  /// The one that `MEZZO_PACK_CACHE` names: an absolute path, or 1 for `packs` in the folder for caches, which is
  /// `MEZZO_CACHE_DIR` or the system's. `nil` where it is 0, empty or not set; anything else is logged.
  public static func environment() -> PackCache? {
    environment(Environment.value("MEZZO_PACK_CACHE") ?? "", standard: CacheFolder.path.map { "\($0)/packs" }, notices)
  }

  static func environment(_ text: String, standard: String?, _ notices: Notices) -> PackCache? {
    switch text {
    case "", "0": return nil
    case "1":
      if let standard { return PackCache(folder: standard) }
      notices.tell(.warning, key: "place") {
        "packed weights are not kept: there is no folder for caches; set MEZZO_CACHE_DIR, or MEZZO_PACK_CACHE to a path"
      }
      return nil
    case let path where path.hasPrefix("/"): return PackCache(folder: path)
    default:
      notices.tell(.warning, key: "value") {
        "packed weights are not kept: MEZZO_PACK_CACHE is \(text.debugDescription), expected 1, 0 or an absolute path"
      }
      return nil
    }
  }

  /// Waits until everything that was packed so far is in the folder.
  ///
  /// Forms are written while the program goes on. One that ends by `exit` or by returning from `main` waits for them up to 5
  /// seconds by itself; what is not there then is packed again the next time.
  public func finish() {
    if Self.isItsProcess { Self.writes.wait() }
  }

  // MARK: Forms

  /// The form of that file; `nil` where it has to be packed.
  func form(_ file: PackFile) -> TensorStorage? {
    guard isKept(file), let folder = open() else { return nil }
    do throws(FileError) {
      return try file.read(in: folder)
    } catch {
      notices.tell(.warning, key: "\(self.folder)/\(file.name)") { "packed weights are packed anew: \(error)" }
      return nil
    }
  }

  /// Writes a form that was just packed, behind the back of whoever waits for it.
  func keep(_ form: TensorStorage, _ file: PackFile) {
    guard isKept(file), let folder = open() else { return }
    guard Self.isItsProcess else { return }
    waiting.withLock { $0 += 1 }
    Self.writer.async(group: Self.writes) { [self] in
      do throws(FileError) {
        try file.write(form, in: folder)
      } catch {
        notices.tell(.warning, key: "write \(self.folder)") { "packed weights are not kept: \(error)" }
      }
      let isLast = waiting.withLock { waiting in
        waiting -= 1
        return waiting == 0
      }
      if isLast { folder.keep(limit: limit, PackFile.isName) }
    }
  }

  private func isKept(_ file: PackFile) -> Bool {
    file.count >= least && limit > PackFile.front && file.count <= limit - PackFile.front
  }

  /// The folder, `nil` where it cannot be used; decided once.
  private func open() -> PrivateFolder? {
    let (result, isNew) = opened.withLock { opened -> (Result<PrivateFolder, FileError>, Bool) in
      if let opened { return (opened, false) }
      let result = Result { () throws(FileError) in try PrivateFolder(folder) }
      opened = result
      return (result, true)
    }
    switch result {
    case .success(let folder): return folder
    case .failure(let error):
      if isNew { notices.tell(.warning, key: "folder \(self.folder)") { "packed weights are not kept: \(error)" } }
      return nil
    }
  }

  // MARK: Writing

  private static let writer = DispatchQueue(label: "mezzo.packs")
  private static let writes = DispatchGroup()
  private static let secondsAtExit = 5

  /// In what a fork left in a child, the thread that writes is not there.
  private static var isItsProcess: Bool { getpid() == process }

  /// The first that packed. A program that computes one thing and ends would else never have its forms written.
  private static let process: pid_t = {
    atexit {
      if PackCache.isItsProcess {
        _ = PackCache.writes.wait(timeout: .now() + .seconds(PackCache.secondsAtExit))
      }
    }
    return getpid()
  }()
}

/// Where the forms that a backend packs are kept.
struct PackKeeper: Sendable {
  var cache: PackCache
  var backend: any Backend
}
