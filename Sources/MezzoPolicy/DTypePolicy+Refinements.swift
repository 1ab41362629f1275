extension DTypePolicy {
  /// A policy that says more than what is computed and stored in.
  ///
  /// Its name is a text from which it can be made again, so a configuration with the name says all of it:
  ///
  /// ```swift
  /// let policy = try DTypePolicy(compute: .bfloat16, output: .float32, operations: ["softmax": .float32])
  /// policy.name  // params=float32,compute=bfloat16,output=float32,op.softmax=float32
  /// try DTypePolicy("c=bf16,o=f32,op.softmax=f32") == policy  // true
  /// ```
  ///
  /// Defaults are those of `jmp`: what is not said about the computation follows the parameters, what is not said about
  /// the output the computation.
  ///
  /// - Parameters:
  ///   - parameters: what variables are stored in.
  ///   - compute: what floating inputs are cast to and operations work in.
  ///   - output: what floating outputs are cast to.
  ///   - accumulator: what products are summed in; float32 or float64, and no less than `compute`.
  ///   - reduction: what sums, means, softmax and normalisations work in; float32 or float64, no less than `compute`.
  ///   - gradient: what the gradients of variables are rounded to.
  ///   - operations: operations that work in a dtype of their own, by name.
  ///   - layers: kinds of layers that follow another policy, by class name. Those policies are plain names.
  /// - Throws: ``PolicyError/refinement(field:expected:found:)`` for a dtype that cannot play the part it is given, or a
  ///   name that cannot be one.
  public init(
    parameters: DType = .float32, compute: DType? = nil, output: DType? = nil, accumulator: DType? = nil,
    reduction: DType? = nil, gradient: DType? = nil, operations: [String: DType] = [:],
    layers: [String: DTypePolicy] = [:]
  ) throws(PolicyError) {
    let compute = compute ?? parameters
    for (field, dtype) in [("params", parameters), ("compute", compute), ("output", output), ("gradient", gradient)] {
      if let dtype { try Self.requireFloat(dtype, field) }
    }
    for (field, dtype) in [("accumulator", accumulator), ("reduction", reduction)] {
      guard let dtype else { continue }
      guard dtype == .float64 || (dtype == .float32 && compute != .float64) else {
        let expected = compute == .float64 ? "float64, which it computes in" : "float32 or float64"
        throw .refinement(field: field, expected: expected, found: dtype.name)
      }
    }
    for (name, dtype) in operations {
      let field = PolicyGrammar.operationPrefix + name
      guard !name.isEmpty, name.allSatisfy({ $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "_") }) else {
        throw .refinement(field: field, expected: "the name of an operation, such as softmax", found: "\"\(name)\"")
      }
      try Self.requireFloat(dtype, field)
    }
    for (name, policy) in layers {
      let field = PolicyGrammar.layerPrefix + name
      guard !name.isEmpty, name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }) else {
        throw .refinement(
          field: field, expected: "the class name of a layer, such as LayerNormalization", found: "\"\(name)\"")
      }
      guard !policy.name.contains(where: { $0 == "=" || $0 == "," }) else {
        throw .refinement(field: field, expected: "a policy with a plain name", found: policy.name)
      }
    }
    let refinements = PolicyRefinements(
      output: output == compute ? nil : output, accumulator: accumulator, reduction: reduction, gradient: gradient,
      operations: operations, layers: layers)
    self.init(
      name: PolicyGrammar.canonicalName(parameters: parameters, compute: compute, refinements), compute: compute,
      variable: parameters, refinements: refinements)
  }

  private static func requireFloat(_ dtype: DType, _ field: String) throws(PolicyError) {
    guard dtype.isFloatingPoint else {
      throw .refinement(field: field, expected: "a floating-point dtype", found: dtype.name)
    }
  }
}
