/// What is wrong with a file of weights or a model's configuration.
public enum CheckpointError: Error, Equatable, Sendable, CustomStringConvertible {
  case unreadable(path: String, reason: String)
  case unwritable(path: String, reason: String)
  case truncated(path: String, expected: Int, found: Int)
  case malformed(path: String, reason: String)
  case malformedConfiguration(path: String, reason: String)
  case unsupportedDType(path: String, tensor: String, dtype: String)
  case missingTensor(path: String, tensor: String)
  case malformedIndex(path: String, reason: String)
  case malformedCase(path: String, reason: String)

  public var description: String {
    switch self {
    case .unreadable(let path, let reason): "cannot read \(path): \(reason)"
    case .unwritable(let path, let reason): "cannot write \(path): \(reason); what was there before is untouched"
    case .truncated(let path, let expected, let found):
      "\(path) is truncated: it needs \(expected) bytes and has \(found)"
    case .malformed(let path, let reason): "\(path) is not a safetensors file: \(reason)"
    case .malformedConfiguration(let path, let reason): "\(path) is not a model configuration of Mezzo: \(reason)"
    case .unsupportedDType(let path, let tensor, let dtype):
      "\(path): tensor \(tensor) has the dtype \(dtype), which safetensors files of Mezzo do not have"
    case .missingTensor(let path, let tensor): "\(path) has no tensor \(tensor)"
    case .malformedCase(let path, let reason): "\(path) is not a captured operation: \(reason)"
    case .malformedIndex(let path, let reason): "\(path) is not an index of safetensors files: \(reason)"
    }
  }
}
