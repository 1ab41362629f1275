import MezzoPolicy

/// The element types of IDX: the raw value is the code in the file.
enum IDXElement: UInt8 {
  case uint8 = 0x08
  case int8 = 0x09
  case int16 = 0x0b
  case int32 = 0x0c
  case float32 = 0x0d
  case float64 = 0x0e

  var dtype: DType {
    switch self {
    case .uint8: .uint8
    case .int8: .int8
    case .int16: .int16
    case .int32: .int32
    case .float32: .float32
    case .float64: .float64
    }
  }

  var byteWidth: Int {
    switch self {
    case .uint8, .int8: 1
    case .int16: 2
    case .int32, .float32: 4
    case .float64: 8
    }
  }
}

/// What stands before the elements of an IDX file, with the byte counts that follow from it.
struct IDXHeader {
  let element: IDXElement
  let shape: [Int]
  /// Bytes of the header itself, of the elements, and of both: the sum is known to fit.
  let headerCount: Int
  let contentCount: Int
  var fileCount: Int { headerCount + contentCount }

  /// Reads the header and refuses one that declares more than `byteLimit` bytes, before anything is allocated for them.
  init(from reader: inout some ByteReader, name: String, byteLimit: Int) throws(DataError) {
    let magic = try reader.read(upTo: 4)
    if !magic.prefix(2).allSatisfy({ $0 == 0 }) {
      throw .badMagic(path: name, expected: "IDX's 00 00 or gzip's 1f 8b", got: magic)
    }
    guard magic.count == 4 else { throw .truncated(path: name, expected: 4, got: magic.count) }
    guard let element = IDXElement(rawValue: magic[2]) else { throw .unsupportedType(path: name, code: magic[2]) }
    let rank = Int(magic[3])

    let extents = try reader.read(upTo: 4 * rank)
    guard extents.count == 4 * rank else {
      throw .truncated(path: name, expected: 4 + 4 * rank, got: 4 + extents.count)
    }
    let shape = (0..<rank).map { axis in
      extents[4 * axis..<4 * axis + 4].reduce(0) { $0 << 8 | Int($1) }
    }

    self.element = element
    self.shape = shape
    headerCount = 4 + 4 * rank
    let declared = "\(shape) elements of \(element.byteWidth) bytes"
    guard let contentCount = byteCount(of: shape, width: element.byteWidth),
      contentCount <= byteLimit, headerCount <= byteLimit - contentCount
    else { throw .tooLarge(path: name, size: declared, limit: byteLimit) }
    self.contentCount = contentCount
  }
}

/// The bytes of an array, or `nil` when they do not fit an `Int`. A shape with a zero has none, whatever else is in it.
private func byteCount(of shape: [Int], width: Int) -> Int? {
  if shape.contains(0) { return 0 }
  var count = width
  for extent in shape {
    let (product, overflow) = count.multipliedReportingOverflow(by: extent)
    if overflow { return nil }
    count = product
  }
  return count
}
