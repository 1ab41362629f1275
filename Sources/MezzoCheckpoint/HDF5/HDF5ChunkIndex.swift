import MezzoBackend

/// How the newest format finds the chunks of a dataset.
struct HDF5ChunkIndex {
  private enum Kind {
    /// The dataset is one chunk; of so many bytes and with these filters left out, if it is filtered.
    case single(filtered: (size: Int, skipped: UInt32)?)
    /// One chunk behind the other, unfiltered.
    case implicit
    case fixedArray
    case extensibleArray
    case tree
  }

  private let kind: Kind
  /// Whether chunks that reach beyond the end are unfiltered.
  private let isPlainAtEnds: Bool

  /// - Parameter cursor: behind the extents of a chunk.
  init(_ cursor: inout ByteCursor, flags: UInt8, _ walk: HDF5Walk) throws(CheckpointError) {
    isPlainAtEnds = flags & 1 != 0
    switch try cursor.byte() {
    case 1:
      let isFiltered = flags & 2 != 0
      kind = .single(filtered: isFiltered ? (try walk.length(&cursor), UInt32(try cursor.number(4))) : nil)
    case 2: kind = .implicit
    case 3:
      try cursor.skip(1)
      kind = .fixedArray
    case 4:
      try cursor.skip(5)
      kind = .extensibleArray
    case 5:
      try cursor.skip(6)
      kind = .tree
    case let found: throw cursor.error("expected an index of chunks of kind 1 to 5, found \(found)")
    }
  }

  /// - Parameters:
  ///   - size: of a chunk that is not filtered.
  ///   - address: of the index, or of the first chunk.
  ///   - limits: what the dataset may grow to; places are counted by it.
  func chunks(of dataset: HDF5Chunks, size: Int, at address: Int, _ limits: [Int]?, _ walk: inout HDF5Walk)
    throws(CheckpointError) -> [HDF5Chunks.Chunk]
  {
    var chunks: [HDF5Chunks.Chunk] = []
    // Each chunk has an address, or else its elements, in the file.
    let least = if case .implicit = kind { size } else { walk.layout.offsetSize }
    if case .single = kind {
    } else if dataset.counts.reduce(1, *) > walk.file.count / least {
      throw walk.damaged("the dataset \(dataset.path) is cut into more chunks than the file can have")
    }
    func add(
      _ address: Int, _ size: Int, _ skipped: UInt32, _ number: Int, _ walk: inout HDF5Walk
    ) throws(CheckpointError) {
      guard size <= walk.file.count - address else {
        throw walk.damaged("a chunk of the dataset \(dataset.path) lies beyond the file")
      }
      try walk.claim(max(size, 1))
      let isPlain =
        isPlainAtEnds
        && zip(dataset.origin(of: number), zip(dataset.shape, dataset.chunkShape)).contains { $0 + $1.1 > $1.0 }
      chunks.append(
        HDF5Chunks.Chunk(bytes: address..<address + size, skipped: isPlain ? .max : skipped, number: number))
    }
    switch kind {
    case .single(let filtered):
      try add(address, filtered?.size ?? size, filtered?.skipped ?? 0, 0, &walk)
    case .implicit:
      let places = try Places(dataset, limits, growing: nil, walk)
      for number in 0..<places.count {
        let (offset, overflow) = places[number].multipliedReportingOverflow(by: size)
        guard !overflow, offset <= walk.file.count - address else {
          throw walk.damaged("a chunk of the dataset \(dataset.path) lies beyond the file")
        }
        try add(address + offset, size, 0, number, &walk)
      }
    case .fixedArray:
      let table = try HDF5FixedArray(at: address, &walk)
      let places = try Places(dataset, limits, growing: nil, walk)
      for number in 0..<places.count {
        guard let entry = try table.place(places[number], walk) else { continue }
        if let found = try read(entry, table.entrySize, isFiltered: table.isFiltered, size, walk) {
          try add(found.address, found.size, found.skipped, number, &walk)
        }
      }
    case .extensibleArray:
      let axis = limits?.firstIndex(of: .max)
      let places = try Places(dataset, limits, growing: axis, walk)
      let last = (0..<places.count).lazy.map { places[$0] }.max() ?? -1
      let table = try HDF5ExtensibleArray(at: address, count: last + 1, &walk)
      for number in 0..<places.count {
        guard let entry = table.places[places[number]] else { continue }
        if let found = try read(entry, table.entrySize, isFiltered: table.isFiltered, size, walk) {
          try add(found.address, found.size, found.skipped, number, &walk)
        }
      }
    case .tree:
      let tree = try HDF5Tree(at: address, &walk)
      let rank = dataset.shape.count
      for record in tree.records {
        let head = record.count - 8 * rank
        guard tree.kind == 10 || tree.kind == 11, head > 0 else { throw walk.damaged("expected a tree of chunks") }
        var cursor = try walk.cursor(record.upperBound - 8 * rank..<record.upperBound)
        var origin: [Int] = []
        for extent in dataset.chunkShape {
          let (element, overflow) = try cursor.size(8).multipliedReportingOverflow(by: extent)
          guard !overflow else { throw cursor.error("expected a chunk within the dataset") }
          origin.append(element)
        }
        if let found = try read(record.lowerBound, head, isFiltered: tree.kind == 11, size, walk) {
          try add(found.address, found.size, found.skipped, try dataset.number(at: origin, walk), &walk)
        }
      }
    }
    return chunks
  }

