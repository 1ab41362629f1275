import MezzoFiles

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a 64-bit little-endian ELF file (System V ABI, chapters 4 and 5) says about itself, without being opened: what it
/// needs, what it exports, which build it is.
///
/// Files come from anywhere: every read is bounded, and what contradicts itself is not there. Files of other formats are none.
package final class ELFFile {
  private let file: Int32
  private var sections: [Section] = []
  private var names: [UInt8] = []

  private struct Section {
    var name, type, offset, size, link: Int
  }

  /// Of one read: the symbols of the largest libraries are a few megabytes.
  private static let limit = 64 << 20

  /// `nil` where `path` is no such file.
  package init?(_ path: String) {
    // A pipe without a writer would keep a blocking open waiting for ever.
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { return nil }
    self.file = file
    guard let header = read(0, 64), header.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2, 1]) else { return nil }
    let (table, width, count, last) = (
      header.number(40, 8), header.number(58, 2), header.number(60, 2), header.number(62, 2)
    )
    guard width == 64, last < count, let entries = read(table, width * count) else { return nil }
    sections = (0..<count).map { index in
      let start = index * width
      return Section(
        name: entries.number(start, 4), type: entries.number(start + 4, 4), offset: entries.number(start + 24, 8),
        size: entries.number(start + 32, 8), link: entries.number(start + 40, 4))
    }
    names = content(sections[last]) ?? []
  }

  deinit { close(file) }

  /// The content of a section, as text up to its first null byte; at most 4096 bytes.
  package func text(ofSection name: String) -> String? {
    guard let section = sections.first(where: { names.text(at: $0.name) == name }),
      let bytes = read(section.offset, min(section.size, 4096))
    else { return nil }
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// The libraries that the dynamic loader opens with it (`DT_NEEDED`), in order.
  package var neededLibraries: [String] {
    guard let (table, strings) = tableAndStrings(type: 6) else { return [] }
    var needed: [String] = []
    for entry in stride(from: 0, to: table.count - 15, by: 16) {
      let tag = table.number(entry, 8)
      if tag == 0 { break }
      if tag == 1, let name = strings.text(at: table.number(entry + 8, 8)) { needed.append(name) }
    }
    return needed
  }

  /// What the linker made of the content, as hexadecimal digits; `nil` where it was not asked to.
  package var buildID: String? {
    guard let section = sections.first(where: { names.text(at: $0.name) == ".note.gnu.build-id" }),
      let note = read(section.offset, min(section.size, 4096)), note.count >= 16,
      note.number(0, 4) == 4, note.number(8, 4) == 3
    else { return nil }
    let bytes = note.dropFirst(16).prefix(note.number(4, 4))
    return bytes.isEmpty ? nil : bytes.hexadecimalDigits
  }

  /// The names of what it lets others see: defined in it, global or weak, and visible. `nil` where it has no list.
  package var exportedSymbols: [String]? {
    guard let (table, strings) = tableAndStrings(type: 11) else { return nil }
    return Self.exported(table).compactMap { strings.text(at: $0) }
  }

  /// Those of `names` that it lets others see, without a text for each of the thousands that a library has. `nil` where it
  /// has no list.
  func exports(_ names: Set<String>) -> Set<String>? {
    guard let (table, strings) = tableAndStrings(type: 11) else { return nil }
    var rest = names.map { (name: $0, bytes: Array($0.utf8) + [0]) }
    var found: Set<String> = []
    for offset in Self.exported(table) {
      guard let place = rest.firstIndex(where: { strings.has($0.bytes, at: offset) }) else { continue }
      found.insert(rest.remove(at: place).name)
      if rest.isEmpty { break }
    }
    return found
  }

  /// Where the names of visible symbols begin.
  private static func exported(_ table: [UInt8]) -> [Int] {
    stride(from: 0, to: table.count - 23, by: 24).compactMap { symbol in
      let (info, visibility) = (table[symbol + 4] >> 4, table[symbol + 5] & 3)
      let isVisible = (info == 1 || info == 2 || info == 10) && (visibility == 0 || visibility == 3)
      return isVisible && table.number(symbol + 6, 2) != 0 ? table.number(symbol, 4) : nil
    }
  }

  /// The content of the section of a type, and of the strings that it links to.
  private func tableAndStrings(type: Int) -> (table: [UInt8], strings: [UInt8])? {
    guard let section = sections.first(where: { $0.type == type }), sections.indices.contains(section.link),
      let table = content(section), let strings = content(sections[section.link])
    else { return nil }
    return (table, strings)
  }

  private func content(_ section: Section) -> [UInt8]? { read(section.offset, section.size) }

  private func read(_ offset: Int, _ count: Int) -> [UInt8]? {
    guard (0...Self.limit).contains(count), let offset = off_t(exactly: offset) else { return nil }
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      // Sound: no more than `count` bytes are written, and only those that were are part of the array.
      filled = max(0, pread(file, buffer.baseAddress, count, offset))
    }
    return bytes.count == count ? bytes : nil
  }
}

extension [UInt8] {
  /// Little-endian, as the header was found to be; the caller knows that it lies within.
  fileprivate func number(_ offset: Int, _ width: Int) -> Int {
    var value: UInt64 = 0
    for place in 0..<width { value |= UInt64(self[offset + place]) << UInt64(8 * place) }
    return Int(clamping: value)
  }

  fileprivate func has(_ other: [UInt8], at offset: Int) -> Bool {
    offset >= 0 && offset <= count - other.count && self[offset] == other[0]
      && self[offset..<offset + other.count].elementsEqual(other)
  }

  fileprivate func text(at offset: Int) -> String? {
    guard indices.contains(offset) else { return nil }
    return withUnsafeBytes { bytes in
      let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
      guard let end = rest.firstIndex(of: 0) else { return nil }
      return String(decoding: UnsafeRawBufferPointer(rebasing: rest[..<end]), as: UTF8.self)
    }
  }
}
