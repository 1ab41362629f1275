import MezzoBackend
import MezzoGraph
public import MezzoLayers
import MezzoPolicy

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Tensors by name in a safetensors file (the format of huggingface/safetensors 0.4: a length, a JSON header, the bytes).
///
/// ```swift
/// try Safetensors.write(model.variables, to: "model.safetensors")
/// let weights = try Safetensors.read("model.safetensors")
/// ```
public enum Safetensors {
  private struct Entry: Encodable {
    var dtype: String
    var shape: [Int]
    var offsets: [Int]

    enum CodingKeys: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }
  }

  private enum Member: Encodable {
    case tensor(Entry)
    case metadata([String: String])

    func encode(to encoder: any Encoder) throws {
      switch self {
      case .tensor(let entry): try entry.encode(to: encoder)
      case .metadata(let texts): try texts.encode(to: encoder)
      }
    }
  }

  /// Writes all variables, in their stored dtypes. The file is whole or, where writing fails, as it was.
  /// - Parameter metadata: what else is said of them; ``SafetensorsFile/metadata`` reads it.
  public static func write(
    _ variables: Variables, to path: String, metadata: [String: String] = [:]
  ) throws(CheckpointError) {
    var header: [String: Member] = metadata.isEmpty ? [:] : [SafetensorsHeader.metadataName: .metadata(metadata)]
    var tensors: [Tensor] = []
    var offset = 0
    for name in variables.paths {
      guard let tensor = variables[name] else { continue }
      guard name != SafetensorsHeader.metadataName else {
        throw .unwritable(path: path, reason: "no tensor may have the name \(name), which is that of the metadata")
      }
      guard let dtype = SafetensorsDType.names[tensor.dtype] else {
        throw .unsupportedDType(path: path, tensor: name, dtype: tensor.dtype.name)
      }
      header[name] = .tensor(
        Entry(dtype: dtype, shape: tensor.shape, offsets: [offset, offset + tensor.byteCount]))
      offset += tensor.byteCount
      tensors.append(tensor)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard var text = (try? encoder.encode(header)).map(Array.init) else {
      throw .unwritable(path: path, reason: "the header cannot be encoded")
    }
    // The data begins at a multiple of 8, as readers that map the file expect.
    text += [UInt8](repeating: 0x20, count: (8 - text.count % 8) % 8)
    let length = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) }
    let front = length + text
    // Two copies of the weights in memory would be one too many: the parts are written where they lie.
    let pieces = tensors.map { UnsafeRawBufferPointer($0.storage.bytes) }
    defer { withExtendedLifetime(tensors) {} }
    let failure = front.withUnsafeBytes { start -> CheckpointError? in
      do throws(CheckpointError) {
        try CheckpointFile.write([start] + pieces, to: path)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
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
          variables.set(entry.name, try SafetensorsFile.tensor(entry, in: bytes, path: path))
        }
        return variables
      }
    }.get()
  }
}
