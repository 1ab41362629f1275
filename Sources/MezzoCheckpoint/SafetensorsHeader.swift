import MezzoBackend
import MezzoPolicy

/// What the front of a safetensors file says: the tensors, and where their bytes lie. Nothing is believed before it is
/// checked against the size of the file.
struct SafetensorsHeader: Sendable {
  struct Entry: Sendable {
    var name: String
    var type: TensorType
    /// From the beginning of the file.
    var bytes: Range<Int>
  }

  /// In the order of their bytes.
  private(set) var entries: [Entry] = []
  private(set) var metadata: [String: String] = [:]

  /// The limit of huggingface/safetensors; a length beyond it is not believed.
  private static let sizeLimit = 100_000_000

  /// The member of the header that is no tensor.
  static let metadataName = "__metadata__"

  /// - Parameter bytes: the whole file.
  init(_ bytes: UnsafeRawBufferPointer, path: String) throws(CheckpointError) {
    guard bytes.count >= 8 else { throw .truncated(path: path, expected: 8, found: bytes.count) }
    let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    guard length <= Self.sizeLimit else {
      throw .malformed(path: path, reason: "its header would be \(length) bytes long")
    }
    let start = 8 + Int(length)
    guard start <= bytes.count else { throw .truncated(path: path, expected: start, found: bytes.count) }
    guard bytes.count > 8, bytes[8] == UInt8(ascii: "{") else {
      throw .malformed(path: path, reason: "its header begins with something else than {")
    }
    let members: [JSONValue.Member]
    do {
      let text = try JSONReader.parse(UnsafeRawBufferPointer(rebasing: bytes[8..<start]))
      guard case .object(let object) = text else {
        throw JSONError(offset: 0, reason: "expected an object, found \(text.kind)")
      }
      members = object
    } catch {
      throw .malformed(path: path, reason: "its header cannot be read (\(error))")
    }
    for member in members {
      if member.name == Self.metadataName {
        metadata = try Self.metadata(member.value, path)
      } else {
        entries.append(try Self.entry(member, start: start, path))
      }
    }
    try arrange(start: start, size: bytes.count, path)
  }

  /// Puts the entries in the order of their bytes, which have to fill the file without gap and overlap.
  private mutating func arrange(start: Int, size: Int, _ path: String) throws(CheckpointError) {
    // An empty tensor begins where its neighbour does, and ends before it.
    entries.sort { left, right in
      left.bytes == right.bytes
        ? left.name < right.name
        : (left.bytes.lowerBound, left.bytes.upperBound) < (right.bytes.lowerBound, right.bytes.upperBound)
    }
    var end = start
    for entry in entries {
      guard entry.bytes.lowerBound == end else {
        throw .malformed(
          path: path,
          reason:
            "the bytes of tensor \(entry.name) begin at \(entry.bytes.lowerBound - start), expected \(end - start)")
      }
      end = entry.bytes.upperBound
      guard end <= size else { throw .truncated(path: path, expected: end, found: size) }
    }
    guard end == size else {
      throw .malformed(path: path, reason: "\(size - end) bytes at its end belong to no tensor")
    }
  }

  private static func entry(
    _ member: JSONValue.Member, start: Int, _ path: String
  ) throws(CheckpointError) -> Entry {
    let (name, value) = (member.name, member.value)
    guard let dtypeName = value["dtype"]?.string, let shape = value["shape"]?.array,
      let offsets = value["data_offsets"]?.array, value.object?.count == 3
    else {
      throw .malformed(
        path: path, reason: "tensor \(name) states \(value.kind), expected dtype, shape and data_offsets, and no more")
    }
    guard let dtype = SafetensorsDType.dtypes[dtypeName] else {
      throw .unsupportedDType(path: path, tensor: name, dtype: dtypeName)
    }
    let type = TensorType(dtype, shape.map { $0.integer ?? -1 })
    let limits = offsets.map { $0.integer ?? -1 }
    guard let size = type.checkedByteCount, limits.count == 2, limits[0] >= 0, limits[1] >= limits[0],
      limits[1] - limits[0] == size, limits[1] <= .max - start
    else {
      throw .malformed(path: path, reason: "tensor \(name) of \(type) states the bytes \(limits)")
    }
    return Entry(name: name, type: type, bytes: start + limits[0]..<start + limits[1])
  }

  private static func metadata(_ value: JSONValue, _ path: String) throws(CheckpointError) -> [String: String] {
    guard let members = value.object else {
      throw .malformed(path: path, reason: "its __metadata__ is \(value.kind), expected an object of strings")
    }
    var metadata: [String: String] = [:]
    for member in members {
      guard let text = member.value.string else {
        throw .malformed(
          path: path, reason: "its __metadata__ \(member.name) is \(member.value.kind), expected a string")
      }
      metadata[member.name] = text
    }
    return metadata
  }
}

/// The names of dtypes in safetensors files.
enum SafetensorsDType {
  static let names: [DType: String] = [
    .bool: "BOOL", .uint8: "U8", .int8: "I8", .float8E5M2: "F8_E5M2", .float8E4M3FN: "F8_E4M3", .int16: "I16",
    .uint16: "U16", .float16: "F16", .bfloat16: "BF16", .int32: "I32", .uint32: "U32", .float32: "F32",
    .float64: "F64", .int64: "I64", .uint64: "U64", .complex64: "C64",
  ]

  static let dtypes = Dictionary(uniqueKeysWithValues: names.map { ($0.value, $0.key) })
}
