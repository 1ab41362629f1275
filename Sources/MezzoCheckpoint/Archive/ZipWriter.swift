import MezzoGraph

/// Writes a zip archive, with zip64's sizes where 32 bits are too few. The file is whole or as it was.
enum ZipWriter {
  struct Member {
    var name: String
    /// Its content, which is written where it lies; must live until the archive is written.
    var parts: [UnsafeRawBufferPointer]
  }

  private static let limit = 0xFFFF_FFFF

  static func write(_ members: [Member], compressed: Bool, to path: String) throws(CheckpointError) {
    // What is made here has to stay where it is until all is written.
    var owned: [TensorStorage] = []
    var pieces: [UnsafeRawBufferPointer] = []
    var directory: [UInt8] = []
    var offset = 0
    func add(_ bytes: [UInt8]) {
      let storage = TensorStorage(copying: bytes)
      owned.append(storage)
      pieces.append(UnsafeRawBufferPointer(storage.bytes))
      offset += bytes.count
    }
    for member in members {
      let size = member.parts.reduce(0) { $0 + $1.count }
      let deflated = compressed ? Deflate.compress(member.parts) : nil
      let stored = deflated?.count ?? size
      let entry = Entry(
        name: Array(member.name.utf8), method: deflated == nil ? 0 : 8, checksum: Deflate.checksum(member.parts),
        stored: stored, size: size, place: offset)
      guard entry.name.count < 0xFFFF else {
        throw .unwritable(path: path, reason: "the name of its member \(member.name.prefix(40))… is too long")
      }
      add(entry.local)
      if let deflated {
        add(deflated)
      } else {
        pieces += member.parts
        offset += size
      }
      directory += entry.central
    }
    let place = offset
    add(directory)
    add(end(count: members.count, size: directory.count, place: place))
    try withExtendedLifetime(owned) { () throws(CheckpointError) in try CheckpointFile.write(pieces, to: path) }
  }

  private struct Entry {
    var name: [UInt8]
    var method: Int
    var checksum: UInt32
    var stored: Int
    var size: Int
    var place: Int

    private var isWide: Bool { max(stored, size, place) >= limit }

    private func sizes(_ values: [Int]) -> [UInt8] { values.flatMap { little(isWide ? limit : $0, 4) } }

    private func extra(_ values: [Int]) -> [UInt8] {
      isWide ? little(1, 2) + little(8 * values.count, 2) + values.flatMap { little($0, 8) } : []
    }

    /// The version needed, flags that say UTF-8, the method, the first day of the calendar of zip, and the checksum.
    private var common: [UInt8] {
      little(isWide ? 45 : 20, 2) + little(1 << 11, 2) + little(method, 2) + little(0, 2) + little(0x21, 2)
        + little(Int(checksum), 4)
    }

    var local: [UInt8] {
      let extra = extra([size, stored])
      return Array("PK\u{3}\u{4}".utf8) + common + sizes([stored, size]) + little(name.count, 2)
        + little(extra.count, 2) + name + extra
    }

    var central: [UInt8] {
      let extra = extra([size, stored, place])
      return Array("PK\u{1}\u{2}".utf8) + little(isWide ? 45 : 20, 2) + common + sizes([stored, size])
        + little(name.count, 2) + little(extra.count, 2) + little(0, 2) + little(0, 2) + little(0, 2) + little(0, 4)
        + sizes([place]) + name + extra
    }
  }

  private static func end(count: Int, size: Int, place: Int) -> [UInt8] {
    let isWide = count >= 0xFFFF || size >= limit || place >= limit
    var bytes: [UInt8] = []
    if isWide {
      bytes += Array("PK\u{6}\u{6}".utf8) + little(44, 8) + little(45, 2) + little(45, 2) + little(0, 4) + little(0, 4)
      bytes += little(count, 8) + little(count, 8) + little(size, 8) + little(place, 8)
      bytes += Array("PK\u{6}\u{7}".utf8) + little(0, 4) + little(place + size, 8) + little(1, 4)
    }
    let shown = isWide ? 0xFFFF : count
    return bytes + Array("PK\u{5}\u{6}".utf8) + little(0, 4) + little(shown, 2) + little(shown, 2)
      + little(isWide ? limit : size, 4) + little(isWide ? limit : place, 4) + little(0, 2)
  }

  private static func little(_ value: Int, _ width: Int) -> [UInt8] {
    (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}
