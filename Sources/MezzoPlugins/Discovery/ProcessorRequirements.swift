import CMezzoHost
import MezzoBackend

extension Manifest.Requirements {
  /// What this machine lacks, or `nil`. Asked before a library is opened: static initializers may use what they were built
  /// for.
  var missing: String? {
    if !os.isEmpty && !os.contains(Self.system) {
      return "it is for \(os.joined(separator: ", ")), this is \(Self.system)"
    }
    if !arch.isEmpty && !arch.contains(Self.architecture) {
      return "it is for \(arch.joined(separator: ", ")), this is \(Self.architecture)"
    }
    let absent = cpu.filter { !Self.has($0) }
    return absent.isEmpty ? nil : "it needs \(absent.joined(separator: ", ")), which this processor or system lacks"
  }

  static var system: String {
    #if os(macOS)
      "macos"
    #elseif os(Linux)
      "linux"
    #else
      "other"
    #endif
  }

  static var architecture: String {
    #if arch(x86_64)
      "x86_64"
    #elseif arch(arm64)
      "aarch64"
    #else
      "other"
    #endif
  }

  private static func has(_ feature: String) -> Bool {
    ProcessorFeatures.names.contains(feature) && enabledStates & statesNeeded(feature) == statesNeeded(feature)
  }

  private static let enabledStates = mezzo_enabled_states()

  /// A processor may have registers that the operating system does not save; then using them faults, whatever the feature's
  /// bit says. Intel SDM volume 1, section 13.
  private static func statesNeeded(_ feature: String) -> UInt64 {
    #if arch(x86_64)
      if feature.hasPrefix("avx512") { return 0xE6 }
      if feature.hasPrefix("amx") { return 0x6_0000 }
      return feature.hasPrefix("avx") || ["fma", "f16c", "vaes", "vpclmulqdq"].contains(feature) ? 0x6 : 0
    #else
      return 0
    #endif
  }
}
