import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime

/// What a layer's variables are read as, inside of its call and outside, and what an assignment stores.
enum AutocastVariablesGroup: GoldenGroup {
  static let names = ["autocast.variables", "autocast.assign"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let policy = try DTypePolicy(try testCase.input.string("policy"), dialect: PolicyEnvironment.current.dialect)
    return .ok(
      try testCase.group == "autocast.assign"
        ? assignment(of: try testCase.input.double("assign"), under: policy) : readings(under: policy, testCase.system))
  }

  private static func readings(under policy: DTypePolicy, _ system: String) throws -> ConfigurationValue {
    var (inside, outside, wrapped): (ConfigurationValue, ConfigurationValue, ConfigurationValue) = (nil, nil, nil)
    let layer = LayerProbe(policy) { context in
      outside = .object(try variables(context).mapValues { try VariableReading($0, context).dtypes })
    } body: { inputs, context in
      let variables = try variables(context)
      inside = .object(try variables.mapValues { try VariableReading($0, context).dtypes })
      // Keras 3 has no class of its own for variables that are cast.
      if system != "keras3" { wrapped = .object(variables.mapValues { .bool($0.isAutocast) }) }
      return inputs.positional[0]
    }
    try layer.trace()
    return ["inside_call": inside, "outside_call": outside, "wrapped": wrapped]
  }

  /// One of the default dtype, one that opted out, and three with a dtype of their own.
  private static func variables(_ context: LayerContext) throws -> [String: LayerVariable] {
    [
      "v": try context.parameter("v", shape: []), "v64": try context.parameter("v64", shape: [], dtype: .float64),
      "v16": try context.parameter("v16", shape: [], dtype: .float16),
      "vi": try context.parameter("vi", shape: [], dtype: .int32),
      "vn": try context.parameter("vn", shape: [], autocast: false),
    ]
  }

  private static func assignment(of value: Double, under policy: DTypePolicy) throws -> ConfigurationValue {
    let layer = LayerProbe(policy) { _, context in
      let variable = try context.parameter("v", shape: [], initializer: .zeros, isTrainable: false)
      try context.assign(variable, context.trace.constant(value, dtype: .float64))
      return .tensor(try variable.value(in: context))
    }
    let input = TensorType(.float32, [1])
    let call = try layer.trace(Arguments(.tensor(input)))
    let plan = try Runtime.shared.makePlan(call.trace.finish([try call.output] + call.assignments.map(\.value)))
    let outputs = try plan.run(
      [Tensor(zeros: input)] + call.variables.map { try Tensor(zeros: $0.type) })
    return ["read_inside": .exactly(try outputs[0].scalar()), "stored": .exactly(try outputs[1].scalar())]
  }
}

/// A variable where it is read.
struct VariableReading {
  private let variable: LayerVariable
  private let value: SymbolicTensor

  init(_ variable: LayerVariable, _ context: LayerContext) throws {
    self.variable = variable
    value = try variable.value(in: context)
  }

  var read: ConfigurationValue { .string(value.dtype.name) }

  /// The dtype of a sum with a number.
  var sum: ConfigurationValue {
    get throws { .string(try (value + 1).dtype.name) }
  }

  /// What the system calls the dtype of a variable: in TensorFlow 2.4 what is stored, later what is read.
  var declared: ConfigurationValue {
    PolicyEnvironment.current.dialect == .tensorFlow24 ? .string(variable.dtype.name) : read
  }

  var dtypes: ConfigurationValue {
    get throws { ["declared": declared, "read": read, "arith": try sum] }
  }
}
