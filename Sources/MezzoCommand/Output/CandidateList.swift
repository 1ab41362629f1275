import Mezzo

/// For each operation every rule that was looked at: a line each, below it what decided and what would help.
struct CandidateList {
  private let routes: [RouteReport]
  private let columns: Int
  private let style: Style
  /// All candidates, or of each backend that takes no part only the one that came closest.
  private let withAll: Bool

  init(_ routes: [RouteReport], columns: Int, style: Style, withAll: Bool) {
    self.routes = routes
    self.columns = columns
    self.style = style
    self.withAll = withAll
  }

  func lines() -> [String] {
    var lines: [String] = []
    var told: Set<[String]> = []
    for route in routes where told.insert([route.request, route.backend, route.rule] + route.casts).inserted {
      let alike = routes.filter { $0.request == route.request && $0.backend == route.backend && $0.rule == route.rule }
      lines += [""] + block(route, alike)
    }
    return lines
  }

  private func block(_ route: RouteReport, _ alike: [RouteReport]) -> [String] {
    var lines = Self.shortened(route.request).wrapped(to: columns).map(style.bold)
    var places: [String] = []
    for other in alike {
      let place = "\(other.layer.isEmpty ? "no layer" : other.layer) \(other.phase.rawValue)"
      if !places.contains(place) { places.append(place) }
    }
    var facts = [places.joined(separator: ", "), "wanted: \(route.wanted)"]
    if let pin = route.pin { facts.append("pin \(pin)") }
    if let region = route.region { facts.append("region \(region)") }
    if route.isComputedOnce { facts.append("computed once") }
    lines += facts.joined(separator: " · ").wrapped(to: columns - 2).map { "  " + style.dim($0) }
    let candidates = shown(route)
    let width = min(candidates.map(\.name.count).max() ?? 0, 40)
    for candidate in candidates { lines += self.lines(candidate, width, route.candidates ?? []) }
    return lines
  }

  private func shown(_ route: RouteReport) -> [RouteRecord.Candidate] {
    let all = route.candidates ?? []
    if withAll { return all }
    var shown = all.filter(\.takesPart)
    for candidate in Explanation.closest(all.filter { !$0.takesPart })
    where !shown.contains(where: { $0.backend == candidate.backend }) {
      shown.append(candidate)
    }
    return shown
  }

  private func lines(
    _ candidate: RouteRecord.Candidate, _ width: Int, _ all: [RouteRecord.Candidate]
  ) -> [String] {
    let (mark, paint): (String, (String) -> String) =
      switch candidate.verdict {
      case .chosen: ("+", style.green)
      case .possible: (".", { $0 })
      case .dropped: ("-", style.dim)
      case .declined: ("x", style.yellow)
      case .failed: ("!", style.yellow)
      }
    let estimate = candidate.takesPart ? candidate.estimatedNanoseconds.map { Router.duration($0) } ?? "" : ""
    let head = "  \(mark) \(candidate.name.padded(to: width))  \(candidate.verdict.rawValue.padded(to: 8))"
    let indent = String(repeating: " ", count: width + 26)
    let room = max(columns - indent.count, 30)
    var why = candidate.casts.isEmpty ? candidate.why : "\(candidate.why) (\(Self.casts(candidate.casts)))"
    if why.isEmpty { why = "–" }
    let text = why.wrapped(to: room)
    var lines = [paint("\(head)  \(estimate.paddedLeft(to: 8))  \(text.first ?? "")")]
    lines += text.dropFirst().map { paint(indent + $0) }
    // A rule that does not fit needs no advice where another rule of its backend does.
    if let hint = candidate.hint, !all.contains(where: { $0.backend == candidate.backend && $0.takesPart }) {
      lines += "fix: \(hint)".wrapped(to: room).map { indent + style.cyan($0) }
    }
    return lines
  }

  private static func casts(_ casts: [String]) -> String { RouteTable.casts(casts).joined(separator: ", ") }

  /// Dtypes as rules name them, which leaves room for shapes.
  static func shortened(_ request: String) -> String {
    request.split(separator: " ").map { word -> String in
      guard let bracket = word.firstIndex(of: "["), let dtype = try? DType(name: String(word[..<bracket])),
        let short = dtype.shortName
      else { return String(word) }
      return short + word[bracket...]
    }.joined(separator: " ").replacing(" -> ", with: " → ")
  }
}
