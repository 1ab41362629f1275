import MezzoPolicy

/// The dtype in which two operands meet.
enum PromotionGroup: GoldenGroup {
  static let names = ["promotion"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let left = try PromotionOperand(golden: try testCase.input.string("left"))
    let floatx = try testCase.input["floatx"].map { value throws(GoldenFormError) in
      try DType(golden: value.asString ?? value.compact)
    }
    func result(_ right: String) throws -> ConfigurationValue {
      let operands = [left, try PromotionOperand(golden: right)]
      return .string(try DType.resultType(of: operands, floatx: floatx ?? MezzoPolicy.floatx()).name)
    }
    if testCase.input["right"] != nil {
      return .outcome(try testCase.outcome { try result(try testCase.input.string("right")) })
    }
    // Which dtypes it was asked with is a part of the question that stands in the expectation.
    var results: [String: ConfigurationValue] = [:]
    for right in try testCase.expect.object("right_to_result").keys {
      results[right] = try result(right)
    }
    return .outcome(["right_to_result": .object(results)])
  }

  static let differences = [
    DesignDifference(
      "A weak float is floatx", systems: ["keras3"], cases: "floatx is bfloat16 and no operand is float16",
      behaviour: "What weak operands alone make a float is bfloat16.",
      reason: "Keras 3 takes the last two digits of floatx for the width of a float16, which is a bug (keras #23712)."
    ) { testCase in
      guard testCase.input["floatx"] == "bfloat16", testCase.input["left"] != "float16",
        let results = testCase.expect["right_to_result"]?.asObject
      else { return nil }
      let restated = results.map { right, result in
        (right, right != "float16" && result == "float16" ? "bfloat16" : result)
      }
      return ["right_to_result": .object(Dictionary(uniqueKeysWithValues: restated))]
    }
  ]
}

extension PromotionOperand {
  /// The operand as golden files write it: the name of a dtype, or `py:` and a Python type for a number.
  fileprivate init(golden name: String) throws(GoldenFormError) {
    switch name {
    case "py:int": self = .weakInteger
    case "py:float": self = .weakFloat
    case "py:bool": self = .weakBool
    default: self = .dtype(try DType(golden: name))
    }
  }
}
