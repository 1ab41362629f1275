public import MezzoPolicy

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension ConfigurationValue {
  /// The value as JSON in one line, members in order of their names. Numbers that JSON has none for are written as the
  /// strings that golden files have for them.
  public var compact: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    guard let data = try? encoder.encode(self) else { return kind }
    return String(decoding: data, as: UTF8.self)
  }
}
