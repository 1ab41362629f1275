/// What a policy, a dtype name or the global state refuses.
public enum PolicyError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The name is none of a policy's.
  case unknownPolicy(name: String)
  /// The name is one of the `…_float32_vars` policies, which TensorFlow removed in 2.4. `suggestion` names what took
  /// its place, if anything did.
  case removedPolicy(name: String, suggestion: String?)
  /// The name is no dtype's.
  case unknownDType(name: String)
  /// The policy cannot be the default of new layers, because it does not compute in floating point.
  case nonFloatingGlobalPolicy(name: String)
  /// With TensorFlow 1's dtype behaviour there is no global policy to set.
  case globalPolicyNeedsV2Behavior
  /// The name is not one that `floatx` may have.
  case unknownFloatx(name: String)
  /// The text of a policy that says more is not of the form that such texts have.
  case grammar(policy: String, expected: String, found: String)
  /// Part of a policy that says more cannot be what it was said to be.
  case refinement(field: String, expected: String, found: String)
  /// The name begins like that of a quantised policy, and is not of the form `MODE_from_SOURCE`.
  case quantizedName(String)
  /// The mode of a quantised policy is none that there is.
  case quantization(mode: String, expected: String)
  /// Weights of this mode cannot be quantised under this policy.
  case quantizedSource(mode: String, source: String)
  /// An entry of a map that cannot be one.
  case mapEntry(key: String, expected: String)
  /// What an entry of a map has for a policy is none.
  indirect case mapPolicy(key: String, error: PolicyError)
  /// A map has no entry with this key.
  case missingMapEntry(key: String)
  /// More than one pattern of a map matches the path of a layer.
  case ambiguousPath(path: String, keys: [String])
  /// A configuration is not one of a policy. `place` says where in it, as `config.name`.
  case configuration(place: String, expected: String, found: String)
  /// What should be a serialised policy is not of such a form.
  case serialization(expected: String, found: String)
  /// What was given for the dtype of a layer names no policy.
  case unknownIdentifier(String)
  /// What should be a serialised policy is of a class that is none of a policy's.
  case unknownClass(name: String, known: [String])
  /// A policy file of a schema that is not known yet.
  case schemaVersion(found: Int, readable: Int)
  /// A text is no JSON from this place on; lines and columns begin with 1, and columns count bytes.
  case json(line: Int, column: Int, expected: String, found: String)
  /// What is wrong with the file at `path`.
  indirect case file(path: String, error: PolicyError)

  public var description: String {
    switch self {
    case .unknownPolicy(let name):
      """
      Cannot convert "\(name)" to a dtype policy. Use "mixed_float16", "mixed_bfloat16", "_infer" or the name of a \
      dtype such as "float32", in lower case and without spaces.
      """
    case .removedPolicy(let name, let suggestion):
      """
      Policies whose name ends in "_float32_vars" have been removed. \
      Use \(suggestion ?? "a mixed policy or the name of a dtype") instead. Got policy name "\(name)".
      """
    case .unknownDType(let name):
      """
      "\(name)" is not the name of a dtype. Use one such as "float32", "bfloat16" or "int32", in lower case and \
      without spaces.
      """
    case .nonFloatingGlobalPolicy(let name):
      """
      The global policy must be a floating-point policy such as "float32" or "mixed_float16", but got "\(name)". \
      Give this policy to the layers that need it.
      """
    case .globalPolicyNeedsV2Behavior:
      """
      The global policy can only be set while dtypes behave as in TensorFlow 2. Call enableV2DTypeBehavior() first, or \
      give the policy to the layers that need it.
      """
    case .unknownFloatx(let name):
      """
      "\(name)" cannot be floatx. Use "float16", "float32" or "float64"; for bfloat16 set the global policy instead.
      """
    case .grammar(let policy, let expected, let found):
      "Cannot read the policy \"\(policy)\": expected \(expected), found \(found)."
    case .refinement(let field, let expected, let found):
      "A policy cannot have \(field)=\(found): expected \(expected)."
    case .quantizedName(let name):
      """
      Cannot convert "\(name)" to a quantised policy: expected MODE_from_SOURCE such as "int8_from_mixed_bfloat16".
      """
    case .quantization(let mode, let expected):
      "Cannot quantise with the mode \"\(mode)\": expected \(expected)."
    case .quantizedSource(let mode, let source):
      """
      The mode "\(mode)" does not go with the policy "\(source)". Use a plain policy such as "mixed_bfloat16", and for \
      int8 one that does not compute in float16.
      """
    case .mapEntry(let key, let expected):
      "A policy map cannot have the entry \"\(key)\": expected \(expected)."
    case .mapPolicy(let key, let error):
      "The entry \"\(key)\" of the policy map has no policy. \(error)"
    case .missingMapEntry(let key):
      "The policy map has no entry \"\(key)\". Remove one of the keys that it has."
    case .ambiguousPath(let path, let keys):
      """
      The layer "\(path)" matches \(keys.map { "\"\($0)\"" }.joined(separator: " and ")) of the policy map. Make the \
      patterns exclude each other, or add an entry for the path itself.
      """
    case .configuration(let place, let expected, let found):
      "\(place.isEmpty ? "The configuration" : place) is no dtype policy: expected \(expected), found \(found)."
    case .serialization(let expected, let found):
      "Cannot read a policy: expected \(expected), found \(found)."
    case .unknownIdentifier(let text):
      """
      Cannot interpret \(text) as the dtype of a layer. Use a policy, its configuration, or a name such as "float32".
      """
    case .unknownClass(let name, let known):
      "The class \"\(name)\" is none of a dtype policy. Use one of \(known.joined(separator: ", "))."
    case .schemaVersion(let found, let readable):
      """
      The policy file is of schema version \(found); this Mezzo reads version \(readable). Update Mezzo, or write the \
      file again with this one.
      """
    case .json(let line, let column, let expected, let found):
      "The text is no JSON at line \(line), column \(column): expected \(expected), found \(found)."
    case .file(let path, let error):
      "\(path): \(error)"
    }
  }
}
