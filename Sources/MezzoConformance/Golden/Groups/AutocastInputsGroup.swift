import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// Which of the arguments of `call(x, y=None, z=None)` a policy casts.
enum AutocastInputsGroup: GoldenGroup {
  static let names = ["autocast.inputs"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let question = try Question(testCase.input)
    if question.arguments.leaves.contains(where: { $0?.hasNumber ?? false }) { return .skipped(.pythonType) }
    var seen = Arguments<DType>()
    let policy = try DTypePolicy(question.policy, dialect: PolicyEnvironment.current.dialect)
    let layer = LayerProbe(policy, autocast: question.autocast) { inputs, _ in
      seen = inputs.map(\.dtype)
      return .none
    }
    try layer.trace(question.types)
    return .ok(question.answer(seen))
  }

  private struct Question {
    let policy: String
    let autocast: Bool
    let arguments: Arguments<CallArgument>

    private static let names = ["x", "y", "z"]

    init(_ input: ConfigurationValue) throws(GoldenFormError) {
      policy = try input.string("policy")
      autocast = try input.bool("autocast")
      let call = try input.member("call")
      let positional = try call.array("args").map { argument throws(GoldenFormError) in
        Tree.tensor(try CallArgument(argument))
      }
      var named: [String: Tree<CallArgument>] = [:]
      for (name, argument) in call["kwargs"]?.asObject ?? [:] { named[name] = .tensor(try CallArgument(argument)) }
      guard positional.count <= Self.names.count, Set(named.keys).isSubset(of: Self.names[positional.count...]) else {
        throw GoldenFormError(expected: "arguments of call(x, y, z)", found: call.compact)
      }
      arguments = Arguments(positional: positional, named: named)
    }

    var types: Arguments<TensorType> {
      Arguments(
        positional: arguments.positional.map { $0.tensor?.tree ?? .none },
        named: arguments.named.mapValues { $0.tensor?.tree ?? .none })
    }

    func answer(_ seen: Arguments<DType>) -> ConfigurationValue {
      var answer: [String: ConfigurationValue] = [:]
      for (index, name) in Self.names.enumerated() {
        let isPositional = arguments.positional.indices.contains(index)
        let argument = isPositional ? arguments.positional[index] : arguments.named[name]
        let tree = seen.positional.indices.contains(index) ? seen.positional[index] : seen.named[name]
        answer[name] = argument?.tensor?.described(tree ?? .none) ?? .null
      }
      return .object(answer)
    }

    /// Every floating tensor in the compute dtype, if that is floating.
    var stated: ConfigurationValue {
      let compute = StatedPolicy(policy).compute.flatMap { try? DType(golden: $0) }
      return answer(
        types.map { type in
          guard autocast, let compute, compute.isFloatingPoint, type.dtype.isFloatingPoint else { return type.dtype }
          return compute
        })
    }
  }

  static let differences = [
    DesignDifference(
      "All arguments are cast", systems: ["tf24", "tfkeras"],
      cases: "floating arguments behind the first, which TensorFlow leaves as they are",
      behaviour: "Every floating tensor is cast, in whichever argument it is, as in Keras 3.",
      reason: "A state or a second input in another dtype fails in the first operation that meets both."
    ) { testCase in
      guard let question = try? Question(testCase.input), question.arguments.leaves.count > 1 else { return nil }
      return .ok(question.stated)
    },
    DesignDifference(
      "Nothing is cast to integers", systems: ["keras3"],
      cases: "floating inputs of layers with an integer policy, which Keras 3 truncates",
      behaviour: "A policy that computes in no floating dtype casts nothing, as in TensorFlow 2.4.",
      reason: "Truncation loses what the input says."
    ) { testCase in
      guard let question = try? Question(testCase.input) else { return nil }
      return .ok(question.stated)
    },
  ]
}
