import MezzoPolicy

/// Whether and when the layers of a model cast what they are given: fixed when the model is made.
struct CastingRules: Sendable, Hashable {
  /// With TensorFlow 1's dtype behaviour no layer casts its inputs.
  var castsInputs: Bool
  /// Whether the call that infers a layer's policy already casts by it. In TensorFlow 2.4 casts begin with the next
  /// call, so that the same arguments of several dtypes give one result at first and another ever after.
  var castsWhereInferred: Bool
  /// Whether a cast that nobody declared, and a number that a dtype cannot hold, are errors.
  var isStrict: Bool
  /// Whose forms of what systems disagree about.
  var dialect: PolicyDialect

  /// Those of the current environment.
  init(_ environment: PolicyEnvironment = .current) {
    castsInputs = environment.usesV2DTypeBehavior
    castsWhereInferred = environment.dialect != .tensorFlow24
    isStrict = environment.isStrict
    dialect = environment.dialect
  }
}
