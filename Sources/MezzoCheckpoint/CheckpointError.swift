public import MezzoPolicy

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
  /// The file is not what its format asks for.
  case damaged(path: String, FileFormat, reason: String)
  /// The file may be right, but has what is not read here.
  case unsupported(path: String, FileFormat, reason: String)
  /// A part of a file would need more memory than is allowed.
  case tooLarge(path: String, part: String, byteCount: Int, limit: Int)
  /// Finite values that a dtype cannot hold, with how many there are of them in each tensor.
  case overflow(dtype: DType, tensors: [String: Int])
  /// What of a model does not fit, layer by layer.
  case mismatch(path: String, problems: [String])
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
      "\(path): tensor \(tensor) has the dtype \(dtype), which files of this kind do not have; cast it first"
    case .missingTensor(let path, let tensor): "\(path) has no tensor \(tensor)"
    case .malformedCase(let path, let reason): "\(path) is not a captured operation: \(reason)"
    case .malformedIndex(let path, let reason): "\(path) is not an index of safetensors files: \(reason)"
    case .damaged(let path, let format, let reason): "\(path) is not a whole \(format.rawValue): \(reason)"
    case .unsupported(let path, let format, let reason):
      "\(path) is a \(format.rawValue) with what Mezzo does not read: \(reason)"
    case .tooLarge(let path, let part, let byteCount, let limit):
      "\(path): \(part) would take \(byteCount) bytes, expected at most \(limit)"
    case .overflow(let dtype, let tensors):
      "finite values are beyond \(dtype): "
        + tensors.sorted { $0.key < $1.key }.map { "\($1) in \($0)" }.joined(separator: ", ")
        + "; save in a dtype of more range, such as bfloat16 or float32"
    case .mismatch(let path, let problems):
      "\(path) does not fit:" + problems.map { "\n  \($0)" }.joined()
    }
  }
}

/// The kinds of files that are read besides safetensors, as error messages name them.
public enum FileFormat: String, Sendable, Hashable {
  case zip = "zip archive"
  case npy = "NumPy array (.npy)"
  case hdf5 = "HDF5 file"
  case keras = "Keras model"
}
