import MezzoBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What stands around the memory that a backend under test is handed.
public enum Guarding: String, Sendable, Codable {
  /// Bytes that are compared afterwards: what was written there is reported, what was only read is not.
  case canaries
  /// Pages that nobody may touch, flush with one end: a read or write beyond it kills the process with SIGSEGV, so this
  /// is for a process whose death somebody watches.
  case pages
}

/// Bytes with a guard on both sides.
final class GuardedMemory {
  /// Without the guard pages.
  let bytes: UnsafeMutableRawBufferPointer
  /// Of the first byte that belongs to the backend.
  let offset: Int
  private let mapping: UnsafeMutableRawBufferPointer?

  /// More than one vector register, so that a kernel that works in whole vectors is caught.
  private static let canaryBytes = 128

  /// - Parameter atStart: the guard page is flush with the first byte, which catches reads before it; else with the last one,
  ///   up to what the alignment leaves.
  init(byteCount: Int, alignment: Int, guarding: Guarding, atStart: Bool) {
    if guarding == .pages, let mapping = Self.map(byteCount) {
      self.mapping = mapping
      let page = Self.pageSize
      bytes = UnsafeMutableRawBufferPointer(rebasing: mapping[page..<(mapping.count - page)])
      offset = atStart ? 0 : (bytes.count - byteCount) / alignment * alignment
    } else {
      mapping = nil
      bytes = .allocate(
        byteCount: byteCount + 2 * Self.canaryBytes, alignment: max(alignment, Rule.guaranteedAlignment))
      offset = Self.canaryBytes
    }
  }

  deinit {
    if let mapping { munmap(mapping.baseAddress, mapping.count) } else { bytes.deallocate() }
  }

  private static let pageSize = sysconf(Int32(_SC_PAGESIZE))

  /// Whole pages for the bytes, and one before and one behind that cannot be touched; `nil` where the system has none
  /// left.
  private static func map(_ byteCount: Int) -> UnsafeMutableRawBufferPointer? {
    let inner = (max(byteCount, 1) + pageSize - 1) / pageSize * pageSize
    let count = inner + 2 * pageSize
    guard let start = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0),
      start != UnsafeMutableRawPointer(bitPattern: -1)
    else { return nil }
    guard mprotect(start, pageSize, PROT_NONE) == 0, mprotect(start + pageSize + inner, pageSize, PROT_NONE) == 0 else {
      munmap(start, count)
      return nil
    }
    return UnsafeMutableRawBufferPointer(start: start, count: count)
  }
}
