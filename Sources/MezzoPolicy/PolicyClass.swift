/// The classes that configurations name policies by: Keras 2's two, then Keras 3's.
enum PolicyClass: String, CaseIterable {
  case policy = "Policy"
  case policyV1 = "PolicyV1"
  case dtypePolicy = "DTypePolicy"
  case floatDTypePolicy = "FloatDTypePolicy"
  case quantized = "QuantizedDTypePolicy"
  case quantizedFloat8 = "QuantizedFloat8DTypePolicy"
  case int4 = "Int4DTypePolicy"
  case gptq = "GPTQDTypePolicy"
  case awq = "AWQDTypePolicy"

  /// Keras 3's class of the policies that are quantised so.
  init(of quantization: Quantization?) {
    switch (quantization?.method, quantization?.blockSize, quantization?.amaxHistoryLength) {
    case (nil, _, _): self = .dtypePolicy
    case (.gptq, _, _): self = .gptq
    case (.awq, _, _): self = .awq
    case (.int4, .some, _): self = .int4
    case (_, _, .some): self = .quantizedFloat8
    default: self = .quantized
    }
  }

  var isQuantized: Bool {
    switch self {
    case .policy, .policyV1, .dtypePolicy, .floatDTypePolicy: false
    case .quantized, .quantizedFloat8, .int4, .gptq, .awq: true
    }
  }

  /// The form of its modes, for people.
  var modes: String {
    switch self {
    case .policy, .policyV1, .dtypePolicy, .floatDTypePolicy: "none"
    case .quantized, .quantizedFloat8: "int8, float8 or int4"
    case .int4: "int4/<block_size>"
    case .gptq: "gptq/<weight_bits>/<group_size>"
    case .awq: "awq/<weight_bits>/<group_size>"
    }
  }

  /// Those that the dialect reads, as error messages list them.
  static func names(in dialect: PolicyDialect) -> [String] {
    allCases.filter { $0.exists(in: dialect) }.map(\.rawValue)
  }

  /// Whether the dialect reads configurations of the class.
  func exists(in dialect: PolicyDialect) -> Bool {
    switch (self, dialect) {
    case (_, .mezzo), (_, .jmp): true
    case (.policy, .keras3), (.policyV1, .keras3): false
    case (.policy, _), (.policyV1, _), (_, .keras3): true
    case (_, .tensorFlow24), (_, .tfKeras): false
    }
  }
}

extension DTypePolicy {
  /// The quantised policy with this configuration.
  ///
  /// Its class says what the configuration may leave open: whether there is a history of magnitudes. Where the class is
  /// not known, the mode says it.
  ///
  /// - Throws: ``PolicyError/configuration(place:expected:found:)`` where the configuration is not of the form,
  ///   ``PolicyError/quantization(mode:expected:)`` if its mode is none of the class's, and what reading the source throws.
  init(
    quantized members: [String: ConfigurationValue], _ policyClass: PolicyClass?, _ dialect: PolicyDialect
  ) throws(PolicyError) {
    var known: Set = ["mode", "source_name"]
    if policyClass == nil || policyClass == .quantizedFloat8 { known.insert("amax_history_length") }
    if let unknown = members.keys.filter({ !known.contains($0) }).min() {
      throw .configuration(
        place: "config", expected: "the keys \(known.sorted().joined(separator: ", "))",
        found: "the key \"\(unknown)\"")
    }
    guard let value = members["mode"] else {
      throw .configuration(place: "config.mode", expected: "a string", found: "nothing")
    }
    guard case .string(let mode) = value else {
      throw .quantization(mode: value.summary, expected: "a string that begins with one of \(Quantization.methodNames)")
    }
    var quantization = try Quantization(mode: mode)
    if let policyClass {
      quantization.amaxHistoryLength =
        policyClass == .quantizedFloat8 ? Quantization.defaultAmaxHistoryLength : nil
      guard PolicyClass(of: quantization) == policyClass else {
        throw .quantization(mode: mode, expected: "a mode of \(policyClass.rawValue): \(policyClass.modes)")
      }
    }
    switch members["amax_history_length"] {
    case .integer(let number): quantization.amaxHistoryLength = number
    case nil: break
    case let other?:
      throw .configuration(place: "config.amax_history_length", expected: "an integer", found: other.summary)
    }
    switch members["source_name"] {
    case .string(let name): try self.init(quantization, from: try DTypePolicy(name, dialect: dialect))
    case .null, nil: try self.init(quantization, from: globalPolicy())
    case let other?: throw .configuration(place: "config.source_name", expected: "a string", found: other.summary)
    }
  }
}
