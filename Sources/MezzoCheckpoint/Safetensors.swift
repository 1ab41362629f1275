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
  /// No sane header is longer; a length beyond it is not believed.
  private static let headerLimit = 100_000_000

  private struct Entry: Codable {
    var dtype: String
    var shape: [Int]
    var offsets: [Int]

    enum CodingKeys: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }
  }

  /// Writes all variables, in their stored dtypes. The file is whole or, where writing fails, as it was.
  public static func write(_ variables: Variables, to path: String) throws(CheckpointError) {
    var header: [String: Entry] = [:]
    var tensors: [Tensor] = []
    var offset = 0
    for name in variables.paths {
      guard let tensor = variables[name] else { continue }
      guard let dtype = names[tensor.dtype] else {
        throw .unsupportedDType(path: path, tensor: name, dtype: tensor.dtype.name)
      }
      header[name] = Entry(dtype: dtype, shape: tensor.shape, offsets: [offset, offset + tensor.byteCount])
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
        try AtomicFile.write([start] + pieces, to: path)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }

  /// All tensors of a file, in the order of their bytes. Nothing in it is believed before it is checked.
  public static func read(_ path: String) throws(CheckpointError) -> Variables {
    let bytes = try AtomicFile.read(path)
    return try parse(bytes, path: path)
  }

  static func parse(_ bytes: [UInt8], path: String) throws(CheckpointError) -> Variables {
    guard bytes.count >= 8 else { throw .truncated(path: path, expected: 8, found: bytes.count) }
    let length = bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= headerLimit else {
      throw .malformed(path: path, reason: "its header would be \(length) bytes long")
    }
    let start = 8 + Int(length)
    guard start <= bytes.count else { throw .truncated(path: path, expected: start, found: bytes.count) }
    let header = try header(Data(bytes[8..<start]), path)
    var variables = Variables()
    var end = 0
    // By their bytes: an empty tensor begins where its neighbour does, and ends before it.
    let ordered = header.sorted { left, right in
      left.value.offsets == right.value.offsets
        ? left.key < right.key : left.value.offsets.lexicographicallyPrecedes(right.value.offsets)
    }
    for (name, entry) in ordered {
      guard let dtype = dtypes[entry.dtype] else {
        throw .unsupportedDType(path: path, tensor: name, dtype: entry.dtype)
      }
      let type = TensorType(dtype, entry.shape)
      guard entry.offsets.count == 2, entry.offsets[0] == end, let size = type.checkedByteCount,
        entry.offsets[1] >= end, entry.offsets[1] - end == size
      else {
        throw .malformed(
          path: path, reason: "tensor \(name) of \(type) states the bytes \(entry.offsets), expected to begin at \(end)"
        )
      }
      end = entry.offsets[1]
      guard end <= bytes.count - start else {
        throw .truncated(path: path, expected: start + min(end, .max - start), found: bytes.count)
      }
      do throws(GraphError) {
        let slice = bytes[(start + entry.offsets[0])..<(start + end)]
        variables.set(name, try Tensor(bytes: slice, shape: entry.shape, dtype: dtype))
      } catch {
        throw .malformed(path: path, reason: "\(error)")
      }
    }
    guard start + end == bytes.count else {
      throw .malformed(path: path, reason: "\(bytes.count - start - end) bytes at its end belong to no tensor")
    }
    return variables
  }

  private static func header(_ text: Data, _ path: String) throws(CheckpointError) -> [String: Entry] {
    do {
      let decoded = try JSONDecoder().decode([String: Lenient].self, from: text)
      return try decoded.filter { $0.key != "__metadata__" }.mapValues { try $0.entry() }
    } catch {
      throw .malformed(path: path, reason: "its header cannot be read (\(error))")
    }
  }

  /// An entry, or the free-form metadata which may stand among them.
  private struct Lenient: Decodable {
    private let result: Result<Entry, any Error>

    init(from decoder: any Decoder) throws { result = Result { try Entry(from: decoder) } }

    func entry() throws -> Entry { try result.get() }
  }

  private static let names: [DType: String] = [
    .bool: "BOOL", .uint8: "U8", .int8: "I8", .float8E5M2: "F8_E5M2", .float8E4M3FN: "F8_E4M3", .int16: "I16",
    .uint16: "U16", .float16: "F16", .bfloat16: "BF16", .int32: "I32", .uint32: "U32", .float32: "F32",
    .float64: "F64", .int64: "I64", .uint64: "U64",
  ]

  private static let dtypes = Dictionary(uniqueKeysWithValues: names.map { ($0.value, $0.key) })
}
