/// What becomes of the weights of a model whose layers are given other policies.
public enum RepolicyStorage: String, CaseIterable, Sendable, Hashable {
  /// They are cast to what the new policies store.
  case recast
  /// They stay as they are stored, as master weights: layers compute and return what the new policies say, but go on
  /// storing what they do. `mixed_bfloat16` is bfloat16 with float32 master weights.
  case keep
}
