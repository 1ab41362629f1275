import MezzoLayers
import Testing

@testable import MezzoTraining

@Suite struct GzipTests {
  static let text = Array("Mezzo forte, mezzo piano. ".utf8)

  @Test(arguments: [0, 1, 26, 1 << 18, (1 << 18) + 1, 1_000_000])
  func roundTrip(count: Int) throws {
    var random = SplitMix64(seed: UInt64(count))
    let plain = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    #expect(try inflate(gzip(plain)) == plain)
    #expect(try inflate(gzip(plain, level: 0)) == plain)
  }

  @Test func readsInPieces() throws {
    let reader = try GzipReader(gzip(Self.text), name: "test")
    #expect(try reader.read(upTo: 5) == Array("Mezzo".utf8))
    #expect(try reader.read(upTo: 0).isEmpty)
    #expect(try reader.read(upTo: 100) == Array(Self.text.dropFirst(5)))
    #expect(try reader.read(upTo: 100).isEmpty)
  }

  @Test func membersFollowEachOther() throws {
    let members = try gzip(Self.text) + gzip([]) + gzip([1, 2, 3])
    #expect(try inflate(members) == Self.text + [1, 2, 3])
  }

  @Test func zeroPaddingIsIgnoredAndAnythingElseIsNot() throws {
    let packed = try gzip(Self.text)
    #expect(try inflate(packed + [0, 0, 0]) == Self.text)
    #expect(
      dataError { () throws(DataError) in try inflate(packed + [0, 1]) }
        == .corruptGzip(path: "test", reason: "2 bytes that are not gzip follow its end mark"))
  }

  @Test func everyTruncationIsAnError() throws {
    let packed = try gzip(Self.text) + gzip([1, 2, 3])
    let first = try gzip(Self.text).count
    for count in 0..<packed.count where count != first {
      #expect(
        dataError { () throws(DataError) in try inflate(Array(packed.prefix(count))) } != nil, "\(count) bytes")
    }
  }

  @Test func everyFlippedBitOfChecksumAndLengthIsFound() throws {
    let packed = try gzip(Self.text)
    for bit in 0..<64 {
      var damaged = packed
      damaged[packed.count - 8 + bit / 8] ^= 1 << (bit % 8)
      #expect(dataError { () throws(DataError) in try inflate(damaged) } != nil, "bit \(bit)")
    }
  }

  /// A gigabyte of zeros in a megabyte: no more comes out than was asked for.
  @Test func bombStopsAtTheLimit() throws {
    let block = try gzip([UInt8](repeating: 0, count: 1 << 20))
    let bomb = [[UInt8]](repeating: block, count: 1024).flatMap { $0 }
    #expect(try inflate(bomb, limit: 1000).count == 1000)
  }

  @Test func bombBehindAnIDXHeaderIsTrailingBytes() throws {
    let header = try gzip(idx([4], [1, 2, 3, 4]))
    let bomb = try header + gzip([UInt8](repeating: 0, count: 1 << 24))
    #expect(
      dataError { () throws(DataError) in try IDXFile(bomb, name: "bomb") }
        == .trailingBytes(path: "bomb", expected: 12))
  }

  @Test func mutationsNeverTrap() throws {
    var random = SplitMix64(seed: 2)
    let packed = try gzip(Self.text + Self.text) + gzip([1, 2, 3])
    for _ in 0..<2_000 {
      var bytes = packed
      bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      if let plain = try? inflate(bytes, limit: 4096) { #expect(plain.count <= 4096) }
    }
  }
}
