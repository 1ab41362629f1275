import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// What a variable that follows scopes is read as in each of them. A scope of Mezzo is the call of a layer; where nothing
/// is cast, it is one that computes in no floating dtype.
enum AutocastScopeGroup: GoldenGroup {
  static let names = ["autocast.scope", "autocast.variable_scope"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let input = testCase.input
    // Mezzo converts no variable by itself; a program casts what it reads.
    if input["convert_to"] != nil { return .skipped(.pythonFacility) }
    if input["outer"] != nil { return .ok(.array(try nested(input))) }
    let scope = input["scope"]?.asString
    if testCase.group == "autocast.scope" { return .ok(.object(try read(in: scope, all))) }
    let dtype = try DType(golden: try input.string("variable"))
    return .ok(.object(try read(in: scope) { try described(variable("v", dtype, $0), $0) }))
  }

  /// That of a variable is compared by what it says.
  static let texts: Set<String> = ["repr"]

  private static func described(
    _ variable: LayerVariable, _ context: LayerContext
  ) throws -> [String: ConfigurationValue] {
    let reading = try VariableReading(variable, context)
    return [
      "declared": reading.declared, "value": reading.read, "read_value": reading.read, "tensor": reading.read,
      "plus_one": try reading.sum, "repr": .string(variable.description(in: context)),
    ]
  }

  private static func all(_ context: LayerContext) throws -> [String: ConfigurationValue] {
    let float32 = try VariableReading(try variable("float32", .float32, context), context)
    let integer = try context.parameter("int32", shape: [], dtype: .int32)
    let fixed = try context.parameter("fixed", shape: [], dtype: .float32, autocast: false)
    return [
      "float32": float32.read, "dtype_property": float32.declared,
      "float64": try VariableReading(try variable("float64", .float64, context), context).read,
      "int32": try VariableReading(integer, context).read, "no_autocast": try VariableReading(fixed, context).read,
    ]
  }

  private static func variable(_ name: String, _ dtype: DType, _ context: LayerContext) throws -> LayerVariable {
    try context.parameter(name, shape: [], dtype: dtype).autocasting()
  }

  /// - Parameter scope: nil for none.
  private static func read(
    in scope: String?, _ body: @escaping (LayerContext) throws -> [String: ConfigurationValue]
  ) throws -> [String: ConfigurationValue] {
    var answer: [String: ConfigurationValue] = [:]
    try LayerProbe(try policy(of: scope)) { inputs, context in
      answer = try body(context)
      return inputs.positional[0]
    }.trace()
    return answer
  }

  /// In a scope, in one inside of it, in the first again, and outside of both.
  private static func nested(_ input: ConfigurationValue) throws -> [ConfigurationValue] {
    let policies = (
      outer: try policy(of: try input.member("outer").asString),
      inner: try policy(of: try input.member("inner").asString)
    )
    var (inside, outside): ([ConfigurationValue], ConfigurationValue) = ([], nil)
    func read(_ context: LayerContext) throws -> ConfigurationValue {
      try VariableReading(try variable("v", .float32, context), context).read
    }
    let layer = LayerProbe(policies.outer) { context in
      outside = try read(context)
    } body: { inputs, context in
      let variable = try variable("v", .float32, context)
      inside.append(try read(context))
      let inner = LayerProbe(policies.inner) { inputs, context in
        inside.append(try VariableReading(variable, context).read)
        return inputs.positional[0]
      }
      let output = try context.call(inner, inputs, name: "inner")
      inside.append(try read(context))
      return output
    }
    try layer.trace()
    return inside + [outside]
  }

  private static func policy(of scope: String?) throws -> DTypePolicy {
    try DTypePolicy(scope ?? "int32", dialect: PolicyEnvironment.current.dialect)
  }
}
