public import MezzoBackend
public import MezzoPlugins

/// What routing may do without being asked: which substitutions, which fallbacks, and whose wishes it follows.
///
/// As text, in `MEZZO_ROUTING` and on the command line: `strict`, `exact`, `widen`, `any`, `matmul=any`, `extended`,
/// `denormals`, `fallback=silent|note|error`, with commas between. `MEZZO_PINS` has the pins.
public struct RoutingOptions: Hashable, Sendable {
  /// How far a rule may be from what was asked for. Never under any: a narrower accumulator, or a narrower range.
  public enum Substitution: String, Sendable, CaseIterable, Codable {
    /// Only rules of exactly the dtypes that were asked for.
    case exact
    /// Also operands converted to a dtype that holds each of their values, wider accumulators, and results rounded once.
    case widen
    /// Also float64 for float32, rules that are not deterministic, and relaxed math modes.
    case any
  }

  /// What happens when the built-in backend does what another one offers but did not take.
  public enum Fallback: String, Sendable, CaseIterable, Codable {
    case silent
    /// A line in the log, once an operation and reason.
    case note
    case error
  }

  public var substitution = Substitution.widen
  /// Exceptions for single operations.
  public var operations: [OperationCode: Substitution] = [:]
  /// Any substitution of dtypes is an error, and any backend that declines or fails at what its rule takes. With
  /// ``fallback`` at ``Fallback/error`` also what no rule of another backend takes, though it offers the operation.
  public var isStrict = false
  /// Values between operations that compute in float32 stay in float32, instead of being rounded to their dtype each time.
  /// Results then are not those of the policy bit for bit, but closer to those of exact arithmetic.
  public var extendedIntermediates = false
  /// Rules that flush denormals are no match.
  public var keepsDenormals = false
  public var fallback = Fallback.note
  public var pins: [Pin] = []
  /// Routes that plans must not differ from.
  public var lock: RouteLock?
  /// What `mezzo tune` measured here; `nil`: routes go by what rules declare and probes found.
  public var tuned: TunedCosts?

  public init() {}

  /// Reads the options of `text`, and `pins` as ``Pin/list(parsing:)`` does.
  public init(parsing text: String, pins: String = "") throws(RoutingError) {
    try read(text)
    self.pins = try Pin.list(parsing: pins)
  }

  /// What `MEZZO_ROUTING` and `MEZZO_PINS` say, and what was measured on this machine.
  public static func environment() throws(RoutingError) -> RoutingOptions {
    var options = try RoutingOptions(
      parsing: Environment.value("MEZZO_ROUTING") ?? "", pins: Environment.value("MEZZO_PINS") ?? "")
    options.tuned = TunedCosts.stored(threads: HostServices.threads)
    return options
  }

  /// Takes over what `text` says, and leaves the rest as it is.
  public mutating func read(_ text: String) throws(RoutingError) {
    for word in text.split(separator: ",").map({ $0.trimmed }) where !word.isEmpty {
      let sides = word.split(separator: "=", maxSplits: 1).map { $0.trimmed }
      if sides.count == 2 {
        try read(sides[0], sides[1], word)
      } else if let substitution = Substitution(rawValue: word) {
        self.substitution = substitution
      } else {
        switch word {
        case "strict": isStrict = true
        case "extended": extendedIntermediates = true
        case "denormals": keepsDenormals = true
        default:
          throw .syntax(
            text: word,
            message: "expected strict, exact, widen, any, extended, denormals, OPERATION=exact|widen|any or "
              + "fallback=silent|note|error")
        }
      }
    }
  }

  private mutating func read(_ name: String, _ value: String, _ word: String) throws(RoutingError) {
    if name == "fallback" {
      guard let level = Fallback(rawValue: value) else {
        throw .syntax(text: word, message: "expected fallback=silent, fallback=note or fallback=error")
      }
      fallback = level
    } else {
      guard let code = OperationCode.allCases.first(where: { $0.name == name }) else {
        throw .syntax(text: word, message: "there is no operation \(name); mezzo backends lists the names")
      }
      guard let substitution = Substitution(rawValue: value) else {
        throw .syntax(text: word, message: "expected \(name)=exact, \(name)=widen or \(name)=any")
      }
      operations[code] = substitution
    }
  }

  func substitution(for code: OperationCode) -> Substitution {
    isStrict ? .exact : operations[code] ?? substitution
  }

  /// What rules have to promise for an operation.
  func numerics(for code: OperationCode) -> Numerics {
    if substitution(for: code) == .any {
      return Numerics(isDeterministic: false, keepsDenormals: keepsDenormals, isStrictMath: false)
    }
    return Numerics(keepsDenormals: keepsDenormals)
  }
}
