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

    /// The call as the case has it.
    private let call: ConfigurationValue

    private static let names = ["x", "y", "z"]

    init(_ input: ConfigurationValue) throws(GoldenFormError) {
      policy = try input.string("policy")
      autocast = try input.bool("autocast")
      call = try input.member("call")
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

    /// The floating tensors of the first argument are cast, if the compute dtype is floating. NumPy's arrays become
    /// tensors there alone.
    var seenByTensorFlow: ConfigurationValue {
      let compute = StatedPolicy(policy).compute
      return seen { place, dtype, isArray in
        if place > 0 { return isArray ? "numpy \(dtype)" : dtype }
        return autocast && Self.isFloating(compute) && Self.isFloating(dtype) ? compute ?? dtype : dtype
      }
    }

    /// All floating tensors are cast, to whatever the compute dtype is.
    var seenByKeras3: ConfigurationValue {
      let compute = StatedPolicy(policy).compute
      return seen { _, dtype, _ in autocast && Self.isFloating(dtype) ? compute ?? dtype : dtype }
    }

    private static func isFloating(_ name: String?) -> Bool {
      name.flatMap { try? DType(golden: $0) }?.isFloatingPoint ?? false
    }

    /// - Parameter cast: the dtype that a tensor of the argument at a place is seen in, as the case has it.
    private func seen(
      _ cast: (_ place: Int, _ dtype: String, _ isArray: Bool) -> String
    ) -> ConfigurationValue {
      var answer: [String: ConfigurationValue] = [:]
      for (place, name) in Self.names.enumerated() {
        let positional = call["args"]?.asArray ?? []
        let written = place < positional.count ? positional[place] : call["kwargs"]?[name]
        answer[name] = written.map { Self.seen($0) { cast(place, $0, $1) } } ?? .null
      }
      return .object(answer)
    }

    private static func seen(
      _ argument: ConfigurationValue, _ cast: (_ dtype: String, _ isArray: Bool) -> String
    ) -> ConfigurationValue {
      switch argument {
      case .array(let elements): return .array(elements.map { seen($0, cast) })
      case .object(let members):
        if let tuple = members["tuple"] { return ["tuple": seen(tuple, cast)] }
        if let entries = members["dict"]?.asObject { return ["dict": .object(entries.mapValues { seen($0, cast) })] }
        if let kind = members["t"]?.asString, let dtype = members["dtype"]?.asString {
          return .string("\(kind) \(cast(dtype, false))")
        }
        if let dtype = members["t"]?.asString { return .string(cast(dtype, false)) }
        return members["np"]?.asString.map { .string(cast($0, true)) } ?? .null
      default: return .null
      }
    }
  }

  static let differences = [
    DesignDifference(
      "All arguments are cast", systems: ["tf24", "tfkeras"],
      cases: "floating arguments behind the first, which TensorFlow leaves as they are",
      behaviour: "Every floating tensor is cast, in whichever argument it is, as in Keras 3.",
      reason: "A state or a second input in another dtype fails in the first operation that meets both.",
      theirs: { testCase in (try? Question(testCase.input)).map { .ok($0.seenByTensorFlow) } }
    ) { testCase in
      guard let question = try? Question(testCase.input), question.arguments.leaves.count > 1 else { return nil }
      return .ok(question.stated)
    },
    DesignDifference(
      "Nothing is cast to integers", systems: ["keras3"],
      cases: "floating inputs of layers with an integer policy, which Keras 3 truncates",
      behaviour: "A policy that computes in no floating dtype casts nothing, as in TensorFlow 2.4.",
      reason: "Truncation loses what the input says.",
      theirs: { testCase in (try? Question(testCase.input)).map { .ok($0.seenByKeras3) } }
    ) { testCase in
      guard let question = try? Question(testCase.input) else { return nil }
      return .ok(question.stated)
    },
  ]
}
