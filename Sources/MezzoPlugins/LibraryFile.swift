import MezzoBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A shared library on disk, looked at before the dynamic loader maps it: a file that ends early does not make dlopen fail,
/// it kills the process with SIGBUS when a missing page is touched.
enum LibraryFile {
  /// The reason why `path` should not be opened, or `nil`.
  static func defect(at path: String) -> String? {
    // A pipe without a writer would keep a blocking open waiting for ever.
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { return "\(path): \(String(cString: strerror(errno)))" }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return "\(path) is not a regular file" }
    #if os(Linux) || os(Android)
      return ELFHeader.defect(size: Int(status.st_size)) { offset, count in bytes(file, at: offset, count) }
        .map { "\(path) \($0)" }
    #else
      return nil
    #endif
  }

  private static func bytes(_ file: Int32, at offset: Int, _ count: Int) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: count)
    return pread(file, &buffer, count, off_t(offset)) == count ? buffer : nil
  }
}

/// The part of the ELF format (System V ABI, chapter 4) that tells how long a file must be.
enum ELFHeader {
  static func defect(size: Int, read: (_ offset: Int, _ count: Int) -> [UInt8]?) -> String? {
    guard let start = read(0, 16), start[0..<4].elementsEqual([0x7F, 0x45, 0x4C, 0x46]) else {
      return "is not a shared library: it does not begin with an ELF header (\(size) bytes)"
    }
    let is64 = start[4] == 2
    guard is64 == (Int.bitWidth == 64), start[5] == (isLittleEndian ? 1 : 2) else {
      return "was built for another kind of processor"
    }
    guard let header = read(0, is64 ? 64 : 52) else { return "is truncated: \(size) bytes do not hold an ELF header" }
    let layout = is64 ? Layout.wide : Layout.narrow
    func field(_ bytes: [UInt8], _ place: Layout.Field) -> Int? {
      guard place.offset + place.width <= bytes.count else { return nil }
      let raw = bytes[place.offset..<place.offset + place.width]
      let ordered = isLittleEndian ? Array(raw.reversed()) : Array(raw)
      return Int(exactly: ordered.reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
    func end(_ offset: Int?, _ count: Int?, _ width: Int?) -> Int? {
      guard let offset, let count, let width else { return nil }
      let (product, overflow) = count.multipliedReportingOverflow(by: width)
      let (sum, carry) = offset.addingReportingOverflow(product)
      return overflow || carry ? nil : sum
    }

    guard field(header, .init(offset: 16, width: 2)) == 3 else { return "is an ELF file, but not a shared library" }
    let segments = (
      field(header, layout.segmentOffset), field(header, layout.segmentCount), field(header, layout.segmentWidth)
    )
    let sections = (
      field(header, layout.sectionOffset), field(header, layout.sectionCount), field(header, layout.sectionWidth)
    )
    guard let segmentsEnd = end(segments.0, segments.1, segments.2),
      let sectionsEnd = end(sections.0, sections.1, sections.2), segments.2 == layout.segmentSize
    else { return "has an ELF header that contradicts itself" }
    var needed = max(segmentsEnd, sectionsEnd)
    for index in 0..<(segments.1 ?? 0) where segmentsEnd <= size {
      guard let entry = read((segments.0 ?? 0) + index * layout.segmentSize, layout.segmentSize) else { break }
      guard let segmentEnd = end(field(entry, layout.fileOffset), field(entry, layout.fileSize), 1) else {
        return "has a segment that lies outside any file"
      }
      needed = max(needed, segmentEnd)
      if field(entry, .init(offset: 0, width: 4)) == dynamicSegment, segmentEnd <= size,
        let offset = field(entry, layout.fileOffset), let bytes = field(entry, layout.fileSize),
        !namesItsSymbols(read(offset, min(bytes, dynamicLimit)) ?? [], is64: is64)
      {
        return "is damaged: its dynamic section names no symbols"
      }
    }
    if needed > size { return "is truncated: it needs \(needed) bytes and has \(size)" }
    // The section headers stand at the end: a copy that was cut off and filled up with zeros has none.
    if let offset = sections.0, let count = sections.1, let width = sections.2, count > 0,
      let last = field(header, layout.sectionNames), last < count, width >= 8,
      let entry = read(offset + last * width, width),
      field(entry, .init(offset: 4, width: 4)) != stringTable
    {
      return "is damaged: its section headers are not where its header says"
    }
    return nil
  }

  private static let dynamicSegment = 2
  private static let stringTable = 3
  private static let dynamicLimit = 1 << 16

  /// Whether tags for the string table (5) and the symbol table (6) come before the end (0): the loader follows them without
  /// a look.
  private static func namesItsSymbols(_ dynamic: [UInt8], is64: Bool) -> Bool {
    let word = is64 ? 8 : 4
    var found: Set<UInt64> = []
    for offset in stride(from: 0, to: dynamic.count - 2 * word + 1, by: 2 * word) {
      let raw = dynamic[offset..<offset + word]
      let tag = (isLittleEndian ? Array(raw.reversed()) : Array(raw)).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      if tag == 0 { break }
      found.insert(tag)
    }
    return found.isSuperset(of: [5, 6])
  }

  private static let isLittleEndian = 1.littleEndian == 1

  private struct Layout {
    struct Field {
      var offset, width: Int
    }

    var segmentOffset, segmentWidth, segmentCount, sectionOffset, sectionWidth, sectionCount, sectionNames: Field
    var segmentSize: Int
    var fileOffset, fileSize: Field

    static let wide = Layout(
      segmentOffset: Field(offset: 32, width: 8), segmentWidth: Field(offset: 54, width: 2),
      segmentCount: Field(offset: 56, width: 2), sectionOffset: Field(offset: 40, width: 8),
      sectionWidth: Field(offset: 58, width: 2), sectionCount: Field(offset: 60, width: 2),
      sectionNames: Field(offset: 62, width: 2), segmentSize: 56,
      fileOffset: Field(offset: 8, width: 8), fileSize: Field(offset: 32, width: 8))
    static let narrow = Layout(
      segmentOffset: Field(offset: 28, width: 4), segmentWidth: Field(offset: 42, width: 2),
      segmentCount: Field(offset: 44, width: 2), sectionOffset: Field(offset: 32, width: 4),
      sectionWidth: Field(offset: 46, width: 2), sectionCount: Field(offset: 48, width: 2),
      sectionNames: Field(offset: 50, width: 2), segmentSize: 32,
      fileOffset: Field(offset: 4, width: 4), fileSize: Field(offset: 16, width: 4))
  }
}

extension LibraryFile {
  /// Also a link that leads nowhere is there, and is a defect to tell of.
  static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }
}

extension LibraryFile {
  /// What a library says of the machine that it needs, without being opened.
  static func requirements(of path: String) -> Manifest.Requirements {
    var requirements = Manifest.Requirements()
    let text = ELFFile(path)?.text(ofSection: ".mezzo.cpu") ?? ""
    requirements.cpu = text.split(whereSeparator: \.isWhitespace).map(String.init)
    return requirements
  }
}
