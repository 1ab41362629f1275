public import MezzoPolicy

/// Puts golden cases to Mezzo and compares what it does with what the systems did.
public struct GoldenRunner: Sendable {
  private let groups: [String: any GoldenGroup.Type]

  /// A runner that knows every group of this version.
  public init() { self.init(groups: GoldenGroups.all) }

  init(groups: [any GoldenGroup.Type]) {
    self.groups = Dictionary(groups.flatMap { group in group.names.map { ($0, group) } }) { first, _ in first }
  }

  /// Every place where Mezzo differs on purpose, in order of the groups' names.
  public var differences: [(groups: [String], difference: DesignDifference)] {
    var found: [(groups: [String], difference: DesignDifference)] = []
    for (name, group) in groups.sorted(by: { $0.key < $1.key }) {
      for difference in group.differences {
        if let place = found.firstIndex(where: { $0.difference.title == difference.title }) {
          found[place].groups.append(name)
        } else {
          found.append(([name], difference))
        }
      }
    }
    return found
  }

  /// Runs the cases one after the other, each in a ``PolicyEnvironment`` of its own.
  ///
  /// - Parameter progress: called after each case with how many are done.
  public func run(
    _ entries: [GoldenFile.Entry], progress: (Int) -> Void = { _ in }
  ) async -> GoldenReport {
    var report = GoldenReport()
    for (index, entry) in entries.enumerated() {
      report.results.append(GoldenReport.Result(id: entry.id, entry.testCase, await verdict(entry.testCase)))
      progress(index + 1)
    }
    return report
  }

  /// What becomes of one case.
  func verdict(_ testCase: GoldenCase) async -> GoldenVerdict {
    guard let group = groups[testCase.group] else { return .unsupported(.group(testCase.group)) }
    guard let system = GoldenSystem(rawValue: testCase.system) else {
      return .unsupported(.system(testCase.system))
    }
    if GoldenComparison.isAnchorFailure(testCase.expect) { return .skipped(.anchorFailed) }
    let got: ConfigurationValue
    do {
      switch try await withPolicyEnvironment(system.environment, { try await group.answer(testCase) }) {
      case .outcome(let value): got = value
      case .skipped(let kind): return .skipped(kind)
      case .unsupported(let feature): return .unsupported(.feature(feature))
      }
    } catch let error as GoldenFormError {
      return .failed(GoldenMismatch(path: "", expected: testCase.expect.compact, got: "\(error)"), got: .null)
    } catch {
      got = testCase.outcome(of: error)
    }
    let comparison = GoldenComparison(
      tolerance: { group.tolerance(for: testCase, at: $0) }, subjects: group.subjects(of: testCase),
      texts: group.texts)
    guard let mismatch = comparison.mismatch(expected: testCase.expect, got: got) else { return .passed }
    if let difference = group.differences.first(where: { $0.explains(got, in: testCase, comparison) }) {
      return .differentByDesign(difference.title)
    }
    return .failed(mismatch, got: got)
  }
}

/// What became of a case.
public enum GoldenVerdict: Sendable, Hashable {
  /// Mezzo did what the system did.
  case passed
  /// Mezzo did something else, or something else than it is stated to do.
  case failed(GoldenMismatch, got: ConfigurationValue)
  /// It cannot be asked in Swift.
  case skipped(GoldenSkip)
  /// Mezzo did what it is stated to do where it differs; the text is the difference's title.
  case differentByDesign(String)
  /// This version does not have what is asked about.
  case unsupported(GoldenGap)
}

/// What a case needs and this version does not have.
public enum GoldenGap: Sendable, Hashable {
  /// A group that no code answers.
  case group(String)
  /// A system that is not known.
  case system(String)
  /// Something that a case of a known group asks about.
  case feature(String)

  public var name: String {
    switch self {
    case .group(let name), .system(let name), .feature(let name): name
    }
  }

  /// What `name` is one of.
  public var kind: String {
    switch self {
    case .group: "groups that this version does not run"
    case .system: "systems that this version does not know"
    case .feature: "features that this version does not have"
    }
  }
}
