import MezzoGraph

/// A zip archive that is open: members are read one by one, when they are asked for.
///
/// Stored and deflated members, also with the 64-bit sizes of zip64; nothing encrypted, nothing over several disks. What
/// the directory at the end says is checked against the file before it is believed.
struct ZipArchive: Sendable {
  struct Member: Sendable {
    var name: String
    var isCompressed: Bool
    var checksum: UInt32
    /// As it lies in the file.
    var storedSize: Int
    var size: Int
    /// Where its local header begins.
    var place: Int
  }

  let file: FileBytes
  private(set) var members: [Member] = []
  private let places: [ByteName: Int]

  static func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) || bytes.starts(with: [0x50, 0x4B, 0x05, 0x06])
  }

  init(_ file: FileBytes) throws(CheckpointError) {
    self.file = file
    try file.requireWhole()
    let (count, range) = try Self.directory(file)
    var cursor = try Self.cursor(file, range)
    var places: [ByteName: Int] = [:]
    // 46 bytes are the least that a member takes in the directory.
    guard count <= range.count / 46 else {
      throw Self.damaged(file, "it states \(count) members in \(range.count) bytes")
    }
    for index in 0..<count {
      let member = try Self.member(&cursor, file)
      guard places.updateValue(index, forKey: ByteName(member.name)) == nil else {
        throw Self.damaged(file, "it has two members named \(member.name)")
      }
      members.append(member)
    }
    self.places = places
  }

  func member(_ name: String) -> Member? { places[ByteName(name)].map { members[$0] } }

  /// The content of a member; of one that is stored without a copy.
  ///
  /// - Parameter limit: bytes of content beyond which it is refused.
  func content(_ member: Member, limit: Int) throws(CheckpointError) -> FileBytes {
    let path = "\(file.path)/\(member.name)"
    guard member.size <= limit else {
      throw .tooLarge(path: file.path, part: "its member \(member.name)", byteCount: member.size, limit: limit)
    }
    try file.requireWhole()
    let range = try storedRange(member)
    let stored = UnsafeRawBufferPointer(rebasing: file.bytes[range])
    let content: FileBytes
    if member.isCompressed {
      guard Deflate.isPossible(inflated: member.size, compressed: stored.count) else {
        throw Self.damaged(
          file, "its member \(member.name) of \(stored.count) bytes cannot become \(member.size) bytes when inflated")
      }
      guard let storage = TensorStorage.allocate(byteCount: member.size) else {
        throw .tooLarge(path: file.path, part: "its member \(member.name)", byteCount: member.size, limit: limit)
      }
      if let reason = Deflate.inflate(stored, .none, into: storage.bytes) {
        throw Self.damaged(file, "its member \(member.name): \(reason)")
      }
      content = FileBytes(storage, path: path)
    } else {
      content = file.part(range, path: path)
    }
    guard Deflate.checksum([content.bytes]) == member.checksum else {
      throw Self.damaged(file, "the checksum of its member \(member.name) is wrong")
    }
    return content
  }

  /// Where the content of a member lies, compressed or not.
  private func storedRange(_ member: Member) throws(CheckpointError) -> Range<Int> {
    var cursor = try Self.cursor(file, member.place..<file.count)
    try cursor.expect("PK\u{3}\u{4}")
    try cursor.skip(22)
    let nameLength = try cursor.size(2)
    let extraLength = try cursor.size(2)
    let name = try cursor.take(nameLength)
    guard name.elementsEqual(member.name.utf8) else {
      throw Self.damaged(file, "its member \(member.name) has another name where it lies")
    }
    try cursor.skip(extraLength)
    guard cursor.left >= member.storedSize else {
      throw Self.damaged(file, "its member \(member.name) has \(cursor.left) bytes, expected \(member.storedSize)")
    }
    return cursor.place..<cursor.place + member.storedSize
  }

  private static func member(_ cursor: inout ByteCursor, _ file: FileBytes) throws(CheckpointError) -> Member {
    try cursor.expect("PK\u{1}\u{2}")
    try cursor.skip(4)
    let flags = try cursor.number(2)
    let method = try cursor.number(2)
    try cursor.skip(4)
    let checksum = UInt32(try cursor.number(4))
    var stored = try cursor.size(4)
    var size = try cursor.size(4)
    let nameLength = try cursor.size(2)
    let extraLength = try cursor.size(2)
    let commentLength = try cursor.size(2)
    try cursor.skip(8)
    var place = try cursor.size(4)
    let nameBytes = try cursor.take(nameLength)
    guard let name = String(validating: nameBytes, as: UTF8.self), !name.utf8.contains(0) else {
      throw cursor.error("expected the name of a member in UTF-8")
    }
    let extraEnd = cursor.place + extraLength
    while cursor.place + 4 <= extraEnd {
      let tag = try cursor.number(2)
      let end = min(cursor.place + 2 + Int(try cursor.number(2)), extraEnd)
      // zip64: the sizes that did not fit, in this order.
      if tag == 1 {
        if size == 0xFFFF_FFFF, cursor.place + 8 <= end { size = try cursor.size(8) }
        if stored == 0xFFFF_FFFF, cursor.place + 8 <= end { stored = try cursor.size(8) }
        if place == 0xFFFF_FFFF, cursor.place + 8 <= end { place = try cursor.size(8) }
      }
      try cursor.skip(end - cursor.place)
    }
    try cursor.skip(extraEnd - cursor.place + commentLength)
    guard flags & 1 == 0 else {
      throw .unsupported(path: file.path, .zip, reason: "its member \(name) is encrypted")
    }
    guard method == 0 || method == 8 else {
      throw .unsupported(
        path: file.path, .zip,
        reason: "its member \(name) is compressed by method \(method), expected stored or deflated")
    }
    guard method == 8 || stored == size, stored <= file.count, place <= file.count else {
      throw damaged(file, "its member \(name) states \(stored) bytes at \(place) for \(size)")
    }
    return Member(
      name: name, isCompressed: method == 8, checksum: checksum, storedSize: stored, size: size, place: place)
  }

  /// How many members the directory has, and where it lies.
  private static func directory(_ file: FileBytes) throws(CheckpointError) -> (count: Int, range: Range<Int>) {
    let bytes = file.bytes
    let recordSize = 22
    guard bytes.count >= recordSize else { throw damaged(file, "it has \(bytes.count) bytes, expected 22 or more") }
    // The record stands at the end, behind it a comment of at most 65,535 bytes.
    let first = max(bytes.count - recordSize - 0xFFFF, 0)
    let candidates = (first...bytes.count - recordSize).reversed()
    guard
      let end = candidates.first(where: {
        bytes[$0] == 0x50 && bytes[$0 + 1] == 0x4B && bytes[$0 + 2] == 0x05 && bytes[$0 + 3] == 0x06
          && Int(bytes[$0 + 20]) + Int(bytes[$0 + 21]) << 8 == bytes.count - $0 - recordSize
      })
    else { throw damaged(file, "it has no directory at its end") }
    var record = try cursor(file, end + 4..<bytes.count)
    let disks = try (record.number(2), record.number(2))
    try record.skip(2)
    var count = try record.size(2)
    var size = try record.size(4)
    var place = try record.size(4)
    if count == 0xFFFF || size == 0xFFFF_FFFF || place == 0xFFFF_FFFF, end >= 20 {
      var locator = try cursor(file, end - 20..<end)
      if (try? locator.expect("PK\u{6}\u{7}")) != nil {
        try locator.skip(4)
        let wide = try locator.size(8)
        guard wide <= end - 20 else { throw damaged(file, "its zip64 directory is said to be at \(wide)") }
        var record = try cursor(file, wide..<end)
        try record.expect("PK\u{6}\u{6}")
        try record.skip(28)
        count = try record.size(8)
        size = try record.size(8)
        place = try record.size(8)
      }
    } else if disks != (0, 0) {
      throw .unsupported(path: file.path, .zip, reason: "it is one part of several")
    }
    guard place <= end, size <= end - place else {
      throw damaged(file, "its directory is said to be \(size) bytes at \(place)")
    }
    return (count, place..<place + size)
  }

  private static func cursor(_ file: FileBytes, _ range: Range<Int>) throws(CheckpointError) -> ByteCursor {
    try ByteCursor(file.bytes, range) { [file] reason in damaged(file, reason) }
  }

  private static func damaged(_ file: FileBytes, _ reason: String) -> CheckpointError {
    .damaged(path: file.path, .zip, reason: reason)
  }
}
