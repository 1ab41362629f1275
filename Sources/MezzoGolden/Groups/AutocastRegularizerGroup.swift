import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime

/// In which dtypes regularizers see outputs and weights. Each rounds the same number to another, which the penalty tells.
enum AutocastRegularizerGroup: GoldenGroup {
  static let names = ["autocast.regularizer"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let policy = try DTypePolicy(try testCase.input.string("policy"), dialect: PolicyEnvironment.current.dialect)
    let ofOutputs = Dense(
      1, useBias: false, kernelInitializer: .ones, activityRegularizer: .l1(1), policy: policy)
    let ofWeights = Dense(
      1, useBias: false, kernelInitializer: .constant(number), kernelRegularizer: .l1(1), policy: policy)
    return .ok(.array([try dtype(of: ofOutputs, input: number), try dtype(of: ofWeights, input: 0)]))
  }

  /// Ones where the mantissas of bfloat16, float16, float32 and float64 end.
  private static let number = 1 + 0x1p-7 + 0x1p-10 + 0x1p-23 + 0x1p-52
  private static let dtypes: [DType] = [.bfloat16, .float16, .float32, .float64]

  private static func dtype(of layer: Dense, input: Double) throws -> ConfigurationValue {
    let model = Model(layer)
    let x = try Tensor([input], shape: [1, 1], dtype: .float64)
    try model.build(input: x.type)
    let call = try TracedCall(model, input: x.type, isTraining: true) { _ in .constant }
    let penalty = try call.objective(try call.trace.constant(0, dtype: .float64))
    let variables = try model.variables
    let outputs = try Runtime.shared.makePlan(call.trace.finish([penalty])).run(
      [x] + call.variables.compactMap { variables[$0.path] })
    let seen = try outputs[0].scalar()
    return .name(try dtypes.first { try Tensor(number, dtype: $0).scalar() == seen }?.name)
  }
}
