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
    }
    return needed > size ? "is truncated: it needs \(needed) bytes and has \(size)" : nil
  }

  private static let isLittleEndian = 1.littleEndian == 1

  private struct Layout {
    struct Field {
      var offset, width: Int
    }

    var segmentOffset, segmentWidth, segmentCount, sectionOffset, sectionWidth, sectionCount: Field
    var segmentSize: Int
    var fileOffset, fileSize: Field

    static let wide = Layout(
      segmentOffset: Field(offset: 32, width: 8), segmentWidth: Field(offset: 54, width: 2),
      segmentCount: Field(offset: 56, width: 2), sectionOffset: Field(offset: 40, width: 8),
      sectionWidth: Field(offset: 58, width: 2), sectionCount: Field(offset: 60, width: 2), segmentSize: 56,
      fileOffset: Field(offset: 8, width: 8), fileSize: Field(offset: 32, width: 8))
    static let narrow = Layout(
      segmentOffset: Field(offset: 28, width: 4), segmentWidth: Field(offset: 42, width: 2),
      segmentCount: Field(offset: 44, width: 2), sectionOffset: Field(offset: 32, width: 4),
      sectionWidth: Field(offset: 46, width: 2), sectionCount: Field(offset: 48, width: 2), segmentSize: 32,
      fileOffset: Field(offset: 4, width: 4), fileSize: Field(offset: 16, width: 4))
  }
}

extension LibraryFile {
  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}
