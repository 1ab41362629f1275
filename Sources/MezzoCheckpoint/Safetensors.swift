import MezzoBackend
import MezzoGraph
public import MezzoLayers
import MezzoPolicy

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Tensors by name in a safetensors file (the format of huggingface/safetensors: a length, a JSON header, the bytes), or in
/// several with an index.
///
/// ```swift
/// try Safetensors.write(model.variables, to: "model.safetensors")
/// let weights = try Safetensors.read("model.safetensors")
/// ```
public enum Safetensors {
  private enum Member: Encodable {
    case tensor(dtype: String, shape: [Int], offsets: [Int])
    case metadata([String: String])

    private enum Key: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }

    func encode(to encoder: any Encoder) throws {
      switch self {
      case .metadata(let metadata): try metadata.encode(to: encoder)
      case .tensor(let dtype, let shape, let offsets):
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(dtype, forKey: .dtype)
        try container.encode(shape, forKey: .shape)
        try container.encode(offsets, forKey: .offsets)
      }
    }
  }

  /// Writes all variables, in their stored dtypes. The file is whole or, where writing fails, as it was.
  ///
  /// - Parameter metadata: what is said besides, in the file's `__metadata__`.
  /// - Throws: ``CheckpointError/unsupportedDType(path:tensor:dtype:)`` for what the format has no name for, such as
  ///   int4, and where the file cannot be written.
  public static func write(
    _ variables: Variables, to path: String, metadata: [String: String] = [:]
  ) throws(CheckpointError) {
    var header: [String: Member] = metadata.isEmpty ? [:] : [SafetensorsHeader.metadataName: .metadata(metadata)]
    var offset = 0
    let named = try aligned(variables, path)
    for (name, tensor) in named {
      guard let dtype = SafetensorsDType.names[tensor.dtype] else {
        throw .unsupportedDType(path: path, tensor: name, dtype: tensor.dtype.name)
      }
      header[name] = .tensor(dtype: dtype, shape: tensor.shape, offsets: [offset, offset + tensor.byteCount])
      offset += tensor.byteCount
    }
    guard var text = encoded(header) else { throw .unwritable(path: path, reason: "the header cannot be encoded") }
    // The data begins at a multiple of a cache line, so that readers that map the file find it aligned.
    text += [UInt8](repeating: 0x20, count: (64 - (8 + text.count) % 64) % 64)
    let length = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) }
    let front = TensorStorage(copying: length + text)
    // Two copies of the weights in memory would be one too many: the parts are written where they lie.
    let pieces = [UnsafeRawBufferPointer(front.bytes)] + named.map { UnsafeRawBufferPointer($0.1.storage.bytes) }
    defer { withExtendedLifetime((front, named)) {} }
    try CheckpointFile.write(pieces, to: path)
  }

  /// In their order; with wide elements first where one would else lie at no multiple of its width, since others read
  /// them where they lie.
  private static func aligned(_ variables: Variables, _ path: String) throws(CheckpointError) -> [(String, Tensor)] {
    let named = variables.paths.compactMap { name in variables[name].map { (name, $0) } }
    if let taken = named.first(where: { $0.0 == SafetensorsHeader.metadataName }) {
      throw .unwritable(path: path, reason: "a tensor is named \(taken.0), which the format keeps for itself")
    }
    func alignment(_ tensor: Tensor) -> Int { min(tensor.dtype.byteWidth ?? 1, 8) }
    var offset = 0
    let isAligned = named.allSatisfy { _, tensor in
      defer { offset += tensor.byteCount }
      return tensor.byteCount == 0 || offset % alignment(tensor) == 0
    }
    if isAligned { return named }
    return named.enumerated().sorted { left, right in
      let (a, b) = (alignment(left.element.1), alignment(right.element.1))
      return a == b ? left.offset < right.offset : a > b
    }.map(\.element)
  }

  static func encoded(_ value: some Encodable) -> [UInt8]? {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(value)).map(Array.init)
  }

  /// All tensors of a file, in the order of their bytes. ``SafetensorsFile`` reads them one by one.
  public static func read(_ path: String) throws(CheckpointError) -> Variables {
    try SafetensorsFile(path).variables()
  }

  static func parse(_ bytes: [UInt8], path: String) throws(CheckpointError) -> Variables {
    try bytes.withUnsafeBytes { bytes in
      Result { () throws(CheckpointError) in
        var variables = Variables()
        for entry in try SafetensorsHeader(bytes, path: path).entries {
          let storage = TensorStorage.allocate(copying: UnsafeRawBufferPointer(rebasing: bytes[entry.bytes]))
          variables.set(entry.name, try SafetensorsFile.tensor(entry, storage, path: path))
        }
        return variables
      }
    }.get()
  }
}
