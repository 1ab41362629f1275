#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
import MezzoBackend

/// What a backend was once seen to do right, to be kept beside its source: doing less of it later is a failure, also where
/// it only declines.
public struct Claims: Sendable, Codable, Hashable {
  public var backend: String
  /// In the order of their names.
  public var claims: [Claim]

  public struct Claim: Sendable, Codable, Hashable {
    public var rule: String
    public var operation: String
    /// `float32, float32 -> float32`
    public var dtypes: String
    /// Cases of the kit that passed.
    public var passed: Int
  }

  /// What `report` shows to work: of rules without a failure.
  public init(_ report: ConformanceReport) {
    backend = report.backend
    let broken = Set(report.failures.map(\.rule))
    claims = report.rules.filter { !broken.contains($0.rule) }.flatMap { result in
      result.dtypes.map { Claim(rule: result.rule, operation: result.operation, dtypes: $0.key, passed: $0.value) }
    }
    claims.sort { ($0.rule, $0.dtypes) < ($1.rule, $1.dtypes) }
  }

  /// Reads what ``text()`` wrote.
  public init(parsing text: String) throws(ClaimsError) {
    do {
      self = try JSONDecoder().decode(Claims.self, from: Data(text.utf8))
    } catch {
      let reason = (error as? DecodingError)?.inWords ?? "it is no JSON"
      throw ClaimsError(
        message:
          "expected the claims that 'mezzo backend check --claims FILE' wrote, found something else (\(reason)); "
          + "delete the file to have it written anew")
    }
  }

  /// As JSON, one claim after the other, the same text for the same claims.
  public func text() -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return ((try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}") + "\n"
  }

  /// What `present` does no more.
  public func lost(in present: Claims) -> [String] {
    claims.compactMap { claim in
      let now = present.claims.first { $0.rule == claim.rule && $0.dtypes == claim.dtypes }
      guard let now else { return "\(claim.rule): \(claim.operation) \(claim.dtypes) passes no more" }
      return now.passed < claim.passed
        ? "\(claim.rule): \(claim.operation) \(claim.dtypes) passes \(now.passed) cases, \(claim.passed) were claimed"
        : nil
    }
  }
}

/// A file of claims that cannot be read.
public struct ClaimsError: Error, Equatable, Sendable, CustomStringConvertible {
  public var message: String
  public var description: String { message }
}