  /// Where a chunk is, and where it is filtered its size and the filters that were left out; nil where it was never written.
  private func read(
    _ place: Int, _ entrySize: Int, isFiltered: Bool, _ size: Int, _ walk: HDF5Walk
  ) throws(CheckpointError) -> (address: Int, size: Int, skipped: UInt32)? {
    let width = walk.layout.offsetSize
    guard entrySize >= (isFiltered ? width + 5 : width), entrySize <= width + 12 else {
      throw walk.damaged("an entry for a chunk has \(entrySize) bytes")
    }
    var cursor = try walk.cursor(place..<place + entrySize)
    guard let address = try walk.address(&cursor) else { return nil }
    guard isFiltered else { return (address, size, 0) }
    let stored = try cursor.size(entrySize - width - 4)
    return (address, stored, UInt32(try cursor.number(4)))
  }

  /// The place of each chunk in a table, by its number in the dataset.
  private struct Places {
    let count: Int
    private let counts: [Int]
    private var strides: [Int]

    /// - Parameter axis: the one that may grow without end, by which tables count first.
    init(_ dataset: HDF5Chunks, _ limits: [Int]?, growing axis: Int?, _ walk: HDF5Walk) throws(CheckpointError) {
      counts = dataset.counts
      count = counts.reduce(1, *)
      strides = [Int](repeating: 1, count: counts.count)
      var limits = HDF5Chunks.counts(of: limits ?? dataset.shape, dataset.chunkShape)
      guard limits.count == counts.count, zip(limits, counts).allSatisfy({ $0 >= $1 }) else {
        throw walk.damaged("the dataset \(dataset.path) is larger than it may become")
      }
      var order = Array(counts.indices)
      if let axis {
        order.remove(at: axis)
        order.insert(axis, at: 0)
        limits[axis] = counts[axis]
      }
      var product = 1
      for axis in order.reversed() {
        strides[axis] = product
        let (next, overflow) = product.multipliedReportingOverflow(by: max(limits[axis], 1))
        guard !overflow else { throw walk.damaged("the dataset \(dataset.path) is cut into too many chunks") }
        product = next
      }
    }

    subscript(number: Int) -> Int {
      var (rest, place) = (number, 0)
      for axis in counts.indices.reversed() {
        place += rest % counts[axis] * strides[axis]
        rest /= counts[axis]
      }
      return place
    }
  }
}
