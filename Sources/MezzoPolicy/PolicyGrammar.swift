/// The text of policies that say more: `params=float32,compute=bfloat16,output=float32,op.softmax=float32`.
enum PolicyGrammar {
  /// One `key=value`.
  private typealias Field = (key: Substring, value: Substring)

  static let operationPrefix = "op."
  static let layerPrefix = "layer."

  /// The policy that the text describes.
  ///
  /// The order of fields does not matter, each may come once. Names of dtypes are those of ``PolicyDialect/mezzo`` and
  /// `jmp`'s short ones.
  static func policy(_ text: String) throws(PolicyError) -> DTypePolicy {
    var dtypes: [String: DType] = [:]
    var operations: [String: DType] = [:]
    var layers: [String: DTypePolicy] = [:]
    for field in try fields(text) {
      let key = String(field.key)
      if key.hasPrefix(operationPrefix) {
        let name = String(key.dropFirst(operationPrefix.count))
        guard operations.updateValue(try dtype(field, in: text), forKey: name) == nil else { throw twice(key, text) }
      } else if key.hasPrefix(layerPrefix) {
        let name = String(key.dropFirst(layerPrefix.count))
        guard layers.updateValue(try DTypePolicy(String(field.value)), forKey: name) == nil else {
          throw twice(key, text)
        }
      } else {
        guard let key = keys[key] else {
          throw .grammar(
            policy: text,
            expected: "one of params, compute, output, accumulator, reduction, gradient, op.NAME or layer.CLASS",
            found: "\"\(key)\"")
        }
        guard dtypes.updateValue(try dtype(field, in: text), forKey: key) == nil else { throw twice(key, text) }
      }
    }
    return try DTypePolicy(
      parameters: dtypes["params"] ?? .float32, compute: dtypes["compute"], output: dtypes["output"],
      accumulator: dtypes["accumulator"], reduction: dtypes["reduction"], gradient: dtypes["gradient"],
      operations: operations, layers: layers)
  }

  /// The policy that a string of `jmp` describes: fields of which a later one wins, or one dtype for everything.
  static func jmpPolicy(_ text: String) throws(PolicyError) -> DTypePolicy {
    guard text.contains("=") else { return try DTypePolicy(parameters: try jmpDType(text[...], in: text)) }
    var dtypes: [String: DType] = [:]
    for field in try fields(text) {
      let dtype = try jmpDType(field.value, in: text)
      guard let key = keys[String(field.key)], jmpKeys.contains(key) else {
        throw .grammar(policy: text, expected: "one of the keys p, c and o", found: "\"\(field.key)\"")
      }
      dtypes[key] = dtype
    }
    return try DTypePolicy(
      parameters: dtypes["params"] ?? .float32, compute: dtypes["compute"], output: dtypes["output"])
  }

  private static func jmpDType(_ name: Substring, in text: String) throws(PolicyError) -> DType {
    guard let dtype = PolicyDialect.jmp.dtype(named: String(name)) else {
      throw .grammar(
        policy: text, expected: "full, half, float16, bfloat16, float32, float64, f16, bf16, f32 or f64",
        found: "\"\(name)\"")
    }
    return dtype
  }

  /// The one text that all spellings of a policy have in common.
  static func canonicalName(parameters: DType, compute: DType, _ refinements: PolicyRefinements) -> String {
    var fields = ["params=\(parameters)", "compute=\(compute)", "output=\(refinements.output ?? compute)"]
    if let dtype = refinements.accumulator { fields.append("accumulator=\(dtype)") }
    if let dtype = refinements.reduction { fields.append("reduction=\(dtype)") }
    if let dtype = refinements.gradient { fields.append("gradient=\(dtype)") }
    for (name, dtype) in refinements.operations.sorted(by: { $0.key < $1.key }) {
      fields.append("\(operationPrefix)\(name)=\(dtype)")
    }
    for (name, policy) in refinements.layers.sorted(by: { $0.key < $1.key }) {
      fields.append("\(layerPrefix)\(name)=\(policy.name)")
    }
    return fields.joined(separator: ",")
  }

  /// `jmp`'s name of a dtype, as its policies print it.
  static func jmpName(_ dtype: DType) -> String? {
    switch dtype {
    case .bfloat16: "bf16"
    case .float16: "f16"
    case .float32: "full"
    case .float64: "f64"
    default: nil
    }
  }

  private static let keys = [
    "p": "params", "params": "params", "c": "compute", "compute": "compute", "o": "output", "output": "output",
    "accumulator": "accumulator", "reduction": "reduction", "gradient": "gradient",
  ]

  private static let jmpKeys: Set = ["params", "compute", "output"]

  private static func fields(_ text: String) throws(PolicyError) -> [Field] {
    var fields: [Field] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let sides = part.split(separator: "=", omittingEmptySubsequences: false)
      guard sides.count == 2 else {
        throw .grammar(policy: text, expected: "fields of the form key=value with commas between", found: "\"\(part)\"")
      }
      fields.append((sides[0], sides[1]))
    }
    return fields
  }

  private static func dtype(_ field: Field, in text: String) throws(PolicyError) -> DType {
    let name = String(field.value)
    guard let dtype = PolicyDialect.mezzo.dtype(named: name) ?? PolicyDialect.jmp.dtype(named: name) else {
      throw .unknownDType(name: name)
    }
    return dtype
  }

  private static func twice(_ key: String, _ text: String) -> PolicyError {
    .grammar(policy: text, expected: "each key once", found: "\"\(key)\" twice")
  }
}
