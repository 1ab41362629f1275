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
public struct BackendCheck: Sendable, Codable, Hashable {
  public var file: String
  public var effort: Effort
  /// Of the random values; the same seed gives the same cases.
  public var seed: UInt64
  public var guarding: Guarding
  public var levels: Set<ConformanceReport.Level>
  /// Files of captured cases, which are executed instead of the kit's own.
  public var replays: [String] = []

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

  /// Looks at the file without running any of its code.
  /// - Throws: `BackendError` where it is nothing that could be opened here: there is nothing to check then.
  public func look() throws(BackendError) { try BackendFile.look(at: file) }

  /// The backend in the file, opened.
  public func open() throws(BackendError) -> any Backend {
    isManifest ? try ManifestBackend(file: file) : try NativeBackend(library: file)
  }

  public func run(progress: @escaping (ConformanceKit.Step) -> Void = { _ in }) -> ConformanceReport {
    replays.isEmpty ? checked(progress) : replayed(progress)
  }

  private func checked(_ progress: @escaping (ConformanceKit.Step) -> Void) -> ConformanceReport {
    let arithmetic = ArithmeticState()
    var report = unopened
    var table: UnsafePointer<mezzo_backend>?
    if !isManifest {
      var load = LoadCheck(file, progress: progress)
      table = load.run()
      if levels.contains(.load) || table == nil {
        report.failures = load.failures
        report.warnings = load.warnings
      }
      // What LoadCheck could not open would only fail once more.
      guard table != nil else { return report }
    }
    progress(.init(level: .load, rule: "open"))
    do throws(BackendError) {
      let backend = try open()
      var kit = ConformanceKit(
        backend: backend, reference: BackendRegistry.builtin().backends.first, seed: seed, effort: effort,
        guarding: guarding)
      kit.levels = levels
      let loaded = report
      report = kit.run(progress: progress)
      report.failures = loaded.failures + report.failures
      report.warnings = loaded.warnings + report.warnings
      if BackendRegistry.reservedIDs.contains(backend.id) { report.failures.insert(Self.reserved(backend.id), at: 0) }
      if levels.contains(.load) {
        if let table { OpenCheck(native: backend, table: table, progress: progress).run(&report) }
        ManifestCheck(backend: backend).run(&report)
      }
      if levels.contains(.contract) {
        if let table {
          ContractCheck(native: backend, table: table, guarding: guarding, progress: progress).run(&report)
        }
        SharingCheck(backend: backend, guarding: guarding, arithmetic: arithmetic, progress: progress).run(&report)
      }
    } catch {
      fail(&report, error)
    }
    return report
  }

  private func replayed(_ progress: @escaping (ConformanceKit.Step) -> Void) -> ConformanceReport {
    var report = unopened
    progress(.init(level: .load, rule: "open"))
    do throws(BackendError) {
      let backend = try open()
      report = ReplayRun(backend: backend, guarding: guarding).run(replays, progress)
    } catch {
      fail(&report, error)
    }
    return report
  }

  /// Of a backend that has not said yet what it is.
  private var unopened: ConformanceReport {
    ConformanceReport(backend: file.split(separator: "/").last.map(String.init) ?? file, version: "")
  }

  private static func reserved(_ id: String) -> ConformanceReport.Finding {
    .init(
      .load, what: "its id is taken", expected: "an id of its own", got: "\(id), which is part of Mezzo",
      advice: "choose another id: ids are unique, so that no program would ever load it")
  }

  private func fail(_ report: inout ConformanceReport, _ error: BackendError) {
    // Nobody's fault but this machine's.
    if BackendFile.lacksLibrary(file) { report.missing = error.message }
    report.failures.append(
      .init(
        .load, what: "it cannot be opened", expected: "a backend that is ready", got: error.message,
        advice: error.isDecline ? "it says what it misses: provide it, then check again" : nil))
  }
}
