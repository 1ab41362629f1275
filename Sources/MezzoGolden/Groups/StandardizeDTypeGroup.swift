import MezzoPolicy

/// What Keras 3 takes for a dtype. The argument is written as in Python: `'float32'` is a name, `None` is none.
enum StandardizeDTypeGroup: GoldenGroup {
  static let names = ["standardize_dtype"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let argument = try testCase.input.string("arg")
    let name = quoted(argument)
    guard name != nil || argument == "None" else { return .skipped(.pythonType) }
    return .outcome(try testCase.outcome { .string(try DType(standardizing: name).name) })
  }

  static func subjects(of testCase: GoldenCase) -> [ConfigurationValue] {
    testCase.input["arg"]?.asString.flatMap(quoted).map { [.string($0)] } ?? []
  }

  private static func quoted(_ argument: String) -> String? {
    guard argument.count >= 2, let quote = argument.first, quote == argument.last, "'\"".contains(quote) else {
      return nil
    }
    return String(argument.dropFirst().dropLast())
  }
}
