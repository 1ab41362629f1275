import MezzoBackend
import MezzoGraph
import MezzoPolicy

/// What was done to the bytes of a chunk before it was written.
enum HDF5Filter: UInt16, Sendable {
  case deflate = 1
  /// All first bytes of the elements, then all second ones, and so on.
  case shuffle = 2

  /// The filters of a message, in the order in which they were applied.
  static func pipeline(_ bytes: Range<Int>?, _ path: String, _ walk: HDF5Walk) throws(CheckpointError) -> [HDF5Filter] {
    guard let bytes else { return [] }
    var cursor = try walk.cursor(bytes)
    let version = try cursor.byte()
    guard version == 1 || version == 2 else {
      throw walk.unsupported("the filters of the dataset \(path) are of version \(version), expected 1 or 2")
    }
    let count = try cursor.byte()
    guard count <= 8 else { throw cursor.error("expected at most 8 filters, found \(count)") }
    if version == 1 { try cursor.skip(6) }
    var filters: [HDF5Filter] = []
    for _ in 0..<count {
      let identifier = UInt16(try cursor.number(2))
      let nameLength = version == 1 || identifier >= 256 ? try cursor.size(2) : 0
      try cursor.skip(2)
      let values = try cursor.size(2)
      try cursor.skip(version == 1 ? (nameLength + 7) / 8 * 8 : nameLength)
      try cursor.skip(4 * (version == 1 ? values + values % 2 : values))
      guard let filter = HDF5Filter(rawValue: identifier), !filters.contains(filter) else {
        throw walk.unsupported("the dataset \(path) has the filter \(identifier), expected deflate and shuffle alone")
      }
      filters.append(filter)
    }
    return filters
  }
}

/// A dataset that is cut into blocks of equal shape, each at a place of its own.
struct HDF5Chunks: Sendable {
  struct Chunk: Sendable {
    var bytes: Range<Int>
    /// Filters that were left out, a bit each.
    var skipped: UInt32
    /// Among all chunks of the dataset, in row-major order.
    var number: Int
  }

  let shape: [Int]
  let chunkShape: [Int]
  /// Chunks along each axis.
  let counts: [Int]
  private let width: Int
  let filters: [HDF5Filter]
  let path: String
  private var chunks: [Chunk] = []

  /// - Parameters:
  ///   - cursor: behind the class of a layout message.
  ///   - version: of the layout message.
  ///   - limits: what the dataset may grow to.
  init(
    _ cursor: inout ByteCursor, version: Int, _ filters: [HDF5Filter], _ type: TensorType,
    _ limits: [Int]?, _ byteCount: Int, _ path: String, _ walk: inout HDF5Walk
  ) throws(CheckpointError) {
    let flags = version > 3 ? try cursor.byte() : 0
    let rank = Int(try cursor.byte()) - 1
    var address = version > 3 ? nil : try walk.address(&cursor)
    shape = type.shape
    width = type.dtype.byteWidth ?? 0
    self.filters = filters
    self.path = path
    let extentSize = version > 3 ? Int(try cursor.byte()) : 4
    guard (1...8).contains(extentSize) else {
      throw cursor.error("expected extents of 1 to 8 bytes")
    }
    var extents: [Int] = []
    for _ in 0...max(rank, 0) { extents.append(try cursor.size(extentSize)) }
    guard rank == shape.count, rank > 0, extents.last == width, extents.allSatisfy({ $0 > 0 })
    else {
      throw walk.damaged(
        "the chunks of the dataset \(path) are \(extents), expected \(shape.count) axes of \(width) bytes")
    }
    chunkShape = Array(extents.dropLast())
    counts = Self.counts(of: shape, chunkShape)
    if byteCount == 0 { return }
    guard let size = chunkByteCount, let expected = expectedCount, expected <= walk.file.count
    else {
      throw walk.damaged("the dataset \(path) is cut into more chunks than there are bytes")
    }
    let index = version > 3 ? try HDF5ChunkIndex(&cursor, flags: flags, walk) : nil
    if version > 3 { address = try walk.address(&cursor) }
    guard let address else { throw walk.unsupported("the dataset \(path) was never written") }
    if let index {
      chunks = try index.chunks(of: self, size: size, at: address, limits, &walk)
    } else {
      try readTree(at: address, expected, &walk)
    }
    var isThere = [Bool](repeating: false, count: expected)
    for chunk in chunks { isThere[chunk.number] = true }
    guard chunks.count == expected, isThere.allSatisfy({ $0 }) else {
      throw walk.unsupported(
        "the dataset \(path) has \(chunks.count) of \(expected) chunks, expected all")
    }
    let stored = chunks.reduce(0) { $0 + $1.bytes.count }
    guard Deflate.isPossible(inflated: size, compressed: chunks.map(\.bytes.count).max() ?? 0),
      Deflate.isPossible(inflated: byteCount, compressed: min(stored, walk.file.count))
    else {
      throw walk.damaged("the dataset \(path) cannot become \(byteCount) bytes from \(stored)")
    }
  }

  private var chunkByteCount: Int? { TensorType(.uint8, chunkShape + [width]).checkedByteCount }

  /// How many chunks there have to be.
  private var expectedCount: Int? { TensorType(.uint8, counts).checkedCount }

