/// How many shapes are tried.
public enum Effort: String, Sendable, Codable, CaseIterable {
  /// For a test suite: every operation, dtype and layout, extents to a few hundred, in seconds.
  case quick
  /// For a release: more and larger shapes, which takes long unless the kit is built with optimization.
  case thorough
}
