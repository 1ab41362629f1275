import CMezzoZlib
import MezzoGraph

/// DEFLATE (RFC 1951), whole in memory.
enum Deflate {
  /// What is around the compressed bytes; the value is zlib's window bits.
  enum Wrapper: Int32 {
    case none = -15
    case zlib = 15
  }

  /// No stream is shorter than its content by more, so a size beyond it is a lie that needs no memory to find out.
  static let largestRatio = 1032

  /// Whether `compressed` bytes can become `inflated` bytes.
  static func isPossible(inflated: Int, compressed: Int) -> Bool {
    compressed >= 0 && inflated >= 0 && (inflated - 64) / largestRatio <= compressed
  }

  /// Inflates to exactly `output.count` bytes.
  ///
  /// - Returns: what is wrong, `nil` if nothing is.
  static func inflate(
    _ input: UnsafeRawBufferPointer, _ wrapper: Wrapper, into output: UnsafeMutableRawBufferPointer
  ) -> String? {
    var stream = z_stream()
    guard mezzo_zlib_inflate_init(&stream, wrapper.rawValue) == Z_OK else { return "zlib could not start" }
    defer { inflateEnd(&stream) }
    // zlib's counters hold 32 bits: both sides are handed over in pieces. A byte of its own takes what is too much.
    var (taken, made) = (0, 0)
    var spare: UInt8 = 0
    return withUnsafeMutablePointer(to: &spare) { spare in
      while true {
        let piece = min(input.count - taken, 1 << 30)
        let room = min(output.count - made, 1 << 30)
        stream.next_in = input.baseAddress?.advanced(by: taken).assumingMemoryBound(to: UInt8.self)
        stream.avail_in = UInt32(piece)
        stream.next_out =
          room > 0 ? output.baseAddress?.advanced(by: made).assumingMemoryBound(to: UInt8.self) : spare
        stream.avail_out = UInt32(max(room, 1))
        let status = CMezzoZlib.inflate(&stream, Z_NO_FLUSH)
        let produced = max(room, 1) - Int(stream.avail_out)
        taken += piece - Int(stream.avail_in)
        if room == 0, produced > 0 { return "expected \(output.count) bytes when inflated, found more" }
        made += produced
        switch status {
        case Z_OK: continue
        case Z_STREAM_END:
          return made == output.count ? nil : "expected \(output.count) bytes when inflated, found \(made)"
        case Z_BUF_ERROR: return "its compressed bytes end before their end mark"
        default: return "zlib says '\(stream.msg.map { String(cString: $0) } ?? "status \(status)")'"
        }
      }
    }
  }

  /// The bytes compressed without a wrapper; `nil` where zlib has no memory.
  static func compress(_ parts: [UnsafeRawBufferPointer]) -> [UInt8]? {
    var stream = z_stream()
    guard mezzo_zlib_deflate_init_raw(&stream, 6) == Z_OK else { return nil }
    defer { deflateEnd(&stream) }
    var output: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    func pump(_ flush: Int32) -> Bool {
      while true {
        let (status, produced) = chunk.withUnsafeMutableBufferPointer { buffer in
          stream.next_out = buffer.baseAddress
          stream.avail_out = UInt32(buffer.count)
          return (deflate(&stream, flush), buffer.count - Int(stream.avail_out))
        }
        output += chunk[..<produced]
        if status == Z_STREAM_END { return true }
        guard status == Z_OK || status == Z_BUF_ERROR else { return false }
        if flush == Z_NO_FLUSH, stream.avail_in == 0, stream.avail_out > 0 { return true }
      }
    }
    for part in parts {
      var rest = part[...]
      while !rest.isEmpty {
        let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
        stream.next_in = piece.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_in = UInt32(piece.count)
        guard pump(Z_NO_FLUSH) else { return nil }
        rest = rest.dropFirst(piece.count)
      }
    }
    return pump(Z_FINISH) ? output : nil
  }

  /// The CRC-32 that zip archives keep.
  static func checksum(_ parts: [UnsafeRawBufferPointer]) -> UInt32 {
    var value: UInt = 0
    // zlib takes no bytes at no address for a new beginning.
    for part in parts where !part.isEmpty {
      value = crc32_z(value, part.baseAddress?.assumingMemoryBound(to: UInt8.self), part.count)
    }
    return UInt32(truncatingIfNeeded: value)
  }
}
