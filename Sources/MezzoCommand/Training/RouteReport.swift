import Mezzo

/// Who computes an operation, and why.
struct RouteReport: Encodable, Sendable {
  var layer: String
  var phase: Graph.Phase
  var operation: String
  /// `bfloat16, bfloat16 -> bfloat16`
  var dtypes: String
  var backend: String
  var rule: String
  var casts: [String]
  var isPacked: Bool
  var why: String
  var estimatedNanoseconds: Double
  /// How often this layer has it done in this way.
  var count: Int
  /// With shapes.
  var request: String
  var wanted: String
  var pin: String?
  var region: Int?
  var isComputedOnce: Bool
  var isFallback: Bool
  /// Every rule that was looked at; `nil` unless asked for.
  var candidates: [RouteRecord.Candidate]?
  /// The parts of `why` that a reader of the row does not know yet.
  var reasons: [String]

  private enum CodingKeys: String, CodingKey {
    case layer, phase, operation, dtypes, backend, rule, casts, isPacked, why, estimatedNanoseconds, count, request
    case wanted, pin, region, isComputedOnce, isFallback, candidates
  }

  init(_ record: RouteRecord, count: Int, withCandidates: Bool = false) {
    layer = record.layer
    phase = record.phase
    operation = record.operation
    dtypes = record.dtypes
    backend = record.backend
    rule = record.rule
    casts = record.casts
    isPacked = record.isPacked
    why = record.why
    estimatedNanoseconds = record.estimatedNanoseconds
    self.count = count
    request = record.request
    wanted = record.wanted
    pin = record.pin
    region = record.region
    isComputedOnce = record.isComputedOnce
    isFallback = record.isFallback
    candidates = withCandidates ? record.candidates : nil
    reasons = Self.reasons(record)
  }

  private static func reasons(_ record: RouteRecord) -> [String] {
    // Why one rule of a backend did not fit is no news where another rule of it did.
    let able = Set(record.candidates.filter { $0.verdict != .dropped }.map { "\($0.backend)/" })
    return record.why.split(separator: "; ").map(String.init).filter { part in
      part != "direct" && !part.hasPrefix("no other backend offers ") && !able.contains { part.hasPrefix($0) }
    }
  }
}
