import Mezzo

/// Every rule that was looked at for each request, once a request.
struct CandidateList {
  private let routes: [RouteReport]
  private let columns: Int
  private let style: Style

  init(_ routes: [RouteReport], columns: Int, style: Style) {
    self.routes = routes
    self.columns = columns
    self.style = style
  }

  func print() {
    var told: Set<String> = []
    for route in routes where told.insert(route.request).inserted {
      Swift.print()
      for line in route.request.wrapped(to: columns) { Swift.print(style.bold(line)) }
      let candidates = route.candidates ?? []
      let width = candidates.map { Self.name($0).count }.max() ?? 0
      for candidate in candidates { show(candidate, width) }
    }
  }

  private static func name(_ candidate: RouteRecord.Candidate) -> String { "\(candidate.backend)/\(candidate.rule)" }

  private func show(_ candidate: RouteRecord.Candidate, _ width: Int) {
    let verdict = candidate.verdict.rawValue.padded(to: 8)
    let marked =
      switch candidate.verdict {
      case .chosen: style.green(verdict)
      case .possible: verdict
      case .dropped: style.dim(verdict)
      }
    let estimate = candidate.estimatedNanoseconds.map { "\(Format.fixed($0 / 1000, 1)) µs; " } ?? ""
    let lines = (estimate + candidate.why).wrapped(to: max(columns - width - 14, 30))
    Swift.print("  \(marked)  \(Self.name(candidate).padded(to: width))  \(lines.first ?? "")")
    let indent = String(repeating: " ", count: width + 14)
    for line in lines.dropFirst() { Swift.print(indent + line) }
  }
}
