public import MezzoPolicy

/// An array read from an IDX file, the format of MNIST and its relatives.
///
/// Format: two zero bytes, a type code, the number of dimensions, each dimension as a big-endian 32-bit number, then the
/// elements in row-major order, big-endian (Y. LeCun, C. Cortes and C. Burges, *The MNIST database of handwritten digits*).
public struct IDXFile: Sendable, Equatable {
  /// The largest plain file read unless told otherwise, in bytes: 1 GiB, about twice what EMNIST's largest set takes.
  public static let defaultByteLimit = 1 << 30

  /// What errors call the file: its path, or the name given for bytes in memory.
  public let name: String
  /// The extents, outermost first: `[60000, 28, 28]` for MNIST's training images. Empty for a single element.
  public let shape: [Int]
  /// One of uint8, int8, int16, int32, float32, float64.
  public let dtype: DType
  /// The elements in row-major order, in the byte order of this machine.
  public let bytes: [UInt8]

  /// Reads a file, plain or gzip. Which of the two is told by its first bytes, not by its name.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - byteLimit: the largest file accepted, both as stored and inflated, in bytes.
  /// - Throws: `DataError` when the file is missing, unreadable, damaged, or larger than `byteLimit`.
  public init(contentsOf path: String, byteLimit: Int = defaultByteLimit) throws(DataError) {
    try self.init(try readFile(path, limit: byteLimit), name: path, byteLimit: byteLimit)
  }

  /// Reads a file that is in memory already, plain or gzip.
  ///
  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - name: what errors call it.
  ///   - byteLimit: the largest plain file accepted, in bytes.
  /// - Throws: `DataError` when the bytes are damaged or declare more than `byteLimit`.
  public init(_ bytes: [UInt8], name: String, byteLimit: Int = defaultByteLimit) throws(DataError) {
    if GzipReader.recognizes(bytes) {
      try self.init(reading: try GzipReader(bytes, name: name), name: name, byteLimit: byteLimit)
    } else {
      try self.init(reading: PlainReader(bytes), name: name, byteLimit: byteLimit)
    }
  }

  private init(reading source: some ByteReader, name: String, byteLimit: Int) throws(DataError) {
    var reader = source
    let header = try IDXHeader(from: &reader, name: name, byteLimit: byteLimit)
    let content = try reader.read(upTo: header.contentCount)
    guard content.count == header.contentCount else {
      throw .truncated(path: name, expected: header.fileCount, got: header.headerCount + content.count)
    }
    // Asking for one byte more also makes a gzip reader go past the checksum.
    guard try reader.read(upTo: 1).isEmpty else { throw .trailingBytes(path: name, expected: header.fileCount) }
    self.name = name
    shape = header.shape
    dtype = header.element.dtype
    bytes = hostOrder(content, width: header.element.byteWidth)
  }
}

/// Turns big-endian elements into this machine's byte order.
private func hostOrder(_ content: [UInt8], width: Int) -> [UInt8] {
  if width == 1 || Int(bigEndian: 1) == 1 { return content }
  var swapped = content
  for start in stride(from: 0, to: swapped.count, by: width) {
    swapped[start..<start + width].reverse()
  }
  return swapped
}
