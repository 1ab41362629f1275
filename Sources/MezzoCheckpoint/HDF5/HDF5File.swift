import MezzoBackend
import MezzoGraph

/// An HDF5 file that is open for reading: the part of the format that `h5py` writes for weights.
///
/// Superblocks 0 to 3; groups of symbol tables and of links in their headers; datasets that lie in one piece, in their
/// headers, or in chunks, plain, deflated or shuffled. What else there is in the format is a typed error that names it.
/// Nothing of the file is believed before it is checked against the file's size, every structure is visited once at most,
/// no byte is part of two things, and memory is taken for a dataset only where its bytes are there.
struct HDF5File: Sendable {
  let file: FileBytes
  /// By their paths: `layers/dense/vars/0`.
  private(set) var datasets: [String: HDF5Dataset] = [:]

  static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

  /// Deeper than any model's groups.
  private static let depthLimit = 64

  /// Longer than any path in a model's file: a path is kept for each dataset.
  private static let pathLimit = 4096

  init(_ file: FileBytes) throws(CheckpointError) {
    self.file = file
    try file.requireWhole()
    let superblock = try HDF5Superblock(file)
    var walk = HDF5Walk(file, superblock.layout)
    try visit(superblock.root, path: "", depth: 0, &walk)
  }

  private mutating func visit(
    _ address: Int, path: String, depth: Int, _ walk: inout HDF5Walk
  ) throws(CheckpointError) {
    // An object may have several names, even one above it: the first one counts.
    guard try walk.isNew(address) else { return }
    guard depth <= Self.depthLimit else {
      throw walk.unsupported("groups are nested more than \(Self.depthLimit) times")
    }
    guard path.utf8.count <= Self.pathLimit else {
      throw walk.unsupported("the path of an object has more than \(Self.pathLimit) bytes")
    }
    let header = try HDF5ObjectHeader(at: address, &walk)
    if let dataset = try HDF5Dataset(header, path: path, &walk) {
      datasets[path] = dataset
      return
    }
    for link in try header.links(&walk) {
      try visit(link.address, path: path.isEmpty ? link.name : "\(path)/\(link.name)", depth: depth + 1, &walk)
    }
  }

  /// The elements of a dataset.
  func tensor(_ dataset: HDF5Dataset) throws(CheckpointError) -> Tensor {
    try file.requireWhole()
    return try dataset.tensor(in: file)
  }
}

/// How wide addresses and lengths are in a file, and what its addresses count from.
struct HDF5Layout: Sendable {
  var offsetSize = 8
  var lengthSize = 8
  var base = 0
}

/// The front of a file: where its root is.
struct HDF5Superblock {
  var layout = HDF5Layout()
  /// Of the object header of the root group.
  var root: Int

  init(_ file: FileBytes) throws(CheckpointError) {
    // A file may begin with something else, of 512 bytes or twice as much, and so on.
    var start = 0
    while !(start < file.count && file.bytes[start...].starts(with: HDF5File.signature)) {
      guard start < file.count else {
        throw .damaged(path: file.path, .hdf5, reason: "expected \\x89HDF at its beginning")
      }
      start = max(start * 2, 512)
    }
    var cursor = try ByteCursor(file.bytes, start + 8..<file.count) { reason in
      .damaged(path: file.path, .hdf5, reason: reason)
    }
    let version = try cursor.byte()
    guard version <= 3 else {
      throw .unsupported(path: file.path, .hdf5, reason: "its superblock is of version \(version), expected 0 to 3")
    }
    if version < 2 { try cursor.skip(4) }
    layout.offsetSize = Int(try cursor.byte())
    layout.lengthSize = Int(try cursor.byte())
    guard [2, 4, 8].contains(layout.offsetSize), [2, 4, 8].contains(layout.lengthSize) else {
      throw cursor.error("expected addresses and lengths of 2, 4 or 8 bytes")
    }
    try cursor.skip(version < 2 ? (version == 1 ? 13 : 9) : 1)
    let base = try cursor.size(layout.offsetSize)
    guard base <= file.count else { throw cursor.error("expected the base address within the file, found \(base)") }
    layout.base = base
    // Free space or the superblock's extension, the end, and the driver; or the root at once.
    try cursor.skip((version < 2 ? 3 : 2) * layout.offsetSize)
    if version < 2 { try cursor.skip(layout.offsetSize) }
    let address = try cursor.number(layout.offsetSize)
    guard let root = Int(exactly: address), root <= file.count - base else {
      throw cursor.error("expected the root group within the file, found \(address)")
    }
    self.root = root + base
  }
}

/// What is known while a file is walked through: its layout, and where one has been.
struct HDF5Walk {
  let file: FileBytes
  let layout: HDF5Layout
  private var visited: Set<Int> = []
  /// So many bytes are part of nothing that was read.
  private var unclaimed: Int

  init(_ file: FileBytes, _ layout: HDF5Layout) {
    self.file = file
    self.layout = layout
    unclaimed = file.count
  }

  /// More structures than any model's file has.
  private static let limit = 1_000_000

  /// Whether nothing was read at this place before.
  mutating func isNew(_ address: Int) throws(CheckpointError) -> Bool {
    guard visited.count < Self.limit else { throw unsupported("it has more than \(Self.limit) objects") }
    return visited.insert(address).inserted
  }

  /// Notes a structure that must not be part of itself.
  mutating func enter(_ address: Int, _ what: String) throws(CheckpointError) {
    guard try isNew(address) else { throw damaged("\(what) at \(address) is reached twice") }
  }

  /// Notes bytes that are part of one thing alone.
  ///
  /// All together they are no more than the file has, and so what is made of a file is bounded by its size, however many
  /// headers name the same place.
  mutating func claim(_ count: Int) throws(CheckpointError) {
    guard count <= unclaimed else {
      throw damaged("its parts have more bytes together than the file: some places are named by several")
    }
    unclaimed -= count
  }

  func cursor(_ range: Range<Int>) throws(CheckpointError) -> ByteCursor {
    try ByteCursor(file.bytes, range) { [file] reason in .damaged(path: file.path, .hdf5, reason: reason) }
  }

  func cursor(from address: Int) throws(CheckpointError) -> ByteCursor {
    guard address <= file.count else { throw damaged("something is said to be at \(address) of \(file.count) bytes") }
    return try cursor(address..<file.count)
  }

  /// An address in the file; `nil` where it is the one that says "nowhere".
  func address(_ cursor: inout ByteCursor) throws(CheckpointError) -> Int? {
    let value = try cursor.number(layout.offsetSize)
    if value == UInt64.max >> UInt64(64 - 8 * layout.offsetSize) { return nil }
    guard value <= UInt64(file.count - layout.base) else {
      throw damaged("something is said to be at \(value) of \(file.count) bytes")
    }
    return Int(value) + layout.base
  }

  func length(_ cursor: inout ByteCursor) throws(CheckpointError) -> Int { try cursor.size(layout.lengthSize) }

  func damaged(_ reason: String) -> CheckpointError { .damaged(path: file.path, .hdf5, reason: reason) }

  func unsupported(_ reason: String) -> CheckpointError { .unsupported(path: file.path, .hdf5, reason: reason) }
}
