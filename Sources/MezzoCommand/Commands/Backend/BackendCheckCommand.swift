import ArgumentParser
import Mezzo
import MezzoCheckpoint
import MezzoConformance

struct BackendCheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Test whether a backend does what it says, a library or a manifest.",
    discussion: """
      The kit asks for everything that the backend's rules claim, with odd shapes, strides and values, compares with \
      float64, looks for writes beside the results, and for requests that should be declined. It runs in a process of its \
      own, with guard pages: what kills it is a finding like any other.

        mezzo backend check ./fast.so
        mezzo backend check ./openblas.toml --claims claims.json
        mezzo backend check ./fast.so --table >> README.md
        mezzo backend check ./fast.so --replay bug.mezzocase   # what 'mezzo capture' wrote

      Exit status: 0 it conforms; 1 it does not, claims are lost, no case reaches one of its rules, or it declines an \
      operation that is to be replayed; 2 it cannot be checked.
      """)

  @Argument(help: ArgumentHelp("A shared library, or a manifest (.toml).", valueName: "file"))
  var file: String

  @Option(
    name: .customLong("level"),
    help: ArgumentHelp(
      "Only this level: load, decline, numerics, contract, honesty; can be repeated. (default: all)", valueName: "name"),
    transform: Self.level)
  var levels: [ConformanceReport.Level] = []

  @Flag(help: "Run in this process, for a debugger: a crash of the backend is one of this program.")
  var inProcess = false

  @Flag(help: "Try more and larger shapes.")
  var thorough = false

  @Option(help: "Of the random values; the same seed gives the same cases.")
  var seed: UInt64 = 0

  @Option(help: "Seconds that the kit may take in its process. (default: 300)", transform: Arguments.positive)
  var timeout = 300

  @Option(
    help: ArgumentHelp(
      "Compare what passes with this file, and fail if less does; it is written where it does not exist.",
      valueName: "file"))
  var claims: String?

  @Flag(help: "Print a table of what is supported, in Markdown.")
  var table = false

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Execute these captured operations instead, and compare with float64; see 'mezzo capture'.", valueName: "case"))
  var replay: [String] = []

  @OptionGroup var output: OutputOptions

  func run() async throws {
    output.begin()
    guard TextFile.exists(file) else {
      throw CheckError("expected a shared library or a manifest at '\(file)'; no such file")
    }
    do throws(BackendError) {
      try check.look()
    } catch {
      throw CheckError(error.message)
    }
    let claimed = try readClaims()
    // A case that is none is no fault of the backend.
    for path in replay { _ = try CapturedCase(checked: path) }
    let report = inProcess ? check.run() : try CheckChild(check, seconds: timeout).run()
    if let missing = report.missing { throw CheckError(missing) }
    let lost = try compare(report, with: claimed)
    if output.json {
      try printJSON(CheckOutput(file: file, report, lostClaims: lost))
    } else if table {
      for line in SupportTable(report).lines() { print(line) }
    } else {
      CheckSummary(report, file: file, lostClaims: lost).print()
    }
    if let failure = CheckFailure(file: file, report, lostClaims: lost.count) { throw failure }
  }

  private var check: BackendCheck {
    var check = BackendCheck(
      file: file, effort: thorough ? .thorough : .quick, seed: seed, guarding: inProcess ? .canaries : .pages)
    if !levels.isEmpty { check.levels = Set(levels) }
    check.replays = replay
    return check
  }

  @Sendable private static func level(_ text: String) throws -> ConformanceReport.Level {
    guard let level = ConformanceReport.Level(rawValue: text) else {
      throw ValidationError(
        "expected one of \(ConformanceReport.Level.allCases.map(\.rawValue).joined(separator: ", ")), found '\(text)'")
    }
    return level
  }

  /// Before the kit runs, which takes a while; `nil` where there is no file yet.
  private func readClaims() throws(CheckError) -> Claims? {
    guard let claims, TextFile.exists(claims) else { return nil }
    do {
      return try Claims(parsing: try TextFile.read(claims))
    } catch let error as OutputError {
      throw CheckError("expected to read the claims in '\(claims)', but the system says: \(error.reason)")
    } catch {
      throw CheckError("\(claims): \(error)")
    }
  }

  private func compare(_ report: ConformanceReport, with claimed: Claims?) throws -> [String] {
    let present = Claims(report)
    if let claimed { return claimed.lost(in: present) }
    if let claims, report.isConforming { try write(present.text(), to: claims) }
    return []
  }
}

/// A backend cannot be checked: nothing is known about it.
struct CheckError: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) { self.description = description }
}

/// A backend was checked and does not conform, or is not known to.
struct CheckFailure: Error, CustomStringConvertible {
  var description: String

  /// `nil` where everything is known and right.
  init?(file: String, _ report: ConformanceReport, lostClaims: Int) {
    func number(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
    let count = report.failures.count
    let rules = Set(report.failures.map(\.rule)).subtracting([""]).sorted()
    let place = rules.isEmpty ? "" : " of \(rules.joined(separator: ", "))"
    let broken = [
      count > 0 ? "\(number(count, "failure"))\(place)" : nil,
      lostClaims > 0 ? "\(number(lostClaims, "claim")) lost" : nil,
    ].compactMap { $0 }
    let declined = report.replays.count { $0.verdict == .declined }
    let untested = report.untestedRules
    if !broken.isEmpty {
      description = "\(file) does not conform: \(broken.joined(separator: ", "))"
    } else if !untested.isEmpty {
      description =
        "\(file) is not known to conform: no case reaches its \(untested.count == 1 ? "rule" : "rules") "
        + untested.joined(separator: ", ")
    } else if declined > 0 {
      description =
        "\(file) does not take \(declined) of \(number(report.replays.count, "captured operation")), so nothing is known of "
        + "\(declined == 1 ? "it" : "them")"
    } else {
      return nil
    }
  }
}

/// A report with what belongs around it, for programs.
struct CheckOutput: Encodable {
  var file: String
  var conforms: Bool
  var report: ConformanceReport
  var lostClaims: [String]

  init(file: String, _ report: ConformanceReport, lostClaims: [String]) {
    self.file = file
    conforms = report.isConforming && lostClaims.isEmpty
    self.report = report
    self.lostClaims = lostClaims
  }
}
