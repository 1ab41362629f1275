/// Numbers as people read them.
package enum Format {
  /// `12.34`, with exactly so many digits behind the point.
  package static func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return "\(value)" }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 1e15 else { return "\(value)" }
    let whole = Int(scaled)
    let unit = Int(scale)
    let sign = value < 0 && whole > 0 ? "-" : ""
    if digits == 0 { return "\(sign)\(whole)" }
    let fraction = String(whole % unit)
    return "\(sign)\(whole / unit).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
  }

  package static func percent(_ share: Double?) -> String { share.map { "\(fixed($0 * 100, 2)) %" } ?? "–" }

  package static func milliseconds(_ value: Double) -> String { "\(fixed(value, value < 10 ? 2 : 1)) ms" }

  package static func bytes(_ count: Int) -> String {
    switch count {
    case ..<1024: "\(count) B"
    case ..<(1 << 20): "\(fixed(Double(count) / 1024, 1)) KiB"
    case ..<(1 << 30): "\(fixed(Double(count) / 1_048_576, 1)) MiB"
    default: "\(fixed(Double(count) / 1_073_741_824, 2)) GiB"
    }
  }

  package static func seconds(_ value: Double) -> String {
    guard value.isFinite, value < 1e9 else { return "–" }
    let whole = Int(value.rounded())
    return whole < 60 ? "\(whole) s" : "\(whole / 60) min \(whole % 60) s"
  }

  /// `32768` as `2^15`; other values as they are.
  package static func scale(_ value: Float) -> String {
    value >= 2 && value.isFinite && value.significand == 1 ? "2^\(value.exponent)" : "\(value)"
  }

  package static func grouped(_ count: Int) -> String {
    let digits = Array(String(count))
    return String(
      digits.enumerated().flatMap { index, digit in
        index > 0 && (digits.count - index) % 3 == 0 ? [",", digit] : [digit]
      })
  }
}

extension String {
  package func padded(to width: Int) -> String { self + String(repeating: " ", count: max(width - count, 0)) }

  package func paddedLeft(to width: Int) -> String { String(repeating: " ", count: max(width - count, 0)) + self }

  /// Lines of at most `width` characters, broken between words; a longer word is a line of its own.
  package func wrapped(to width: Int) -> [String] {
    var lines: [String] = []
    for word in split(separator: " ") {
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] = last + " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}
