/// The messages that describe one group or dataset.
struct HDF5ObjectHeader {
  /// The kinds of messages that are read.
  enum Kind: UInt16 {
    case dataspace = 1
    case linkInfo = 2
    case datatype = 3
    case link = 6
    case externalFiles = 7
    case layout = 8
    case filters = 11
    case continuation = 16
    case symbolTable = 17
  }

  struct Message {
    var kind: Kind
    var bytes: Range<Int>
  }

  private(set) var messages: [Message] = []

  private static let limit = 100_000

  init(at address: Int, _ walk: inout HDF5Walk) throws(CheckpointError) {
    var cursor = try walk.cursor(from: address)
    let isSecond = cursor.bytes[cursor.place...].starts(with: "OHDR".utf8)
    var blocks: [Range<Int>]
    var order = false
    if isSecond {
      try cursor.skip(4)
      guard try cursor.byte() == 2 else { throw cursor.error("expected version 2 of an object header") }
      let flags = try cursor.byte()
      if flags & 0x20 != 0 { try cursor.skip(16) }
      if flags & 0x10 != 0 { try cursor.skip(4) }
      order = flags & 0x04 != 0
      let size = try cursor.size(1 << Int(flags & 3))
      guard size <= cursor.left else { throw cursor.error("expected \(size) bytes of messages, found \(cursor.left)") }
      blocks = [cursor.place..<cursor.place + size]
    } else {
      guard try cursor.byte() == 1 else { throw cursor.error("expected an object header") }
      try cursor.skip(7)
      let size = try cursor.size(4)
      try cursor.skip(4)
      guard size <= cursor.left else { throw cursor.error("expected \(size) bytes of messages, found \(cursor.left)") }
      blocks = [cursor.place..<cursor.place + size]
    }
    while let block = blocks.popLast() {
      try walk.claim(block.count)
      let next = try read(block, isSecond: isSecond, hasOrder: order, walk)
      for block in next { try walk.enter(block.lowerBound, "a block of messages") }
      blocks += next
    }
  }

  /// Reads one block of messages.
  ///
  /// - Returns: where it goes on.
  private mutating func read(
    _ block: Range<Int>, isSecond: Bool, hasOrder: Bool, _ walk: HDF5Walk
  ) throws(CheckpointError) -> [Range<Int>] {
    var cursor = try walk.cursor(block)
    var next: [Range<Int>] = []
    let front = isSecond ? (hasOrder ? 6 : 4) : 8
    while cursor.left >= front {
      let kind: UInt16
      let size: Int
      let flags: UInt8
      if isSecond {
        kind = UInt16(try cursor.byte())
        size = try cursor.size(2)
        flags = try cursor.byte()
        if hasOrder { try cursor.skip(2) }
      } else {
        kind = UInt16(try cursor.number(2))
        size = try cursor.size(2)
        flags = try cursor.byte()
        try cursor.skip(3)
      }
      guard size <= cursor.left else { throw cursor.error("expected a message of \(size) bytes, found \(cursor.left)") }
      let bytes = cursor.place..<cursor.place + size
      try cursor.skip(size)
      guard let kind = Kind(rawValue: kind) else { continue }
      guard flags & 2 == 0 else { throw walk.unsupported("a message is shared between objects") }
      guard messages.count < Self.limit else {
        throw walk.unsupported("an object has more than \(Self.limit) messages")
      }
      if kind == .continuation {
        var message = try walk.cursor(bytes)
        guard let address = try walk.address(&message) else { throw message.error("expected the next block") }
        let length = try walk.length(&message)
        guard length <= walk.file.count - address else { throw message.error("expected a block within the file") }
        // A block of the second version begins with a mark, and ends with a checksum.
        if isSecond {
          var mark = try walk.cursor(address..<address + length)
          try mark.expect("OCHK")
          guard length >= 8 else { throw mark.error("expected a block of 8 bytes or more") }
        }
        next.append(isSecond ? address + 4..<address + length - 4 : address..<address + length)
      } else {
        messages.append(Message(kind: kind, bytes: bytes))
      }
    }
    return next
  }

  func message(_ kind: Kind) -> Range<Int>? { messages.first { $0.kind == kind }?.bytes }
}

// MARK: - Groups

extension HDF5ObjectHeader {
  struct Link {
    var name: String
    /// Of an object header.
    var address: Int
  }

