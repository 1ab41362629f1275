import MezzoPolicy

/// Where Mezzo differs in what may be given for the dtype of a layer.
enum IdentifierDifferences {
  /// - Parameter member: where the cases of the group have the argument.
  static func all(of member: String) -> [DesignDifference] {
    [numbers(member), falseValues(member), references(member)]
  }

  private static func numbers(_ member: String) -> DesignDifference {
    DesignDifference(
      "Numbers are no dtypes", systems: ["tf24", "tfkeras"],
      cases: "a number or True for the dtype, which TensorFlow takes for the number of a dtype in its list",
      behaviour: "An error that says what was given.",
      reason: "Nobody who writes dtype=5 means int16.",
      theirs: { testCase in
        let value = testCase.input[member]?["value"]
        guard let number = value?.asDouble ?? value?.asBool.map({ $0 ? 1 : 0 }),
          let place = Int(exactly: number), tensorFlowDTypes.indices.contains(place - 1)
        else { return nil }
        return described(StatedPolicy(tensorFlowDTypes[place - 1]), testCase)
      }
    ) { testCase in
      guard let argument = testCase.input[member], ["int", "float", "bool"].contains(argument["kind"]?.asString),
        !isFalse(argument)
      else { return nil }
      return .error(.typeError, naming: [argument["value"]?.compact ?? ""])
    }
  }

  private static func falseValues(_ member: String) -> DesignDifference {
    DesignDifference(
      "What Python takes for false is no policy", systems: ["tf24", "tfkeras"],
      cases: "an empty string, 0, False or an empty list for the dtype, which TensorFlow takes for none given",
      behaviour: "An error that says what was given. The global policy is what a layer has that is given nothing.",
      reason: "An empty name comes from a mistake elsewhere, and would go on unseen.",
      theirs: { testCase in
        described(StatedPolicy(testCase.input["global"]?.asString ?? "float32"), testCase)
      }
    ) { testCase in
      guard let argument = testCase.input[member], isFalse(argument) else { return nil }
      return .error(.typeError, naming: argument["kind"] == "str" ? ["\"\""] : [])
    }
  }

  private static func references(_ member: String) -> DesignDifference {
    references { testCase, policy in
      described(policy, testCase)
    } refusal: { testCase in
      guard let argument = testCase.input[member], argument["kind"] == "str" else { return nil }
      return argument["value"]?.asString.map { ($0, .typeError) }
    }
  }

  /// - Parameters:
  ///   - theirs: what the system says of a policy of that name, which is the name of a dtype to it.
  ///   - refusal: the name that a case asks about, and the class of the error that Mezzo has for it.
  static func references(
    _ theirs: @escaping @Sendable (GoldenCase, StatedPolicy) -> ConfigurationValue?,
    refusal: @escaping @Sendable (GoldenCase) -> (name: String, error: PythonErrorClass)?
  ) -> DesignDifference {
    DesignDifference(
      "References are no dtypes", systems: ["tf24", "tfkeras"],
      cases: "names that end in _ref, TensorFlow 1's dtypes of references to variables",
      behaviour: "An error that says what was given.",
      reason: "Nothing in Mezzo is a reference, and no program names one.",
      theirs: { testCase in refusal(testCase).flatMap { theirs(testCase, StatedPolicy($0.name)) } }
    ) { testCase in
      guard let (name, error) = refusal(testCase), name.hasSuffix("_ref") else { return nil }
      return .error(error, naming: [name])
    }
  }

  private static func isFalse(_ argument: ConfigurationValue) -> Bool {
    switch argument["value"] ?? .null {
    case .string(""), 0, .number(0), false, .array([]): argument["kind"] != "dict"
    case .null: argument["kind"] == "list"
    default: false
    }
  }

  // MARK: - What TensorFlow does

  /// TensorFlow's dtypes by their numbers, from 1 on.
  private static let tensorFlowDTypes = [
    "float32", "float64", "int32", "uint8", "int16", "int8", "string", "complex64", "int64", "bool", "qint8", "quint8",
    "qint32", "bfloat16", "qint16", "quint16", "uint16", "complex128", "float16", "resource", "variant", "uint32",
    "uint64",
  ]

  /// A layer with that policy, or the policy itself, in the form of the case's group.
  private static func described(_ policy: StatedPolicy, _ testCase: GoldenCase) -> ConfigurationValue {
    guard testCase.group == LayerDTypeGroup.names[0] else { return policy.described(in: testCase.system) }
    // A layer writes the name of a dtype as it is, and a mixed policy as an object.
    var written = ConfigurationValue.string(policy.name)
    if policy.compute != policy.variable {
      var members: [String: ConfigurationValue] = ["class_name": "Policy", "config": ["name": written]]
      if testCase.system == "tfkeras" {
        members["module"] = "keras.mixed_precision"
        members["registered_name"] = .null
      }
      written = .object(members)
    }
    return .ok([
      "policy": .string(policy.name), "compute_dtype": .name(policy.compute), "variable_dtype": .name(policy.variable),
      "dtype": .name(policy.variable), "config_dtype": written,
    ])
  }
}
