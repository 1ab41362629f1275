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
      reason: "Nobody who writes dtype=5 means int16."
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
      reason: "An empty name comes from a mistake elsewhere, and would go on unseen."
    ) { testCase in
      guard let argument = testCase.input[member], isFalse(argument) else { return nil }
      return .error(.typeError, naming: argument["kind"] == "str" ? ["\"\""] : [])
    }
  }

  private static func references(_ member: String) -> DesignDifference {
    references { testCase in
      guard let argument = testCase.input[member], argument["kind"] == "str" else { return nil }
      return argument["value"]?.asString.map { ($0, .typeError) }
    }
  }

  /// - Parameter refusal: the name that a case asks about, and the class of the error that Mezzo has for it.
  static func references(
    _ refusal: @escaping @Sendable (GoldenCase) -> (name: String, error: PythonErrorClass)?
  ) -> DesignDifference {
    DesignDifference(
      "References are no dtypes", systems: ["tf24", "tfkeras"],
      cases: "names that end in _ref, TensorFlow 1's dtypes of references to variables",
      behaviour: "An error that says what was given.",
      reason: "Nothing in Mezzo is a reference, and no program names one."
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
}
