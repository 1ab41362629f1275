import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoTraining

/// Whether the optimizer of a model is wrapped so that its loss is scaled.
enum CompileWrapGroup: GoldenGroup {
  static let names = ["compile.wrap"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let question = try Question(testCase.input)
    try setGlobalPolicy(question.global)
    let model = Model(try question.layer)
    if let other = testCase.input["compile_under"]?.asString { try setGlobalPolicy(other) }
    let optimizer = try model.lossScaled(SGD(), features: TensorType(.float32, [1, 3]))
    let scaled = optimizer as? LossScaleOptimizer
    return .ok(
      question.answer(
        modelPolicy: model.layer.policy.name, isWrapped: scaled != nil,
        scale: scaled?.lossScale ?? .fixed(1), inner: type(of: scaled?.innerOptimizer ?? optimizer).className))
  }

  /// A model that a case describes.
  private struct Question {
    let global: String
    private let layerDType: String?
    private let kind: Kind
    private let namesScale: Bool

    private enum Kind: String {
      case functional, sequential, subclass
      /// A container with a policy of its own, whose layers have the global one.
      case subclassWithDType = "subclass_dtype"
    }

    private static let containerDType = "mixed_float16"

    init(_ input: ConfigurationValue) throws(GoldenFormError) {
      if let global = input["construct_under"]?.asString {
        (self.global, layerDType, kind, namesScale) = (global, nil, .sequential, false)
        return
      }
      guard let kind = Kind(rawValue: try input.string("model")) else {
        throw GoldenFormError(expected: "a kind of model", found: input.compact)
      }
      (global, layerDType) = (try input.string("global"), input["layer_dtype"]?.asString)
      (self.kind, namesScale) = (kind, true)
    }

    var layer: any Layer {
      get throws {
        let policy = try layerDType.map { try DTypePolicy($0) }
        return Sequential(
          [Dense(4, policy: policy), Dense(1, policy: policy)],
          policy: kind == .subclassWithDType ? try DTypePolicy(Self.containerDType) : nil)
      }
    }

    func answer(modelPolicy: String, isWrapped: Bool, scale: LossScale, inner: String) -> ConfigurationValue {
      var answer: [String: ConfigurationValue] = ["model_policy": .string(modelPolicy), "wrapped": .bool(isWrapped)]
      if isWrapped, namesScale {
        answer["initial_scale"] = .exactly(Double(scale.initialScale))
        answer["growth_steps"] = scale.dynamics.map { .integer($0.growthInterval) } ?? .null
        answer["inner"] = .string(inner)
      }
      return .object(answer)
    }

    /// By what its layers compute in.
    var stated: ConfigurationValue {
      let computes = layerDType ?? global
      return wrapped(if: computes == "mixed_float16" || computes == "float16")
    }

    /// The systems' rule: by the name of the model's own policy.
    var theirs: ConfigurationValue { wrapped(if: modelPolicy == "mixed_float16") }

    private var modelPolicy: String { kind == .subclassWithDType ? Self.containerDType : global }

    private func wrapped(if isWrapped: Bool) -> ConfigurationValue {
      answer(modelPolicy: modelPolicy, isWrapped: isWrapped, scale: .dynamic(), inner: "SGD")
    }
  }

  static let differences = [
    DesignDifference(
      "What layers compute in decides about loss scaling", systems: ["tf24", "tfkeras", "keras3"],
      cases: "models whose layers have another policy than the model, and models of the policy float16",
      behaviour: "The loss is scaled if and only if gradients are computed in float16.",
      reason: """
        The systems go by the name of the model's policy. So float16 layers in a float32 model lose their small gradients, \
        and a float32 model of the name mixed_float16 is scaled for nothing.
        """,
      theirs: { testCase in (try? Question(testCase.input)).map { .ok($0.theirs) } }
    ) { testCase in (try? Question(testCase.input)).map { .ok($0.stated) } }
  ]
}