  /// What is in the group; nothing where this is no group.
  func links(_ walk: inout HDF5Walk) throws(CheckpointError) -> [Link] {
    var links: [Link] = []
    if let table = message(.symbolTable) {
      var cursor = try walk.cursor(table)
      guard let tree = try walk.address(&cursor), let heap = try walk.address(&cursor) else {
        throw cursor.error("expected where the names of a group are")
      }
      let names = try Self.heap(at: heap, walk)
      try Self.symbols(at: tree, names, &links, &walk)
    }
    if let info = message(.linkInfo) {
      var cursor = try walk.cursor(info)
      try cursor.skip(1)
      if try cursor.byte() & 1 != 0 { try cursor.skip(8) }
      // A large group has its links in a heap, and a tree that tells where each is.
      if let heap = try walk.address(&cursor), let index = try walk.address(&cursor) {
        let heap = try HDF5FractalHeap(at: heap, &walk)
        let tree = try HDF5Tree(at: index, &walk)
        for record in tree.records {
          guard tree.kind == 5, record.count > 4 else {
            throw cursor.error("expected a tree of names")
          }
          let message = try heap.object(record.lowerBound + 4..<record.upperBound)
          try walk.claim(message.count)
          if let link = try Self.link(message, walk) { links.append(link) }
        }
      }
    }
    for message in messages where message.kind == .link {
      if let link = try Self.link(message.bytes, walk) { links.append(link) }
    }
    return links
  }

  /// A link of a message; `nil` for a symbolic one, which names nothing that the walk would not find.
  private static func link(_ bytes: Range<Int>, _ walk: HDF5Walk) throws(CheckpointError) -> Link? {
    var cursor = try walk.cursor(bytes)
    try cursor.skip(1)
    let flags = try cursor.byte()
    let kind = flags & 0x08 != 0 ? try cursor.byte() : 0
    if flags & 0x04 != 0 { try cursor.skip(8) }
    if flags & 0x10 != 0 { try cursor.skip(1) }
    let length = try cursor.size(1 << Int(flags & 3))
    let name = try Self.name(try cursor.take(length), walk)
    guard kind == 0 else { return nil }
    guard let address = try walk.address(&cursor) else { throw cursor.error("expected where \(name) is") }
    return Link(name: name, address: address)
  }

  /// Where the names of a group are.
  private static func heap(at address: Int, _ walk: HDF5Walk) throws(CheckpointError) -> Range<Int> {
    var cursor = try walk.cursor(from: address)
    try cursor.expect("HEAP")
    try cursor.skip(4)
    let size = try walk.length(&cursor)
    _ = try walk.length(&cursor)
    guard let start = try walk.address(&cursor), size <= walk.file.count - start else {
      throw cursor.error("expected names within the file")
    }
    return start..<start + size
  }

  /// Walks through the tree of a group's symbols.
  private static func symbols(
    at root: Int, _ names: Range<Int>, _ links: inout [Link], _ walk: inout HDF5Walk
  ) throws(CheckpointError) {
    var nodes = [root]
    while let address = nodes.popLast() {
      try walk.enter(address, "a node of a group")
      var cursor = try walk.cursor(from: address)
      if cursor.bytes[cursor.place...].starts(with: "TREE".utf8) {
        try cursor.skip(4)
        guard try cursor.byte() == 0 else { throw cursor.error("expected a node of a group") }
        try cursor.skip(1)
        let count = try cursor.size(2)
        try cursor.skip(2 * walk.layout.offsetSize)
        for _ in 0..<count {
          try cursor.skip(walk.layout.lengthSize)
          guard let child = try walk.address(&cursor) else { throw cursor.error("expected a node below") }
          nodes.append(child)
        }
        continue
      }
      try cursor.expect("SNOD")
      try cursor.skip(2)
      let count = try cursor.size(2)
      for _ in 0..<count {
        let place = try cursor.size(walk.layout.offsetSize)
        let object = try walk.address(&cursor)
        let kind = try cursor.number(4)
        try cursor.skip(20)
        guard place < names.count else { throw cursor.error("expected a name at \(place) of \(names.count) bytes") }
        let rest = UnsafeRawBufferPointer(rebasing: walk.file.bytes[names.lowerBound + place..<names.upperBound])
        guard let end = rest.firstIndex(of: 0) else { throw cursor.error("expected a name that ends") }
        // 2 is a symbolic link.
        guard kind != 2, let object else { continue }
        try walk.claim(end - rest.startIndex)
        links.append(Link(name: try name(UnsafeRawBufferPointer(rebasing: rest[..<end]), walk), address: object))
      }
    }
  }

  private static func name(_ bytes: UnsafeRawBufferPointer, _ walk: HDF5Walk) throws(CheckpointError) -> String {
    guard bytes.count <= 1 << 16, let name = String(validating: bytes, as: UTF8.self), !name.isEmpty,
      !name.contains("/")
    else { throw walk.damaged("expected names in UTF-8, without a slash") }
    return name
  }
}
