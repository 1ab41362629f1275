#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The names that a shared library lets others see, read from the file: the section of dynamic symbols of the ELF format
/// (System V ABI, chapter 4). `nil` for other formats, and where the file contradicts itself.
enum ExportedSymbols {
  /// Marks that some linkers leave; they name no code.
  private static let marks: Set<String> = [
    "_init", "_fini", "__bss_start", "_edata", "_end", "__end__", "__bss_start__", "__bss_end__", "_bss_end__",
  ]

  static func names(in path: String) -> [String]? {
    guard let file = Bytes(path), file.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2, 1]) else { return nil }
    guard let table = file.integer(at: 40, 8), let width = file.integer(at: 58, 2), let count = file.integer(at: 60, 2)
    else { return nil }
    for index in 0..<count {
      let section = table + index * width
      // SHT_DYNSYM; the section that it links to has the names.
      guard file.integer(at: section + 4, 4) == 11 else { continue }
      guard let offset = file.integer(at: section + 24, 8), let size = file.integer(at: section + 32, 8),
        let link = file.integer(at: section + 40, 4), link < count,
        let strings = file.integer(at: table + link * width + 24, 8), size >= 0, size < 1 << 30
      else { return nil }
      return (0..<(size / 24)).compactMap { exported(file, symbol: offset + $0 * 24, strings) }
    }
    return nil
  }

  /// The name of a symbol that is defined here, global or weak, and visible.
  private static func exported(_ file: Bytes, symbol: Int, _ strings: Int) -> String? {
    guard let name = file.integer(at: symbol, 4), let info = file.integer(at: symbol + 4, 1),
      let other = file.integer(at: symbol + 5, 1), let section = file.integer(at: symbol + 6, 2),
      section != 0, [1, 2, 10].contains(info >> 4), [0, 3].contains(other & 3),
      let text = file.text(at: strings + name),
      !marks.contains(text)
    else { return nil }
    return text
  }

  private struct Bytes {
    private let bytes: [UInt8]

    init?(_ path: String) {
      guard let file = fopen(path, "rb") else { return nil }
      defer { fclose(file) }
      var bytes: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      while true {
        let count = fread(&buffer, 1, buffer.count, file)
        if count == 0 { break }
        bytes += buffer[..<count]
        // Larger than any library that has to be looked through for symbols.
        if bytes.count > 1 << 30 { return nil }
      }
      self.bytes = bytes
    }

    func starts(with prefix: [UInt8]) -> Bool { bytes.starts(with: prefix) }

    /// Little-endian, as the header was found to be.
    func integer(at offset: Int, _ width: Int) -> Int? {
      guard offset >= 0, offset <= bytes.count - width else { return nil }
      return Int(exactly: bytes[offset..<(offset + width)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }

    func text(at offset: Int) -> String? {
      guard offset >= 0, offset < bytes.count else { return nil }
      return String(decoding: bytes[offset...].prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
