import MezzoBackend
import MezzoGraph
import MezzoPolicy

/// A dataset: what its elements are, and where they lie.
struct HDF5Dataset: Sendable {
  enum Place: Sendable {
    /// In one piece.
    case contiguous(Range<Int>)
    case chunked(HDF5Chunks)
  }

  let type: TensorType
  let isBigEndian: Bool
  let place: Place

  /// The dataset of an object header; `nil` where that is a group.
  init?(_ header: HDF5ObjectHeader, path: String, _ walk: inout HDF5Walk) throws(CheckpointError) {
    guard let layout = header.message(.layout) else { return nil }
    guard let datatype = header.message(.datatype), let dataspace = header.message(.dataspace) else {
      throw walk.damaged("the dataset \(path) has no datatype or no dataspace")
    }
    guard header.message(.externalFiles) == nil else {
      throw walk.unsupported("the elements of the dataset \(path) are in other files")
    }
    let (dtype, isBigEndian) = try Self.dtype(datatype, path, walk)
    let (shape, limits) = try Self.shape(dataspace, path, walk)
    type = TensorType(dtype, shape)
    self.isBigEndian = isBigEndian
    guard let byteCount = type.checkedByteCount else {
      throw walk.damaged("the dataset \(path) states \(type), which is too large")
    }
    place = try Self.place(layout, header.message(.filters), type, limits, byteCount, path, &walk)
  }

  /// - Returns: the extents, and those that it may grow to, if it may.
  private static func shape(
    _ bytes: Range<Int>, _ path: String, _ walk: HDF5Walk
  ) throws(CheckpointError) -> (shape: [Int], limits: [Int]?) {
    var cursor = try walk.cursor(bytes)
    let version = try cursor.byte()
    guard version == 1 || version == 2 else {
      throw walk.unsupported("the dataspace of the dataset \(path) is of version \(version), expected 1 or 2")
    }
    let rank = Int(try cursor.byte())
    let hasLimits = try cursor.byte() & 1 != 0
    let kind = try cursor.byte()
    if version == 1 { try cursor.skip(4) }
    guard version == 1 || kind != 2 else { throw walk.unsupported("the dataset \(path) has no elements at all") }
    guard rank <= 32 else { throw cursor.error("expected at most 32 axes, found \(rank)") }
    var shape: [Int] = []
    for _ in 0..<rank { shape.append(try walk.length(&cursor)) }
    guard hasLimits else { return (shape, nil) }
    var limits: [Int] = []
    for _ in 0..<rank { limits.append(Int(clamping: try cursor.number(walk.layout.lengthSize))) }
    return (shape, limits)
  }

  private static func dtype(
    _ bytes: Range<Int>, _ path: String, _ walk: HDF5Walk
  ) throws(CheckpointError) -> (DType, isBigEndian: Bool) {
    var cursor = try walk.cursor(bytes)
    let kind = try cursor.byte() & 0x0F
    let flags = try cursor.number(3)
    let size = try cursor.size(4)
    let isBigEndian = kind <= 1 && flags & 1 != 0
    switch kind {
    case 0:
      let dtypes: [Int: (signed: DType, unsigned: DType)] = [
        1: (.int8, .uint8), 2: (.int16, .uint16), 4: (.int32, .uint32), 8: (.int64, .uint64),
      ]
      let (place, precision) = try (cursor.size(2), cursor.size(2))
      if let pair = dtypes[size], place == 0, precision == 8 * size {
        return (flags & 8 != 0 ? pair.signed : pair.unsigned, isBigEndian)
      }
    case 1:
      let (place, precision) = try (cursor.size(2), cursor.size(2))
      let (exponentPlace, exponent, fractionPlace, fraction) = try (
        cursor.byte(), cursor.byte(), cursor.byte(), cursor.byte()
      )
      guard place == 0, precision == 8 * size, fractionPlace == 0, exponentPlace == fraction, flags & 0x40 == 0 else {
        break
      }
      switch (size, exponent, fraction) {
      case (2, 5, 10): return (.float16, isBigEndian)
      case (2, 8, 7): return (.bfloat16, isBigEndian)
      case (4, 8, 23): return (.float32, isBigEndian)
      case (8, 11, 52): return (.float64, isBigEndian)
      default: break
      }
    // Keras saves bfloat16 as opaque pairs of bytes, and nothing else so.
    case 5 where size == 2: return (.bfloat16, false)
    // Truth values are an enumeration of bytes.
    case 8 where size == 1: return (.bool, false)
    default: break
    }
    throw walk.unsupported(
      "the elements of the dataset \(path) are of class \(kind) and \(size) bytes, expected integers, floats or bool")
  }

  private static func place(
    _ bytes: Range<Int>, _ filters: Range<Int>?, _ type: TensorType, _ limits: [Int]?,
    _ byteCount: Int, _ path: String, _ walk: inout HDF5Walk
  ) throws(CheckpointError) -> Place {
    var cursor = try walk.cursor(bytes)
    let version = try cursor.byte()
    guard (3...5).contains(version) else {
      throw walk.unsupported("the layout of the dataset \(path) is of version \(version), expected 3 to 5")
    }
    let kind = try cursor.byte()
    switch kind {
    case 0:
      let size = try cursor.size(2)
      let start = cursor.place
      try cursor.skip(size)
      guard size == byteCount else {
        throw walk.damaged("the dataset \(path) of \(type) has \(size) bytes, expected \(byteCount)")
      }
      return .contiguous(start..<start + size)
    case 1:
      let address = try walk.address(&cursor)
      let size = try walk.length(&cursor)
      if byteCount == 0 { return .contiguous(0..<0) }
      guard let address else { throw walk.unsupported("the dataset \(path) was never written") }
      guard size == byteCount, size <= walk.file.count - address else {
        throw walk.damaged(
          "the dataset \(path) of \(type) is said to have \(size) bytes at \(address), expected \(byteCount) in the file"
        )
      }
      try walk.claim(size)
      return .contiguous(address..<address + size)
    case 2:
      return .chunked(
        try HDF5Chunks(
          &cursor, version: Int(version), HDF5Filter.pipeline(filters, path, walk), type, limits,
          byteCount, path, &walk))
    default:
      throw walk.unsupported(
        "the dataset \(path) has a layout of class \(kind), expected elements in this file")
    }
  }

  /// The elements: where they are in the file, if they lie there as a tensor's do, else copied.
  func tensor(in file: FileBytes) throws(CheckpointError) -> Tensor {
    if case .contiguous(let range) = place, !isBigEndian, range.count == type.checkedByteCount,
      let storage = file.storage(UnsafeRawBufferPointer(rebasing: file.bytes[range]), of: type),
      let tensor = try? Tensor(type, storage: storage)
    {
      return tensor
    }
    guard let byteCount = type.checkedByteCount, let storage = TensorStorage.allocate(byteCount: byteCount) else {
      throw .damaged(path: file.path, .hdf5, reason: "there is no memory for a dataset of \(type)")
    }
    switch place {
    case .contiguous(let range):
      storage.bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: file.bytes[range]))
    case .chunked(let chunks):
      try chunks.read(file, into: storage.bytes)
    }
    if isBigEndian { ElementOrder.swap(storage.bytes, type.dtype) }
    do {
      return try Tensor(type, storage: storage)
    } catch {
      throw .damaged(path: file.path, .hdf5, reason: "\(error)")
    }
  }
}
