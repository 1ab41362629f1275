import MezzoBackend
import MezzoGraph
import MezzoPolicy

extension Router {
  func record(
    _ request: OperationRequest, _ chosen: Candidate, _ prepared: any PreparedOperation, origin: Graph.Origin,
    pin: Pin?, others: [RouteRecord.Candidate]
  ) -> RouteRecord {
    let steps = request.epilogue.prefix(prepared.consumedEpilogue).map(\.description)
    let rivals = backends.filter { $0.id != chosen.backend.id && offers($0.id, request.code) }
    let isFallback =
      chosen.backend.id == Self.builtin && pin == nil && !rivals.isEmpty
      && !others.contains { $0.verdict == .possible && $0.backend != Self.builtin }
    var record = RouteRecord(
      layer: origin.layer, phase: origin.phase, operation: ([request.code.name] + steps).joined(separator: "+"),
      dtypes: request.dtypes, request: request.description, wanted: Self.wanted(request), backend: chosen.backend.id,
      backendVersion: chosen.backend.version, backendBuild: options.lock == nil ? nil : chosen.backend.fingerprint,
      rule: chosen.rule.name, why: "", casts: chosen.casts,
      pin: pin?.description, isPacked: prepared.packing != nil, isComputedOnce: false, isFallback: isFallback,
      estimatedNanoseconds: chosen.own,
      candidates: [
        .init(
          backend: chosen.backend.id, rule: chosen.rule.name, verdict: .chosen, why: chosen.how, casts: chosen.casts,
          estimatedNanoseconds: chosen.total)
      ] + others)
    record.why = why(chosen, others, pin: pin, rivals: rivals)
    return record
  }

  private static func wanted(_ request: OperationRequest) -> String {
    var parts = ["accumulator \(request.accumulator.name)"]
    if request.numerics.isDeterministic { parts.append("deterministic") }
    if !request.numerics.isStrictMath { parts.append("relaxed math") }
    if request.numerics.keepsDenormals { parts.append("denormals kept") }
    return parts.joined(separator: ", ")
  }

  private func why(_ chosen: Candidate, _ others: [RouteRecord.Candidate], pin: Pin?, rivals: [any Backend]) -> String {
    var parts = [chosen.how]
    if let pin { parts.append("pinned by \(pin)") }
    let next = others.first { $0.verdict == .possible && $0.backend != chosen.backend.id }
    if let next, let estimate = next.estimatedNanoseconds {
      parts.append("\(Self.duration(chosen.total)) estimated, \(next.name) \(Self.duration(estimate))")
    } else if pin == nil {
      parts.append(
        rivals.isEmpty ? "no other backend offers \(chosen.rule.code)" : "no other backend takes it")
    }
    let able = Set(others.filter { $0.verdict == .possible }.map(\.backend) + [chosen.backend.id])
    for other in Self.closest(others.filter { !$0.takesPart && $0.reason != "pin" && !able.contains($0.backend) }) {
      parts.append("\(other.name): \(other.why)")
    }
    return parts.joined(separator: "; ")
  }

  /// `12 ns`, `1.3 µs`, `2.5 ms`
  public static func duration(_ nanoseconds: Double) -> String {
    switch nanoseconds {
    case ..<1e3: "\(Int(max(nanoseconds, 0))) ns"
    case ..<1e6: "\((nanoseconds / 100).rounded() / 10) µs"
    case ..<1e9: "\((nanoseconds / 1e5).rounded() / 10) ms"
    default: nanoseconds.isFinite ? "\((nanoseconds / 1e8).rounded() / 10) s" : "for ever"
    }
  }
}
