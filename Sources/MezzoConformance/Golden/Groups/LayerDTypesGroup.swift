import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime

/// Which dtypes every layer computes, stores and gives under every policy, for inputs of every dtype.
enum LayerDTypesGroup: GoldenGroup {
  static let names = ["layer.dtypes"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let name = try testCase.input.string("layer")
    let policy = try DTypePolicy(try testCase.input.string("policy"))
    guard let asked = GoldenLayer(named: name, policy) else { return .unsupported("the layer \(name)") }
    var weights: ConfigurationValue = .object([:])
    var outcomes: [String: ConfigurationValue] = [:]
    for key in try testCase.expect.object("output_dtype_by_input").keys {
      let dtypes = try key.split(separator: "+").map { try DType(golden: String($0)) }
      outcomes[key] = try testCase.outcome {
        let call = try call(asked, dtypes)
        weights = Self.weights(call, asked.layer, testCase.dialect)
        return .array(call.outputs.leaves.map { .name($0?.dtype.name) })
      }
    }
    var answer: [String: ConfigurationValue] = [
      "autocast": .bool(asked.layer.autocast), "compute_dtype": .name(policy.computeDType?.name),
      "variable_dtype": .name(policy.variableDType?.name), "output_dtype_by_input": .object(outcomes),
    ]
    // Without a call that went well there, there is nothing to say about weights.
    if testCase.expect["weights"] != nil { answer["weights"] = weights }
    return .outcome(.object(answer))
  }

  /// A call that also has backends for all that is asked of them.
  private static func call(_ asked: GoldenLayer, _ dtypes: [DType]) throws -> TracedCall {
    let types = asked.shapes.enumerated().map { TensorType(dtypes[min($0, dtypes.count - 1)], $1) }
    let mask = asked.isMasked ? ["value_mask": TensorType(.bool, Array(types[1].shape[..<2]))] : [:]
    let call = try TracedCall(
      Model(asked.layer), inputs: asked.arguments(types, named: mask), isTraining: asked.isTraining
    ) { _ in .constant }
    _ = try Runtime.shared.plan(call.graph)
    return call
  }

  private static func weights(_ call: TracedCall, _ layer: any Layer, _ dialect: PolicyDialect?) -> ConfigurationValue {
    var weights: [String: ConfigurationValue] = [:]
    for (name, spec) in zip(call.weightNames(layer, dialect), call.variables) {
      var unique = name
      var number = 1
      while weights[unique] != nil {
        number += 1
        unique = "\(name)_\(number)"
      }
      weights[unique] = .string(spec.type.dtype.name)
    }
    return .object(weights)
  }

  static let differences: [DesignDifference] = []
}
