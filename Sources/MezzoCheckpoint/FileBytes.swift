import MezzoBackend
import MezzoFiles
import MezzoGraph

/// The bytes of a file or of a part of one, and what keeps them where they are.
///
/// Sound to share: whoever owns the bytes never writes them again, and lives as long as this value.
struct FileBytes: @unchecked Sendable {
  /// What errors call it.
  let path: String
  let bytes: UnsafeRawBufferPointer
  private let owner: any AnyObject & Sendable

  /// A file, mapped.
  init(file path: String) throws(CheckpointError) {
    let file = try CheckpointFile.map(path)
    self.init(path: path, bytes: file.bytes, owner: file)
  }

  /// Bytes in memory.
  init(_ storage: TensorStorage, path: String) {
    self.init(path: path, bytes: UnsafeRawBufferPointer(storage.bytes), owner: storage)
  }

  /// A copy of `bytes`.
  init(copying bytes: [UInt8], path: String) { self.init(TensorStorage(copying: bytes), path: path) }

  private init(path: String, bytes: UnsafeRawBufferPointer, owner: any AnyObject & Sendable) {
    self.path = path
    self.bytes = bytes
    self.owner = owner
  }

  var count: Int { bytes.count }

  /// A part under a name of its own; `range` must lie within.
  func part(_ range: Range<Int>, path: String) -> FileBytes {
    FileBytes(path: path, bytes: UnsafeRawBufferPointer(rebasing: bytes[range]), owner: owner)
  }

  /// - Throws: `CheckpointError.truncated` where a mapped file has become shorter meanwhile.
  func requireWhole() throws(CheckpointError) {
    if let file = owner as? MappedFile { try CheckpointFile.requireWhole(file) }
  }
}

extension FileBytes {
  /// The bytes of a tensor: where they are in a file, else copied; `nil` where there is no memory.
  ///
  /// - Parameter part: of ``bytes``.
  func storage(_ part: UnsafeRawBufferPointer, of type: TensorType) -> TensorStorage? {
    if let file = owner as? MappedFile { file.storage(part, of: type) } else { TensorStorage.allocate(copying: part) }
  }
}

extension TensorStorage {
  static func allocate(copying bytes: UnsafeRawBufferPointer) -> TensorStorage? {
    let storage = allocate(byteCount: bytes.count)
    storage?.bytes.copyMemory(from: bytes)
    return storage
  }

  /// Bytes that stay where they are as long as this object lives.
  convenience init(copying bytes: [UInt8]) {
    self.init(byteCount: bytes.count)
    self.bytes.copyBytes(from: bytes)
  }
}

/// Reads numbers, least significant byte first, from a place on; nothing is read beyond the end.
struct ByteCursor {
  let bytes: UnsafeRawBufferPointer
  private(set) var place: Int
  /// What a read beyond the end throws.
  private let failure: (String) -> CheckpointError

  /// - Parameter range: what may be read; beyond `bytes` it is an error.
  init(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ failure: @escaping (String) -> CheckpointError
  ) throws(CheckpointError) {
    guard range.lowerBound >= 0, range.upperBound <= bytes.count else {
      throw failure(
        "it has \(bytes.count) bytes, and something is said to be at \(range.lowerBound)..<\(range.upperBound)")
    }
    self.bytes = UnsafeRawBufferPointer(rebasing: bytes[..<range.upperBound])
    place = range.lowerBound
    self.failure = failure
  }

  var left: Int { bytes.count - place }

  func error(_ reason: String) -> CheckpointError { failure("\(reason), at byte \(place)") }

  mutating func take(_ count: Int) throws(CheckpointError) -> UnsafeRawBufferPointer {
    guard count >= 0, count <= left else { throw error("expected \(count) more bytes, found \(left)") }
    defer { place += count }
    return UnsafeRawBufferPointer(rebasing: bytes[place..<place + count])
  }

  mutating func skip(_ count: Int) throws(CheckpointError) { _ = try take(count) }

  /// An unsigned number of up to 8 bytes.
  mutating func number(_ width: Int) throws(CheckpointError) -> UInt64 {
    try take(width).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// A number that counts or places something: beyond `Int` it is an error.
  mutating func size(_ width: Int) throws(CheckpointError) -> Int {
    let value = try number(width)
    guard let size = Int(exactly: value) else { throw error("expected a number that fits, found \(value)") }
    return size
  }

  mutating func byte() throws(CheckpointError) -> UInt8 { try take(1)[0] }

  mutating func expect(_ mark: StaticString) throws(CheckpointError) {
    let found = try take(mark.utf8CodeUnitCount)
    guard found.elementsEqual(UnsafeRawBufferPointer(start: mark.utf8Start, count: mark.utf8CodeUnitCount)) else {
      throw error("expected \"\(mark)\"")
    }
  }

  /// Goes on to a multiple of `alignment` from `start` on.
  mutating func align(_ alignment: Int, from start: Int = 0) throws(CheckpointError) {
    try skip((alignment - (place - start) % alignment) % alignment)
  }
}
