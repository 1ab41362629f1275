import CMezzoABI
public import MezzoBackend
import MezzoPlugins
import MezzoRuntime

/// The whole conformance kit on a file: a native library or a manifest.
///
/// ```swift
/// let report = BackendCheck(file: "/path/to/backend.so").run()
/// print(report)
/// ```
/// What a backend does to the process that runs this is part of the test: run it in one whose death you watch, with
/// ``Guarding/pages``, as `mezzo backend check` does.
public struct BackendCheck: Sendable {
  public var file: String
  public var effort: Effort
  /// Of the random values; the same seed gives the same cases.
  public var seed: UInt64
  public var guarding: Guarding
  public var levels: Set<ConformanceReport.Level>

  public init(
    file: String, effort: Effort = .quick, seed: UInt64 = 0, guarding: Guarding = .canaries,
    levels: Set<ConformanceReport.Level> = Set(ConformanceReport.Level.allCases)
  ) {
    self.file = file
    self.effort = effort
    self.seed = seed
    self.guarding = guarding
    self.levels = levels
  }

  /// Whether `file` is a manifest and no library.
  public var isManifest: Bool { file.hasSuffix(".toml") }

  /// The backend in the file, opened.
  public func open() throws(BackendError) -> any Backend {
    isManifest ? try ManifestBackend(file: file) : try NativeBackend(library: file)
  }

  public func run(progress: @escaping (ConformanceKit.Step) -> Void = { _ in }) -> ConformanceReport {
    let name = file.split(separator: "/").last.map(String.init) ?? file
    var load: LoadCheck?
    var table: UnsafePointer<mezzo_backend>?
    if !isManifest {
      var check = LoadCheck(file, progress: progress)
      table = check.run()
      load = check
    }
    progress(.init(level: .load, rule: "open"))
    var report = ConformanceReport(backend: name, version: "")
    do throws(BackendError) {
      // What LoadCheck could not open would only fail once more.
      guard isManifest || table != nil else {
        report.failures = load?.failures ?? []
        return report
      }
      let backend = try open()
      var kit = ConformanceKit(
        backend: backend, reference: BackendRegistry.builtin().backends.first, seed: seed, effort: effort,
        guarding: guarding)
      kit.levels = levels
      report = kit.run(progress: progress)
      if levels.contains(.contract), let table {
        ContractCheck(native: backend, table: table, guarding: guarding, progress: progress).run(&report)
      }
    } catch {
      report.failures.append(
        .init(
          .load, what: "it cannot be opened", expected: "a backend that is ready", got: error.message,
          advice: error.isDecline ? "it says what it misses: provide it, then check again" : nil))
    }
    if levels.contains(.load), let load {
      report.failures = load.failures + report.failures
      report.warnings = load.warnings + report.warnings
    }
    return report
  }
}
