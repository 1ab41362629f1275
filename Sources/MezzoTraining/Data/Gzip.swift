import CMezzoZlib

/// Inflates a gzip file (RFC 1952) as far as it is asked to, one or more members in a row.
///
/// The caller says how many bytes it wants, so a small file that inflates to terabytes costs no more than that.
/// zlib checks the CRC-32 and the length of each member when its end is reached.
final class GzipReader: ByteReader {
  private static let chunk = 1 << 18

  private let name: String
  private let input: [UInt8]
  private var position = 0
  private var inflated = 0
  private var atEnd = false
  /// zlib keeps a pointer back to the stream, so the stream must not move.
  private let stream: UnsafeMutablePointer<z_stream>
  private let scratch: UnsafeMutableBufferPointer<UInt8>

  /// - Parameters:
  ///   - input: the whole compressed file.
  ///   - name: what errors call it.
  init(_ input: [UInt8], name: String) throws(DataError) {
    self.name = name
    self.input = input
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    scratch = .allocate(capacity: Self.chunk)
    // After a failure here zlib holds nothing, and `deinit`'s `inflateEnd` on a zeroed stream does nothing.
    let status = mezzo_zlib_inflate_init_gzip(stream)
    guard status == Z_OK else { throw corrupt("zlib could not start (status \(status))") }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
    scratch.deallocate()
  }

  /// Whether the bytes begin as a gzip file does.
  static func recognizes(_ bytes: some Sequence<UInt8>) -> Bool {
    bytes.starts(with: [0x1f, 0x8b])
  }

  func read(upTo count: Int) throws(DataError) -> [UInt8] {
    var output: [UInt8] = []
    // Grows with what arrives: the count may come from a header that promises more than the file has.
    while output.count < count, !atEnd {
      let produced = try step(room: min(count - output.count, Self.chunk))
      output.append(contentsOf: UnsafeBufferPointer(rebasing: scratch[..<produced]))
    }
    return output
  }

  /// Inflates once into `scratch` and returns how many bytes are new there.
  private func step(room: Int) throws(DataError) -> Int {
    // Below 2^32, which is what zlib's counters hold.
    let available = min(input.count - position, 1 << 30)
    let stream = stream
    stream.pointee.next_out = scratch.baseAddress
    stream.pointee.avail_out = UInt32(room)
    let status = input.withUnsafeBufferPointer { buffer in
      // Lent for this one call: zlib copies what it needs to keep, and the pointer is set anew each time.
      stream.pointee.next_in = buffer.baseAddress.map { $0 + position }
      stream.pointee.avail_in = UInt32(available)
      return inflate(stream, Z_NO_FLUSH)
    }
    position += available - Int(stream.pointee.avail_in)
    let produced = room - Int(stream.pointee.avail_out)
    inflated += produced
    switch status {
    case Z_OK: break
    case Z_STREAM_END: try beginNextMember()
    case Z_BUF_ERROR: throw corrupt("it ends after \(input.count) compressed bytes, before its end mark")
    default:
      let detail = stream.pointee.msg.map { String(cString: $0) } ?? "status \(status)"
      throw corrupt("after \(inflated) bytes zlib says '\(detail)'")
    }
    return produced
  }

  private func beginNextMember() throws(DataError) {
    let rest = input[position...]
    if Self.recognizes(rest) {
      inflateReset(stream)
    } else if rest.allSatisfy({ $0 == 0 }) {
      // Tapes and block devices pad with zeros, and gzip itself ignores them.
      atEnd = true
    } else {
      throw corrupt("\(rest.count) bytes that are not gzip follow its end mark")
    }
  }

  private func corrupt(_ reason: String) -> DataError {
    .corruptGzip(path: name, reason: reason)
  }
}
