/// The page that tells people where Mezzo differs from other systems on purpose, made from what the runner checks.
public struct DifferencesDocument {
  private let runner = GoldenRunner()

  public init() {}

  public var markdown: String {
    """
    # Where Mezzo differs

    Mezzo follows TensorFlow 2.4, and tf-keras, Keras 3 and jmp through their dialects. These are the places where it does \
    something else on purpose. Each is checked: `mezzo conform golden` counts a case as different by design only if Mezzo \
    does exactly what is stated here, and the system what it is known to do.

    This page is made by `mezzo conform differences --markdown`.

    \(Self.table(["", "systems", "cases", "Mezzo", "why"], runner.differences.map(Self.row)))

    ## Cases that are not run

    \(Self.table(["", "why"], GoldenSkip.allCases.map { ["`\($0.rawValue)`", $0.reason] }))

    """
  }

  private static func row(_ groups: [String], _ difference: DesignDifference) -> [String] {
    let groups = groups.map { "`\($0)`" }.joined(separator: ", ")
    return [
      difference.title, difference.systems.joined(separator: ", "), "\(groups): \(difference.cases)",
      difference.behaviour, difference.reason,
    ]
  }

  private static func table(_ header: [String], _ rows: [[String]]) -> String {
    let rule = header.map { _ in "---" }
    return ([header, rule] + rows).map { "| \($0.joined(separator: " | ")) |" }.joined(separator: "\n")
  }
}
