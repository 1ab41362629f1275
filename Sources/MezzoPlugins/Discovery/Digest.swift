import CMezzoHost

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// SHA-256 in hexadecimal digits.
struct Digest: Hashable, Sendable, Codable, CustomStringConvertible {
  let description: String

  /// Of a file's content; `nil` where it cannot be read.
  init?(file path: String) {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 32)
    guard mezzo_sha256_file(file, &bytes) == 0 else { return nil }
    self.init(bytes)
  }

  init(text: String) {
    var bytes = [UInt8](repeating: 0, count: 32)
    var text = text
    text.withUTF8 { mezzo_sha256($0.baseAddress, UInt64($0.count), &bytes) }
    self.init(bytes)
  }

  private init(_ bytes: [UInt8]) {
    let digits = Array("0123456789abcdef".utf8)
    description = String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  init(from decoder: any Decoder) throws { description = try decoder.singleValueContainer().decode(String.self) }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// What tells whether a file is still the one that was looked at, without reading it.
struct FileStamp: Hashable, Sendable, Codable {
  var path: String
  var size: Int64
  var inode: UInt64
  /// Nanoseconds.
  var modified: Int64

  /// `nil` where there is no such file.
  init?(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    self.path = path
    size = Int64(status.st_size)
    inode = UInt64(status.st_ino)
    #if canImport(Darwin)
      let time = status.st_mtimespec
    #else
      let time = status.st_mtim
    #endif
    modified = Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}
