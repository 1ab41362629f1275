import CMezzoHost
import MezzoBackend

extension ProcessorFeatures {
  /// Whether the processor has a feature and the operating system lets programs use it.
  static func has(_ feature: String) -> Bool {
    names.contains(feature) && enabledStates & statesNeeded(feature) == statesNeeded(feature)
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
