import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// What `cast_to_compute` of a `jmp` policy does to a structure of arrays, of all kinds: `a`, `h` and `n` are floats of
/// 32, 16 and 64 bits, `i` integers, `b` booleans, `nested` a list of floats, and `py` a number of Python.
enum JMPCastGroup: GoldenGroup {
  static let names = ["jmp.cast"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let compute = try testCase.input.string("compute")
    let model = Model(Identity(policy: try DTypePolicy("p=full,c=\(compute),o=\(compute)", dialect: .jmp)))
    let tree = try model(Arguments(.dictionary(try structure())))
    guard case .dictionary(let members) = tree else { return .outcome(nil) }
    return .ok(.object(members.mapValues(dtypes)))
  }

  private static func structure() throws -> [String: Tree<Tensor>] {
    let kinds: [String: DType] = ["a": .float32, "h": .float16, "n": .float64, "i": .int32, "b": .bool]
    var members = try kinds.mapValues { Tree.tensor(try Tensor(zeros: TensorType($0, [2]))) }
    members["nested"] = .array([.tensor(try Tensor(zeros: TensorType(.float32, [2])))])
    return members
  }

  private static func dtypes(_ tree: Tree<Tensor>) -> ConfigurationValue {
    switch tree {
    case .tensor(let tensor): .string(tensor.dtype.name)
    case .array(let elements): .array(elements.map(dtypes))
    case .dictionary(let members): .object(members.mapValues(dtypes))
    case .none: nil
    }
  }

  /// Gives what it is given, in the dtypes that it is given it.
  private struct Identity: Layer {
    var policy: DTypePolicy

    func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree { inputs.positional[0] }
  }

  static let differences = [
    DesignDifference(
      "Numbers are no part of a structure of tensors", systems: ["jmp"],
      cases: "a Python number among arrays, which jmp leaves as it is",
      behaviour: "A structure has tensors alone, and the others are cast as in jmp.",
      reason: "A Swift number that is used with a tensor takes the tensor's dtype; there is nothing to cast."
    ) { testCase in
      guard case .object(var members)? = testCase.expect["ok"], members.removeValue(forKey: "py") != nil else {
        return nil
      }
      return .ok(.object(members))
    }
  ]
}
