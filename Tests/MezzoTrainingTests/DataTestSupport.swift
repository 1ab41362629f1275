import CMezzoZlib
import Foundation

@testable import MezzoTraining

/// An IDX file with any header, right or wrong.
func idx(code: UInt8 = 0x08, _ extents: [UInt32], _ content: [UInt8] = []) -> [UInt8] {
  [0, 0, code, UInt8(extents.count)] + extents.flatMap { bigEndian($0) } + content
}

func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: value.bigEndian) { Array($0) }
}

/// One gzip member.
func gzip(_ plain: [UInt8], level: Int32 = 9) throws -> [UInt8] {
  var stream = z_stream()
  guard mezzo_zlib_deflate_init_gzip(&stream, level) == Z_OK else { throw GzipFailure() }
  defer { deflateEnd(&stream) }
  var packed = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(plain.count))))
  let status = plain.withUnsafeBufferPointer { input in
    packed.withUnsafeMutableBufferPointer { output in
      stream.next_in = input.baseAddress
      stream.avail_in = UInt32(input.count)
      stream.next_out = output.baseAddress
      stream.avail_out = UInt32(output.count)
      return deflate(&stream, Z_FINISH)
    }
  }
  guard status == Z_STREAM_END else { throw GzipFailure() }
  return Array(packed.prefix(Int(stream.total_out)))
}

struct GzipFailure: Error {}

/// All of a gzip file, at most `limit` bytes.
func inflate(_ bytes: [UInt8], limit: Int = 1 << 24) throws(DataError) -> [UInt8] {
  try GzipReader(bytes, name: "test").read(upTo: limit)
}

/// The error of a call that has to fail, or `nil` when it did not.
func dataError<Result>(_ body: () throws(DataError) -> Result) -> DataError? {
  do throws(DataError) {
    _ = try body()
    return nil
  } catch {
    return error
  }
}

/// A new directory that is gone after the call.
func withDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
  let directory = FileManager.default.temporaryDirectory.appendingPathComponent("mezzo-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: directory) }
  return try body(directory.path)
}

func write(_ bytes: [UInt8], to path: String) throws {
  try Data(bytes).write(to: URL(fileURLWithPath: path))
}
