extension DType {
  /// The dtype that Keras 3's `standardize_dtype` makes of a name.
  ///
  /// Nil is `floatx`. A name is canonical, or `int`, which is int64 on TensorFlow; `half`, `float` and `double` are none
  /// of Keras 3's, unlike in ``init(name:)``. Quantised, 4-bit and opaque kinds are unknown to it.
  ///
  /// - Throws: ``PolicyError/unknownDType(name:)``
  public init(standardizing name: String?, floatx: DType = MezzoPolicy.floatx()) throws(PolicyError) {
    guard let name else {
      self = floatx
      return
    }
    guard let dtype = PolicyDialect.keras3.dtype(named: name) else { throw .unknownDType(name: name) }
    self = dtype
  }
}
