#if os(Linux) || os(Android)
  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Musl)
    import Musl
  #endif

  /// A section of a 64-bit ELF file that `ELFHeader` found whole.
  enum ELFSection {
    /// The content, which is text and short; `nil` where there is no such section.
    static func text(_ name: String, in path: String) -> String? {
      guard Int.bitWidth == 64, 1.littleEndian == 1 else { return nil }
      let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
      guard file >= 0 else { return nil }
      defer { close(file) }
      guard let header = read(file, 0, 64) else { return nil }
      let (offset, width, count, names) = (
        number(header, 40, 8), number(header, 58, 2), number(header, 60, 2), number(header, 62, 2)
      )
      guard width == 64, names < count, let table = read(file, offset, width * count) else { return nil }
      func section(_ index: Int) -> (name: Int, offset: Int, size: Int) {
        let entry = Array(table[index * 64..<index * 64 + 64])
        return (number(entry, 0, 4), number(entry, 24, 8), number(entry, 32, 8))
      }
      guard let strings = read(file, section(names).offset, section(names).size) else { return nil }
      for index in 0..<count {
        let found = section(index)
        guard found.name < strings.count, strings[found.name...].prefix(while: { $0 != 0 }).elementsEqual(name.utf8),
          let content = read(file, found.offset, min(found.size, 4096))
        else { continue }
        return String(decoding: content.prefix { $0 != 0 }, as: UTF8.self)
      }
      return nil
    }

    private static func number(_ bytes: [UInt8], _ offset: Int, _ width: Int) -> Int {
      let value = bytes[offset..<offset + width].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return Int(clamping: value)
    }

    private static func read(_ file: Int32, _ offset: Int, _ count: Int) -> [UInt8]? {
      guard (0...1 << 24).contains(count) else { return nil }
      var bytes = [UInt8](repeating: 0, count: count)
      return pread(file, &bytes, count, off_t(offset)) == count ? bytes : nil
    }
  }
#endif
