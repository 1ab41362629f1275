#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What the processor can do and the system lets programs use, by the names that Linux gives: `avx2`, `avx512_bf16`.
public enum ProcessorFeatures {
  /// Empty on systems that do not say; a rule that asks for a feature then declines.
  public static let names: Set<String> = {
    #if os(Linux)
      guard let file = fopen("/proc/cpuinfo", "r") else { return [] }
      defer { fclose(file) }
      var line = [CChar](repeating: 0, count: 16_384)
      while fgets(&line, Int32(line.count), file) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let parts = text.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, ["flags", "Features"].contains(parts[0].prefix { $0 != "\t" && $0 != " " }) else {
          continue
        }
        return Set(parts[1].split(whereSeparator: \.isWhitespace).map(String.init))
      }
    #endif
    return []
  }()
}
