import MezzoLayers
import MezzoPolicy
import Testing

@testable import MezzoTraining

@Suite struct IDXFileTests {
  static let small = idx([2, 3], [1, 2, 3, 4, 5, 6])

  @Test(arguments: [false, true])
  func roundTrip(compressed: Bool) throws {
    let file = try IDXFile(compressed ? gzip(Self.small) : Self.small, name: "small")
    #expect(file.shape == [2, 3])
    #expect(file.dtype == .uint8)
    #expect(file.bytes == [1, 2, 3, 4, 5, 6])
  }

  @Test func elementsComeInHostOrder() throws {
    let values: [Int32] = [1, -2, .max, .min]
    let file = try IDXFile(idx(code: 0x0c, [4], values.flatMap { bigEndian($0) }), name: "int32")
    #expect(file.dtype == .int32)
    #expect(file.bytes.withUnsafeBytes { Array($0.bindMemory(to: Int32.self)) } == values)

    let doubles = [0.5, -1e300, .infinity]
    let wide = try IDXFile(idx(code: 0x0e, [3], doubles.flatMap { bigEndian($0.bitPattern) }), name: "float64")
    #expect(wide.dtype == .float64)
    #expect(wide.bytes.withUnsafeBytes { Array($0.bindMemory(to: Double.self)) } == doubles)
  }

  @Test(arguments: [
    (0x08 as UInt8, DType.uint8, 1), (0x09, .int8, 1), (0x0b, .int16, 2), (0x0c, .int32, 4), (0x0d, .float32, 4),
    (0x0e, .float64, 8),
  ])
  func everyElementType(code: UInt8, dtype: DType, width: Int) throws {
    let file = try IDXFile(idx(code: code, [2], [UInt8](repeating: 7, count: 2 * width)), name: "typed")
    #expect(file.dtype == dtype)
    #expect(file.bytes.count == 2 * width)
  }

  @Test func otherElementTypesAreRefused() {
    for code in UInt8.min...UInt8.max where IDXElement(rawValue: code) == nil {
      #expect(
        dataError { () throws(DataError) in try IDXFile(idx(code: code, [0]), name: "x") }
          == .unsupportedType(path: "x", code: code))
    }
  }

  @Test func emptySetAndSingleElement() throws {
    let empty = try IDXFile(idx([0, 28, 28]), name: "empty")
    #expect(empty.shape == [0, 28, 28])
    #expect(empty.bytes.isEmpty)
    #expect(try IDXFile(gzip(idx([0, 28, 28])), name: "empty").bytes.isEmpty)
    #expect(try IDXFile(idx([], [9]), name: "scalar").bytes == [9])
  }

  @Test func zeroExtentNeverOverflows() throws {
    let extents = [UInt32](repeating: .max, count: 254) + [0]
    #expect(try IDXFile(idx(code: 0x0e, extents), name: "zero").bytes.isEmpty)
  }

  @Test func everyTruncationIsAnError() throws {
    for count in 0..<Self.small.count {
      let error = dataError { () throws(DataError) in try IDXFile(Array(Self.small.prefix(count)), name: "cut") }
      let expected = count < 4 ? 4 : count < 12 ? 12 : 18
      #expect(error == .truncated(path: "cut", expected: expected, got: count))
    }
    let packed = try gzip(Self.small)
    for count in 0..<packed.count {
      #expect(dataError { () throws(DataError) in try IDXFile(Array(packed.prefix(count)), name: "cut") } != nil)
    }
  }

  @Test func trailingBytesAreAnError() throws {
    let long = Self.small + [0]
    let expected = DataError.trailingBytes(path: "long", expected: 18)
    #expect(dataError { () throws(DataError) in try IDXFile(long, name: "long") } == expected)
    let packed = try gzip(long)
    #expect(dataError { () throws(DataError) in try IDXFile(packed, name: "long") } == expected)
  }

  @Test func badMagic() {
    let page = Array("<!DOCTYPE html>".utf8)
    let error = dataError { () throws(DataError) in try IDXFile(page, name: "page.gz") }
    #expect(
      error == .badMagic(path: "page.gz", expected: "IDX's 00 00 or gzip's 1f 8b", got: Array(page.prefix(4))))
    #expect(error?.description.contains("3c 21 44 4f") == true)
  }

  /// Products beyond 64 bits, products that wrap to something small, and one that fits but is far over the limit.
  @Test(arguments: [(UInt32.max, 3), (1 << 31, 3), (1 << 16, 4), (.max, 1), (.max, 255)])
  func hugeDeclaredSizes(extent: UInt32, rank: Int) throws {
    let extents = [UInt32](repeating: extent, count: rank)
    for bytes in [idx(code: 0x0e, extents, [1, 2, 3]), try gzip(idx(code: 0x0e, extents, [1, 2, 3]))] {
      guard
        case .tooLarge(_, _, IDXFile.defaultByteLimit)? = dataError({ () throws(DataError) in
          try IDXFile(bytes, name: "huge")
        })
      else {
        Issue.record("\(extent) in \(rank) dimensions was not refused")
        continue
      }
    }
  }

  /// The promise of a gigabyte must not be paid for before it arrives.
  @Test func declaredButAbsentBytesAreTruncation() {
    let bytes = idx([1 << 29], [1])
    #expect(
      dataError { () throws(DataError) in try IDXFile(bytes, name: "short") }
        == .truncated(path: "short", expected: (1 << 29) + 8, got: 9))
  }

  @Test func byteLimitIsExact() throws {
    #expect(try IDXFile(Self.small, name: "small", byteLimit: 18).bytes.count == 6)
    for limit in [17, 6, 0, -1, Int.min] {
      #expect(
        dataError { () throws(DataError) in try IDXFile(Self.small, name: "small", byteLimit: limit) }
          == .tooLarge(path: "small", size: "[2, 3] elements of 1 bytes", limit: limit))
    }
  }

  /// Whatever the bytes, the outcome is a file whose bytes fit its shape, or an error.
  @Test func mutationsNeverTrap() throws {
    var random = SplitMix64(seed: 1)
    let originals = [Self.small, try gzip(Self.small), try gzip(Self.small, level: 0)]
    for round in 0..<2_000 {
      var bytes = originals[round % originals.count]
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if let file = try? IDXFile(bytes, name: "mutant", byteLimit: 1 << 20) {
        let elements = file.shape.reduce(1, *)
        #expect(file.bytes.count.isMultiple(of: max(elements, 1)))
      }
    }
  }
}
