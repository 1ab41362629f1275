import MezzoBackend
import MezzoPlugins

/// Level 0 of a manifest: what it says of itself and of its library.
struct ManifestCheck {
  let backend: any Backend

  func run(_ report: inout ConformanceReport) {
    guard let manifest = (backend as? ManifestBackend)?.manifest else { return }
    for (rule, reason) in backend.droppedRules {
      warn(
        &report, rule: rule.name, "this machine's library does not serve it, so nothing is known about it",
        expected: "the symbols that it binds", got: reason, advice: "check again where the library is newer")
    }
    for name in manifest.library.names where !name.contains("/") && name.hasSuffix(".so") {
      warn(
        &report, "its library is named without a version", expected: "such as \(name).0", got: name,
        advice: "a name without a version is there only where headers are installed, and stands for any version")
    }
    if manifest.library.names.allSatisfy({ $0.hasPrefix("/") }) {
      warn(
        &report, "its library is named by an absolute path",
        expected: "a name that the loader finds, or a path relative to it",
        got: manifest.library.names.joined(separator: ", "), advice: "other machines have it elsewhere")
    }
    if manifest.license?.isEmpty ?? true {
      warn(
        &report, "it states no licence", expected: "the library's", got: "none",
        advice: "say under backend.license what whoever uses it agrees to")
    }
  }

  private func warn(
    _ report: inout ConformanceReport, rule: String = "", _ what: String, expected: String, got: String, advice: String
  ) {
    report.warnings.append(.init(.load, rule: rule, what: what, expected: expected, got: got, advice: advice))
  }
}
