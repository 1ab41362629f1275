/// Where the newest format keeps the links of a large group: blocks that double in size, in one space of addresses.
struct HDF5FractalHeap {
  private struct Block {
    /// In the heap's own addresses.
    var start: Int
    var bytes: Range<Int>
  }

  /// In the order of their addresses.
  private var blocks: [Block] = []
  private let walk: HDF5Walk
  private var addressSize = 0
  private var lengthSize = 0

  init(at address: Int, _ walk: inout HDF5Walk) throws(CheckpointError) {
    self.walk = walk
    try walk.enter(address, "a heap")
    var cursor = try walk.cursor(from: address)
    try cursor.expect("FRHP")
    try cursor.skip(3)
    guard try cursor.size(2) == 0 else { throw walk.unsupported("the names of a group are compressed") }
    try cursor.skip(1)
    let largest = try cursor.size(4)
    // Objects outside of blocks, free space and counts, which nothing here depends on.
    try cursor.skip(10 * walk.layout.lengthSize + 2 * walk.layout.offsetSize)
    let width = try cursor.size(2)
    let smallBlock = try walk.length(&cursor)
    let largeBlock = try walk.length(&cursor)
    let bits = try cursor.size(2)
    try cursor.skip(2)
    let root = try walk.address(&cursor)
    let rows = try cursor.size(2)
    guard (1...1 << 10).contains(width), Self.isPower(smallBlock), Self.isPower(largeBlock), smallBlock <= largeBlock,
      largeBlock < 1 << 32, (8...48).contains(bits), largest > 0
    else { throw cursor.error("expected a heap of blocks that double in size") }
    addressSize = (bits + 7) / 8
    lengthSize = min(
      (largeBlock.trailingZeroBitCount + 7) / 8, (Int.bitWidth - 1 - largest.leadingZeroBitCount) / 8 + 1)
    guard let root else { return }
    let shape = Shape(
      width: width, smallBlock: smallBlock, largeBlock: largeBlock, bits: bits,
      front: 5 + walk.layout.offsetSize + addressSize)
    if rows == 0 {
      try add(root, start: 0, size: smallBlock, &walk)
    } else {
      try read(root, start: 0, rows: rows, shape, depth: 0, &walk)
    }
    blocks.sort { $0.start < $1.start }
  }

  private struct Shape {
    var width: Int
    var smallBlock: Int
    var largeBlock: Int
    /// Of an address in the heap.
    var bits: Int
    /// Bytes in front of what a block holds.
    var front: Int

    /// Of the blocks of a row.
    func size(row: Int) -> Int { row == 0 ? smallBlock : smallBlock << (row - 1) }

    /// Rows beyond hold blocks of blocks.
    var directRows: Int { largeBlock.trailingZeroBitCount - smallBlock.trailingZeroBitCount + 2 }
  }

  private static func isPower(_ value: Int) -> Bool { value > 0 && value & (value - 1) == 0 }

  /// Walks through a block of blocks.
  private mutating func read(_ address: Int, start: Int, rows: Int, _ shape: Shape, depth: Int, _ walk: inout HDF5Walk)
    throws(CheckpointError)
  {
    try walk.enter(address, "a block of a heap")
    guard rows <= shape.bits, depth < 16 else { throw walk.damaged("a heap has more blocks than addresses") }
    var cursor = try walk.cursor(from: address)
    try cursor.expect("FHIB")
    try cursor.skip(shape.front - 4)
    var start = start
    for row in 0..<rows {
      let size = shape.size(row: row)
      for _ in 0..<shape.width {
        guard start < 1 << shape.bits else { throw cursor.error("expected blocks within the heap") }
        let child = try walk.address(&cursor)
        defer { start += size }
        guard let child else { continue }
        if row < shape.directRows {
          try add(child, start: start, size: size, &walk)
        } else {
          let whole = (shape.smallBlock * shape.width).leadingZeroBitCount - size.leadingZeroBitCount
          try read(child, start: start, rows: max(whole, 0) + 1, shape, depth: depth + 1, &walk)
        }
      }
    }
  }

  private mutating func add(_ address: Int, start: Int, size: Int, _ walk: inout HDF5Walk) throws(CheckpointError) {
    try walk.enter(address, "a block of a heap")
    guard size <= walk.file.count - address else { throw walk.damaged("a block of a heap lies beyond the file") }
    var cursor = try walk.cursor(address..<address + size)
    try cursor.expect("FHDB")
    blocks.append(Block(start: start, bytes: address..<address + size))
  }

  /// Where the object of an identifier is in the file.
  func object(_ identifier: Range<Int>) throws(CheckpointError) -> Range<Int> {
    var cursor = try walk.cursor(identifier)
    let first = try cursor.byte()
    guard first & 0x30 == 0 else { throw walk.unsupported("a name of a group is kept outside of the group's blocks") }
    let place = try cursor.size(addressSize)
    let length = try cursor.size(lengthSize)
    var (low, high) = (0, blocks.count)
    while low < high {
      let middle = (low + high) / 2
      if blocks[middle].start <= place { low = middle + 1 } else { high = middle }
    }
    guard low > 0 else { throw cursor.error("expected a name within the heap, found \(place)") }
    let block = blocks[low - 1]
    let offset = place - block.start
    guard offset < block.bytes.count, length <= block.bytes.count - offset else {
      throw cursor.error("expected a name within the heap, found \(place)")
    }
    return block.bytes.lowerBound + offset..<block.bytes.lowerBound + offset + length
  }
}
