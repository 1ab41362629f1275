extension DTypePolicy {
  /// The policy with this configuration: `{"name": "mixed_float16"}`, or `{"mode": "int8", "source_name": "float32"}` for a
  /// quantised one.
  ///
  /// - Throws: ``PolicyError/configuration(place:expected:found:)`` where it is not of such a form, and what reading the
  ///   names throws. In ``PolicyDialect/mezzo`` and TensorFlow's dialects `loss_scale` is passed over, which files of
  ///   TensorFlow 2.3 and before have; in Keras 3 no name, or null, is the global policy.
  public init(
    configuration: ConfigurationValue, dialect: PolicyDialect = .mezzo
  ) throws(PolicyError) {
    try self.init(configuration, nil, dialect)
  }

  /// - Parameter policyClass: the class that the configuration is of, if that is known.
  private init(
    _ configuration: ConfigurationValue, _ policyClass: PolicyClass?, _ dialect: PolicyDialect
  ) throws(PolicyError) {
    guard case .object(var members) = configuration else {
      throw .configuration(place: "config", expected: "an object with a name", found: configuration.summary)
    }
    let hasMode = members["mode"] != nil && (dialect == .mezzo || dialect == .keras3)
    if policyClass?.isQuantized ?? hasMode {
      try self.init(quantized: members, policyClass, dialect)
      return
    }
    let name = members.removeValue(forKey: "name")
    if dialect != .keras3 { members.removeValue(forKey: "loss_scale") }
    if let unknown = members.keys.min() {
      throw .configuration(place: "config", expected: "the key name alone", found: "the key \"\(unknown)\"")
    }
    switch name {
    case .string(let name): try self.init(name, dialect: dialect)
    case .null where dialect == .keras3, nil where dialect == .keras3: self = globalPolicy()
    default:
      throw .configuration(place: "config.name", expected: "a string", found: name?.summary ?? "nothing")
    }
  }

  /// The configuration that ``init(configuration:dialect:)`` reads.
  public var configuration: ConfigurationValue {
    guard let quantization else { return ["name": .string(name)] }
    var members: [String: ConfigurationValue] = [
      "mode": .string(quantization.mode),
      "source_name": .string(String(name.dropFirst(quantization.mode.count + Quantization.separator.count))),
    ]
    if let length = quantization.amaxHistoryLength { members["amax_history_length"] = .integer(length) }
    return .object(members)
  }

  /// What Keras 3 calls the class of this policy.
  public var className: String { PolicyClass(of: quantization).rawValue }

  /// As the system of the dialect prints it: `<Policy "float32">`, in Keras 3 with the name of the class, in `jmp` its
  /// text.
  public func description(in dialect: PolicyDialect) -> String {
    switch dialect {
    case .mezzo, .tensorFlow24, .tfKeras: return description
    case .keras3: return "<\(className) \"\(name)\">"
    case .jmp:
      let dtypes = [("p", variableDType), ("c", computeDType), ("o", outputDType)]
      return dtypes.map { "\($0)=\($1.flatMap(PolicyGrammar.jmpName) ?? $1?.name ?? "_infer")" }.joined(separator: ",")
    }
  }

  /// What the system of the dialect writes into the configuration of a layer.
  ///
  /// TensorFlow writes the name of a dtype as it was given, null for ``infer``, and `{"class_name", "config"}` for every
  /// other policy, to which `tf_keras` adds a module. Keras 3 writes that form for all. ``PolicyDialect/mezzo`` writes what
  /// Keras 3 does, which every reader of policies that are not too old knows, and `jmp` its text.
  public func serialized(in dialect: PolicyDialect = .mezzo) -> ConfigurationValue {
    switch dialect {
    case .tensorFlow24, .tfKeras:
      if computeDType == nil { return .null }
      if dialect.dtype(named: name) != nil { return .string(name) }
      let members: [String: ConfigurationValue] = ["class_name": "Policy", "config": configuration]
      return dialect == .tensorFlow24
        ? .object(members)
        : .object(members.merging(["module": "keras.mixed_precision", "registered_name": nil]) { $1 })
    case .mezzo, .keras3:
      return [
        "module": "keras", "class_name": .string(className), "config": configuration, "registered_name": nil,
      ]
    case .jmp:
      // What its text cannot say must not be lost.
      let saysAll =
        (try? DTypePolicy(description(in: .jmp), dialect: .jmp))?.refinements?.output == refinements?.output
        && refinements.map { $0.isOutputAlone } ?? true
      return saysAll ? .string(description(in: .jmp)) : serialized(in: .mezzo)
    }
  }

  /// The policy that ``serialized(in:)`` of any version wrote.
  ///
  /// ``PolicyDialect/mezzo`` reads the forms of Keras 2 and of Keras 3, and names; what it does not know is an error. Null
  /// is ``infer``, as in TensorFlow. Mixed names as strings, which TensorFlow 2.4 refuses here, are read too, because
  /// configurations of later versions have them.
  ///
  /// - Throws: ``PolicyError/unknownPolicy(name:)`` for a string that is not known,
  ///   ``PolicyError/unknownClass(name:known:)`` for such a class, ``PolicyError/serialization(expected:found:)`` for another form, else what ``init(configuration:dialect:)`` throws.
  public static func deserialize(
    _ value: ConfigurationValue, dialect: PolicyDialect = .mezzo
  ) throws(PolicyError) -> DTypePolicy {
    switch value {
    case .null:
      return dialect == .keras3 ? globalPolicy() : .infer
    case .string(let name):
      let namesDTypesOnly = dialect == .tensorFlow24 || dialect == .tfKeras
      guard !namesDTypesOnly || dialect.dtype(named: name) != nil else { throw .unknownPolicy(name: name) }
      return try DTypePolicy(name, dialect: dialect)
    case .object(let members):
      let known: Set = ["class_name", "config", "module", "registered_name"]
      if let unknown = members.keys.filter({ !known.contains($0) }).min() {
        throw .serialization(
          expected: "the keys \(known.sorted().joined(separator: ", "))",
          found: "the key \"\(unknown)\" in \(value.excerpt)")
      }
      guard case .string(let name)? = members["class_name"], let configuration = members["config"] else {
        throw .serialization(expected: "an object with class_name and config", found: value.excerpt)
      }
      guard let policyClass = PolicyClass(rawValue: name), policyClass.exists(in: dialect) else {
        throw .unknownClass(name: name, known: PolicyClass.names(in: dialect))
      }
      return try DTypePolicy(configuration, policyClass, dialect)
    case .bool, .integer, .number, .array:
      throw .serialization(expected: "a string, null or an object", found: value.excerpt)
    }
  }
}
