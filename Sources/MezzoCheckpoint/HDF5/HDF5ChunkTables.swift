/// A table of chunks of a dataset that does not grow without end.
struct HDF5FixedArray {
  let entrySize: Int
  let isFiltered: Bool
  private let count: Int
  /// Of the first entry, or of the first page.
  private var start = 0
  /// Entries of a page; nil: the table is in one piece.
  private var page: Int?
  /// A bit for each page that was written.
  private var written: Range<Int> = 0..<0

  init(at address: Int, _ walk: inout HDF5Walk) throws(CheckpointError) {
    try walk.enter(address, "a table of chunks")
    var cursor = try walk.cursor(from: address)
    try cursor.expect("FAHD")
    try cursor.skip(1)
    isFiltered = try cursor.byte() == 1
    entrySize = Int(try cursor.byte())
    let pageBits = Int(try cursor.byte())
    count = try walk.length(&cursor)
    guard let block = try walk.address(&cursor) else { return }
    guard pageBits < 32 else { throw cursor.error("expected pages of less than 2³² entries") }
    try walk.enter(block, "a table of chunks")
    cursor = try walk.cursor(from: block)
    try cursor.expect("FADB")
    try cursor.skip(2 + walk.layout.offsetSize)
    if count > 1 << pageBits {
      let pages = (count - 1) >> pageBits + 1
      let bytes = (pages - 1) / 8 + 1
      written = cursor.place..<cursor.place + min(bytes, cursor.left)
      try cursor.skip(bytes)
      // The checksum of what is in front of the pages.
      try cursor.skip(4)
      page = 1 << pageBits
    }
    start = cursor.place
  }

  /// Where an entry is; nil where it was never written.
  func place(_ entry: Int, _ walk: HDF5Walk) throws(CheckpointError) -> Int? {
    guard entry < count else { throw walk.damaged("a table of \(count) chunks has no place for number \(entry)") }
    guard start > 0 else { return nil }
    var offset = entry.multipliedReportingOverflow(by: entrySize)
    if let page {
      let number = entry / page
      guard walk.file.bytes[written.lowerBound + number / 8] & 0x80 >> UInt8(number % 8) != 0 else { return nil }
      // Each page ends with a checksum.
      let pages = number.multipliedReportingOverflow(by: page * entrySize + 4)
      offset = (pages.partialValue &+ entry % page * entrySize, pages.overflow)
    }
    guard !offset.overflow, offset.partialValue >= 0, offset.partialValue <= walk.file.count - start - entrySize else {
      throw walk.damaged("a table of chunks lies beyond the file")
    }
    return start + offset.partialValue
  }
}

/// A table of chunks of a dataset that one axis can grow without end: entries in blocks that double in size.
struct HDF5ExtensibleArray {
  let entrySize: Int
  let isFiltered: Bool
  /// Where the first entries are; nil where none was ever written.
  private(set) var places: [Int?] = []

  /// - Parameter count: so many entries are wanted.
  init(at address: Int, count: Int, _ walk: inout HDF5Walk) throws(CheckpointError) {
    guard count <= walk.file.count else { throw walk.damaged("a table has more chunks than there are bytes") }
    try walk.enter(address, "a table of chunks")
    var cursor = try walk.cursor(from: address)
    try cursor.expect("EAHD")
    try cursor.skip(1)
    isFiltered = try cursor.byte() == 1
    entrySize = Int(try cursor.byte())
    let bits = Int(try cursor.byte())
    let indexed = Int(try cursor.byte())
    let smallest = Int(try cursor.byte())
    let pointers = Int(try cursor.byte())
    let pageBits = Int(try cursor.byte())
    try cursor.skip(6 * walk.layout.lengthSize)
    guard entrySize > 0, bits <= 64, smallest > 0, smallest & (smallest - 1) == 0, pointers > 0,
      pointers & (pointers - 1) == 0, pageBits < 32
    else { throw cursor.error("expected a table of chunks whose blocks double in size") }
    let block = try walk.address(&cursor)
    let offsetSize = (bits + 7) / 8
    guard let block else {
      places = [Int?](repeating: nil, count: count)
      return
    }
    try walk.enter(block, "a table of chunks")
    cursor = try walk.cursor(from: block)
    try cursor.expect("EAIB")
    try cursor.skip(2 + walk.layout.offsetSize)
    for _ in 0..<indexed {
      places.append(cursor.place)
      try cursor.skip(entrySize)
    }
    var direct: [Int?] = []
    for _ in 0..<2 * (pointers - 1) { direct.append(try walk.address(&cursor)) }
    // The first groups of blocks are named here, the others in blocks of their own.
    let near = 2 * pointers.trailingZeroBitCount
    var far: [Int?] = []
    for _ in near..<max(near, 1 + bits - smallest.trailingZeroBitCount) { far.append(try walk.address(&cursor)) }
    var group = 0
    while places.count < count {
      guard group < near + far.count, group < 62 else { throw walk.damaged("a table ends before its last chunk") }
      let blocks = 1 << (group / 2)
      let entries = smallest << ((group + 1) / 2)
      var addresses: [Int?] = []
      if group < near {
        addresses = Array(direct.prefix(blocks))
        direct.removeFirst(min(blocks, direct.count))
      } else if let address = far[group - near] {
        let pages = entries > 1 << pageBits ? (entries >> pageBits + 7) / 8 : 0
        try walk.enter(address, "a table of chunks")
        var cursor = try walk.cursor(from: address)
        try cursor.expect("EASB")
        try cursor.skip(2 + walk.layout.offsetSize + offsetSize)
        let (bytes, overflow) = pages.multipliedReportingOverflow(by: blocks)
        guard !overflow else { throw cursor.error("expected pages within the file") }
        try cursor.skip(bytes)
        for _ in 0..<blocks { addresses.append(try walk.address(&cursor)) }
      } else {
        addresses = [Int?](repeating: nil, count: min(blocks, count))
      }
      for address in addresses where places.count < count {
        try add(address, min(entries, count - places.count), of: entries, pageBits, offsetSize, &walk)
      }
      group += 1
    }
  }

  /// Adds the entries of a block.
  private mutating func add(
    _ address: Int?, _ wanted: Int, of entries: Int, _ pageBits: Int, _ offsetSize: Int, _ walk: inout HDF5Walk
  ) throws(CheckpointError) {
    guard let address else {
      places += [Int?](repeating: nil, count: wanted)
      return
    }
    try walk.enter(address, "a table of chunks")
    var cursor = try walk.cursor(from: address)
    try cursor.expect("EADB")
    try cursor.skip(2 + walk.layout.offsetSize + offsetSize)
    let isPaged = entries > 1 << pageBits
    if isPaged { try cursor.skip(4) }
    for entry in 0..<wanted {
      if isPaged, entry > 0, entry % (1 << pageBits) == 0 { try cursor.skip(4) }
      places.append(cursor.place)
      try cursor.skip(entrySize)
    }
  }
}