  /// Chunks along each axis of a dataset of this shape.
  static func counts(of shape: [Int], _ chunkShape: [Int]) -> [Int] {
    zip(shape, chunkShape).map { $0 == 0 ? 0 : ($0 - 1) / $1 + 1 }
  }

  /// The chunk whose first element is at `origin`.
  func number(at origin: [Int], _ walk: HDF5Walk) throws(CheckpointError) -> Int {
    guard zip(origin, zip(shape, chunkShape)).allSatisfy({ $0 < $1.0 && $0 % $1.1 == 0 }) else {
      throw walk.damaged("a chunk of the dataset \(path) is at \(origin), expected one within it")
    }
    return zip(zip(origin, chunkShape), counts).reduce(0) { $0 * $1.1 + $1.0.0 / $1.0.1 }
  }

  /// The first element of a chunk.
  func origin(of number: Int) -> [Int] {
    var rest = number
    var origin = counts
    for axis in counts.indices.reversed() {
      origin[axis] = rest % counts[axis] * chunkShape[axis]
      rest /= counts[axis]
    }
    return origin
  }

  /// Walks through the tree of chunks.
  private mutating func readTree(at root: Int, _ expected: Int, _ walk: inout HDF5Walk)
    throws(CheckpointError)
  {
    var nodes = [root]
    while let address = nodes.popLast() {
      try walk.enter(address, "a node of chunks")
      var cursor = try walk.cursor(from: address)
      try cursor.expect("TREE")
      guard try cursor.byte() == 1 else { throw cursor.error("expected a node of chunks") }
      let level = try cursor.byte()
      let count = try cursor.size(2)
      try cursor.skip(2 * walk.layout.offsetSize)
      for _ in 0..<count {
        let length = try cursor.size(4)
        let skipped = UInt32(try cursor.number(4))
        var origin: [Int] = []
        for _ in shape { origin.append(try cursor.size(8)) }
        try cursor.skip(8)
        guard let child = try walk.address(&cursor) else { throw cursor.error("expected a chunk") }
        if level > 0 {
          nodes.append(child)
          continue
        }
        guard length <= walk.file.count - child else {
          throw cursor.error("expected a chunk within the file")
        }
        guard chunks.count < expected else {
          throw walk.damaged("the dataset \(path) has more chunks than places for them")
        }
        try walk.claim(max(length, 1))
        chunks.append(
          Chunk(bytes: child..<child + length, skipped: skipped, number: try number(at: origin, walk)))
      }
    }
  }

  func read(_ file: FileBytes, into output: UnsafeMutableRawBufferPointer) throws(CheckpointError) {
    guard !chunks.isEmpty else { return }
    guard let size = chunkByteCount, let first = TensorStorage.allocate(byteCount: size),
      let second = TensorStorage.allocate(byteCount: size)
    else { throw .damaged(path: file.path, .hdf5, reason: "there is no memory for a chunk of the dataset \(path)") }
    for chunk in chunks {
      let source = UnsafeRawBufferPointer(rebasing: file.bytes[chunk.bytes])
      func applies(_ filter: HDF5Filter) -> Bool {
        filters.firstIndex(of: filter).map { chunk.skipped & 1 << UInt32($0) == 0 } ?? false
      }
      if applies(.deflate) {
        if let reason = Deflate.inflate(source, .zlib, into: first.bytes) {
          throw .damaged(path: file.path, .hdf5, reason: "a chunk of the dataset \(path): \(reason)")
        }
      } else {
        guard source.count == size else {
          throw .damaged(
            path: file.path, .hdf5,
            reason: "a chunk of the dataset \(path) has \(source.count) bytes, expected \(size)")
        }
        first.bytes.copyMemory(from: source)
      }
      if applies(.shuffle) {
        let count = size / width
        for byte in 0..<width {
          for element in 0..<count { second.bytes[element * width + byte] = first.bytes[byte * count + element] }
        }
        place(chunk, UnsafeRawBufferPointer(second.bytes), in: output)
      } else {
        place(chunk, UnsafeRawBufferPointer(first.bytes), in: output)
      }
    }
  }

  /// Copies the rows of a chunk that lie within the dataset.
  private func place(
    _ chunk: Chunk, _ bytes: UnsafeRawBufferPointer, in output: UnsafeMutableRawBufferPointer
  ) {
    let last = shape.count - 1
    let strides = rowMajorStrides(shape)
    let chunkStrides = rowMajorStrides(chunkShape)
    let origin = origin(of: chunk.number)
    let extents = zip(origin, zip(shape, chunkShape)).map { min($1.1, $1.0 - $0) }
    let row = extents[last] * width
    let start = zip(origin, strides).reduce(0) { $0 + $1.0 * $1.1 }
    var index = [Int](repeating: 0, count: last)
    while true {
      let source = zip(index, chunkStrides).reduce(0) { $0 + $1.0 * $1.1 } * width
      let target = (start + zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 }) * width
      UnsafeMutableRawBufferPointer(rebasing: output[target..<target + row])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[source..<source + row]))
      var axis = last - 1
      while axis >= 0 {
        index[axis] += 1
        if index[axis] < extents[axis] { break }
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}
