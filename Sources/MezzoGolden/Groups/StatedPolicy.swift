import MezzoPolicy

/// A policy as statements about Mezzo know it: a name and the two dtypes that it means, whatever Mezzo makes of it.
struct StatedPolicy {
  let name: String
  private(set) var compute: String?
  private(set) var variable: String?

  init(_ name: String) {
    self.name = name
    switch name {
    case "_infer": break
    case "mixed_float16": (compute, variable) = ("float16", "float32")
    case "mixed_bfloat16": (compute, variable) = ("bfloat16", "float32")
    default:
      let aliases = ["half": "float16", "float": "float32", "double": "float64", "int": "int64"]
      (compute, variable) = (aliases[name] ?? name, aliases[name] ?? name)
    }
  }

  /// `[name, compute, variable]`
  var triple: ConfigurationValue { .ok(.array([.name(name), .name(compute), .name(variable)])) }

  /// All that `policy.*` groups ask about a policy of Keras.
  func described(in system: String) -> ConfigurationValue {
    let className = system == "keras3" ? "DTypePolicy" : "Policy"
    return .ok([
      "name": .string(name), "compute_dtype": .name(compute), "variable_dtype": .name(variable),
      "repr": .string("<\(className) \"\(name)\">"), "config": ["name": .string(name)],
    ])
  }

  /// The dtype in which two tensors meet.
  static func promoted(_ left: String?, _ right: String?) -> String? {
    let operands = [left, right].compactMap { $0.flatMap { try? DType(golden: $0) } }.map(PromotionOperand.dtype)
    return operands.count == 2 ? try? DType.resultType(of: operands, floatx: .float32).name : nil
  }
}
