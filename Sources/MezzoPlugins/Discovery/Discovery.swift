import Dispatch
import MezzoBackend
import MezzoPolicy

/// From files to backends, in this order: look without running anything, requirements, trust, verdict of the probe.
struct Discovery: Sendable {
  var helper: Result<String, ProbeHelper.Missing>
  var cache: VerdictCache
  var approved: TrustFile
  /// `MEZZO_ALLOW_UNTRUSTED=1`: found files need nobody's approval. They are probed all the same.
  var allowsUntrusted = false
  var limits = HelperLimits.probing

  static var standard: Discovery {
    Discovery(
      helper: ProbeHelper.find(), cache: .standard, approved: .standard,
      allowsUntrusted: Environment.value("MEZZO_ALLOW_UNTRUSTED") == "1")
  }

  /// What became of one file.
  struct Finding: Sendable {
    var name: String
    var path: String
    var trust: Trust?
    var result: Result<LazyBackend, Refusal>
  }

  struct Refusal: Error {
    var reason: String
    /// Where the probe found a fault.
    var failure: ProbeFailure?
  }

  /// Looks at all files, several at a time, as a probe mostly waits.
  func examine(_ files: [SearchPath.File]) -> [Finding] {
    let findings = Locked([Finding?](repeating: nil, count: files.count))
    DispatchQueue.concurrentPerform(iterations: files.count) { index in
      let finding = examine(files[index])
      findings.withLock { $0[index] = finding }
    }
    return findings.withLock { $0.compactMap { $0 } }
  }

  private func examine(_ file: SearchPath.File) -> Finding {
    let last = file.path.split(separator: "/").last.map(String.init) ?? file.path
    var finding = Finding(name: last, path: file.path, trust: nil, result: .failure(Refusal(reason: "", failure: nil)))
    func refuse(_ reason: String, _ failure: ProbeFailure? = nil) -> Finding {
      finding.result = .failure(Refusal(reason: reason, failure: failure))
      LoaderTrace.write("\(file.path): refused: \(reason)")
      return finding
    }
    let backend: BackendFile
    do throws(BackendError) {
      backend = try BackendFile(file.path)
    } catch {
      return refuse(error.message)
    }
    finding.name = backend.name
    if let missing = backend.requirements.missing { return refuse(missing) }
    let trust = file.isNamed ? .named : trust(in: backend)
    finding.trust = trust
    LoaderTrace.write("\(file.path): sha256 \(backend.digest), trust: \(trust.rawValue)")
    guard trust != .unknown || allowsUntrusted else {
      return refuse(
        "nobody vouches for \(file.path); if you know what it is, approve this version of it with "
          + "'mezzo backend trust \(file.path)'")
    }
    switch outcome(backend) {
    case .failure(let missing): return refuse("it cannot be tried: \(missing.message)")
    case .success(.declined(let reason)): return refuse(reason)
    case .success(.failed(let failure)):
      finding.name = failure.id ?? backend.name
      return refuse(
        "in quarantine: \(failure). It is tried again when the file changes, or by 'mezzo backend retry \(file.path)'",
        failure)
    case .success(.passed(let verdict)):
      finding.name = verdict.id
      finding.result = .success(LazyBackend(verdict, file: backend))
      return finding
    }
  }

  func trust(in file: BackendFile) -> Trust {
    if Trust.isSystem(file.path) { return .system }
    return approved.approves(file.digest) ? .approved : .unknown
  }

  /// What is known of a manifest that comes with Mezzo; nobody has to try it before it is used.
  func knownOutcome(_ manifest: Manifest) -> ProbeOutcome? {
    guard case .success(let helper) = helper else { return nil }
    return cache.outcome(VerdictCache.key(BackendFile(shipped: manifest), helper: helper))
  }

  /// The verdict that is known, or a new one.
  func outcome(_ file: BackendFile) -> Result<ProbeOutcome, ProbeHelper.Missing> {
    let helper: String
    switch self.helper {
    case .success(let path): helper = path
    case .failure(let missing): return .failure(missing)
    }
    let key = VerdictCache.key(file, helper: helper)
    if let known = cache.outcome(key) {
      LoaderTrace.write("\(file.path): its verdict is known")
      return .success(known)
    }
    // Alone: a program that is ended once more names one backend, and not all that were tried in that moment.
    guard cache.interruptions(key) == 0 else { return Self.suspects.withLock { _ in probe(file, key, helper: helper) } }
    return probe(file, key, helper: helper)
  }

  private static let suspects = Locked(())

  private func probe(
    _ file: BackendFile, _ key: Digest, helper: String
  ) -> Result<ProbeOutcome, ProbeHelper.Missing> {
    var probe = Probe(helper: helper)
    probe.limits = limits
    let end = cache.mark(file, key: key)
    defer { end() }
    switch probe.run(file.path) {
    case .unavailable(let reason): return .failure(.init(message: reason))
    case .ended(let outcome):
      cache.store(outcome, file, key: key)
      return .success(outcome)
    }
  }
}
