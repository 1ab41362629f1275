#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What this process holds in memory.
enum ProcessMemory {
  /// Resident now and at most, in MiB. Where the system tells only the most, that twice.
  static func mebibytes() -> (now: Double, peak: Double) {
    var usage = rusage()
    #if canImport(Glibc)
      let own = RUSAGE_SELF.rawValue
    #else
      let own = RUSAGE_SELF
    #endif
    getrusage(numericCast(own), &usage)
    #if canImport(Darwin)
      let unit = 1.0
    #else
      let unit = 1024.0
    #endif
    let peak = Double(usage.ru_maxrss) * unit / 0x1p20
    return (resident() ?? peak, peak)
  }

  private static func resident() -> Double? {
    guard let file = fopen("/proc/self/statm", "r") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard fgets(&line, Int32(line.count), file) != nil else { return nil }
    let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    let fields = text.split(separator: " ")
    guard fields.count > 1, let pages = Double(fields[1]) else { return nil }
    return pages * Double(sysconf(Int32(_SC_PAGESIZE))) / 0x1p20
  }
}
