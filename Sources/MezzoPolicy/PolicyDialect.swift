/// Whose rules names, configurations and the global state follow.
///
/// Every dialect makes the same ``DTypePolicy``; they differ in which names there are and in the form of
/// configurations. Programs use ``mezzo``; the others read what those systems wrote and port what was written for them.
public enum PolicyDialect: String, CaseIterable, Sendable, Hashable, Codable {
  /// TensorFlow 2.4's rules, and on top of them today's dtypes, quantised names, and policies that say more.
  case mezzo
  /// TensorFlow 2.4's `tf.keras`.
  case tensorFlow24 = "tf24"
  /// The `tf_keras` package, version 2.21.
  case tfKeras = "tfkeras"
  /// Keras 3 on the TensorFlow backend, version 3.15.
  case keras3
  /// The policy strings of `jmp` 0.0.4: `p=f32,c=bf16,o=f32`.
  case jmp
}
