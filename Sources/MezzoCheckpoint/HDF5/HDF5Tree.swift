/// A version 2 B-tree: records of one size in nodes of one size, which the newest format keeps links and chunks in.
struct HDF5Tree {
  /// What its records are about.
  let kind: UInt8
  /// Where they are.
  private(set) var records: [Range<Int>] = []

  /// Of a node: its mark, version, kind and checksum.
  private static let frame = 10
  /// Deeper than a tree of as many records as a file can have.
  private static let depthLimit = 32

  init(at address: Int, _ walk: inout HDF5Walk) throws(CheckpointError) {
    try walk.enter(address, "a tree")
    var cursor = try walk.cursor(from: address)
    try cursor.expect("BTHD")
    guard try cursor.byte() == 0 else { throw cursor.error("expected version 0 of a tree") }
    kind = try cursor.byte()
    let nodeSize = try cursor.size(4)
    let recordSize = try cursor.size(2)
    let depth = try cursor.size(2)
    try cursor.skip(2)
    let root = try walk.address(&cursor)
    let count = try cursor.size(2)
    guard recordSize > 0, nodeSize >= Self.frame + recordSize, depth <= Self.depthLimit else {
      throw cursor.error("expected a tree whose nodes have room for records")
    }
    guard let root else { return }
    let levels = try Self.levels(nodeSize, recordSize, depth, walk)
    var nodes = [(address: root, count: count, level: depth)]
    while let node = nodes.popLast() {
      try walk.enter(node.address, "a node of a tree")
      guard nodeSize <= walk.file.count - node.address, node.count <= levels[node.level].capacity else {
        throw walk.damaged("a node of a tree at \(node.address) does not lie within the file")
      }
      var cursor = try walk.cursor(node.address..<node.address + nodeSize)
      try cursor.expect(node.level == 0 ? "BTLF" : "BTIN")
      try cursor.skip(2)
      for _ in 0..<node.count {
        records.append(cursor.place..<cursor.place + recordSize)
        try cursor.skip(recordSize)
      }
      guard node.level > 0 else { continue }
      for _ in 0...node.count {
        guard let child = try walk.address(&cursor) else { throw cursor.error("expected a node below") }
        let count = try cursor.size(levels[0].totalSize)
        if node.level > 1 { try cursor.skip(levels[node.level - 1].totalSize) }
        nodes.append((child, count, node.level - 1))
      }
    }
  }

  /// Of the nodes of a level: the records that fit into one, and the bytes that tell how many are below.
  private struct Level {
    var capacity: Int
    var total: Int

    var totalSize: Int { Self.size(total) }

    /// The bytes that numbers up to `limit` need.
    static func size(_ limit: Int) -> Int { (Int.bitWidth - 1 - max(limit, 1).leadingZeroBitCount) / 8 + 1 }
  }

  private static func levels(_ nodeSize: Int, _ recordSize: Int, _ depth: Int, _ walk: HDF5Walk) throws(CheckpointError)
    -> [Level]
  {
    let leaf = (nodeSize - frame) / recordSize
    var levels = [Level(capacity: leaf, total: leaf)]
    while levels.count <= depth {
      let below = levels[levels.count - 1]
      let pointer = walk.layout.offsetSize + levels[0].totalSize + (levels.count > 1 ? below.totalSize : 0)
      let capacity = (nodeSize - frame - pointer) / (recordSize + pointer)
      let (product, overflow) = (max(capacity, 0) + 1).multipliedReportingOverflow(by: below.total)
      guard capacity > 0, !overflow, product < 1 << 60 else { throw walk.damaged("a tree is deeper than it can be") }
      levels.append(Level(capacity: capacity, total: product + capacity))
    }
    return levels
  }
}
