import MezzoBackend
import MezzoPolicy

/// What the front of an `.npy` file says (NumPy's format 1.0 to 3.0): the dtype, the order of the axes and the shape.
struct NumPyHeader {
  var type: TensorType
  /// Whether the first axis is the fastest.
  var isFortranOrder: Bool
  var isBigEndian: Bool
  /// Where the elements begin.
  var dataStart: Int

  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  static func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.starts(with: magic) }

  init(_ file: FileBytes) throws(CheckpointError) {
    var cursor = try ByteCursor(file.bytes, 0..<file.count) { reason in
      .damaged(path: file.path, .npy, reason: reason)
    }
    guard try cursor.take(Self.magic.count).elementsEqual(Self.magic) else {
      throw .damaged(path: file.path, .npy, reason: "expected \\x93NUMPY at its beginning")
    }
    let (major, minor) = try (cursor.byte(), cursor.byte())
    guard (1...3).contains(major), minor == 0 else {
      throw .unsupported(
        path: file.path, .npy, reason: "it is of version \(major).\(minor), expected 1.0, 2.0 or 3.0")
    }
    let length = try cursor.size(major == 1 ? 2 : 4)
    // More than any shape needs; only arrays of structures have longer ones.
    guard length <= 1 << 20 else { throw cursor.error("its header would be \(length) bytes long") }
    let text = try cursor.take(length)
    dataStart = cursor.place
    var dictionary = PythonDictionary(text)
    guard let members = dictionary.parse(), Set(members.keys) == ["descr", "fortran_order", "shape"] else {
      throw cursor.error("expected a header with descr, fortran_order and shape, and no more")
    }
    guard case .bool(let isFortranOrder)? = members["fortran_order"], case .tuple(let shape)? = members["shape"] else {
      throw cursor.error(
        "expected a header whose fortran_order is True or False and whose shape is a tuple of integers")
    }
    guard case .string(let descriptor)? = members["descr"] else {
      throw .unsupported(path: file.path, .npy, reason: "its elements are structures, expected numbers")
    }
    guard let (dtype, isBigEndian) = Self.dtype(descriptor) else {
      throw .unsupported(path: file.path, .npy, reason: "its elements are '\(descriptor)', " + Self.advice(descriptor))
    }
    self.isFortranOrder = isFortranOrder
    self.isBigEndian = isBigEndian
    type = TensorType(dtype, shape)
    guard let byteCount = type.checkedByteCount, byteCount == file.count - dataStart else {
      throw .damaged(
        path: file.path, .npy,
        reason: "its header states \(type), and \(file.count - dataStart) bytes follow it")
    }
  }

  private static func dtype(_ descriptor: String) -> (DType, isBigEndian: Bool)? {
    var kind = descriptor[...]
    guard let order = kind.popFirst(), "<>|=".contains(order), let dtype = dtypes[String(kind)] else { return nil }
    return (dtype, order == ">")
  }

  private static func advice(_ descriptor: String) -> String {
    switch descriptor.dropFirst().first {
    case "O": "pickled objects, which are never read: they may run code"
    case "U", "S", "M", "m": "expected numbers or bool"
    case "V": "expected bfloat16 if elements are raw; view them as uint8 before saving"
    default: "expected bool, integers, floats or complex numbers of a width that Mezzo has"
    }
  }

  /// NumPy's names without the byte order. It has none for bfloat16; what `ml_dtypes` adds is saved as raw pairs of bytes.
  static let names: [DType: String] = [
    .bool: "b1", .int8: "i1", .int16: "i2", .int32: "i4", .int64: "i8", .uint8: "u1", .uint16: "u2", .uint32: "u4",
    .uint64: "u8", .float16: "f2", .float32: "f4", .float64: "f8", .complex64: "c8", .complex128: "c16",
    .bfloat16: "V2",
  ]

  private static let dtypes = Dictionary(uniqueKeysWithValues: names.map { ($0.value, $0.key) })

  /// The front of a file of that type, in NumPy's layout: padded so that the elements begin at a multiple of 64.
  ///
  /// - Returns: `nil` for a dtype that NumPy has no name for.
  static func bytes(of type: TensorType) -> [UInt8]? {
    guard let name = names[type.dtype], let width = type.dtype.byteWidth else { return nil }
    let order = width == 1 || type.dtype == .bfloat16 ? "|" : "<"
    let shape =
      type.shape.count == 1 ? "(\(type.shape[0]),)" : "(\(type.shape.map(String.init).joined(separator: ", ")))"
    let text = Array("{'descr': '\(order)\(name)', 'fortran_order': False, 'shape': \(shape), }".utf8)
    let isLong = text.count + 75 > 0xFFFF
    let front = magic.count + 2 + (isLong ? 4 : 2)
    let padding = (64 - (front + text.count + 1) % 64) % 64
    let length = text.count + padding + 1
    let lengthBytes = (0..<(isLong ? 4 : 2)).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
    return magic + [isLong ? 2 : 1, 0] + lengthBytes + text + [UInt8](repeating: 0x20, count: padding) + [0x0A]
  }
}

/// Reads the dictionary of Python literals that an `.npy` header is: strings, booleans, and tuples of integers.
struct PythonDictionary {
  enum Value: Equatable {
    case bool(Bool)
    case string(String)
    case tuple([Int])
    /// What describes structures; what it says does not matter.
    case list
  }

  private let bytes: UnsafeRawBufferPointer
  private var place = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// `nil` where it is no such dictionary, or has a name twice.
  mutating func parse() -> [String: Value]? {
    var members: [String: Value] = [:]
    guard take("{") else { return nil }
    while !take("}") {
      guard let name = string(), take(":"), let value = value(), members.updateValue(value, forKey: name) == nil,
        take(",") || peek("}")
      else { return nil }
    }
    skipSpace()
    return place == bytes.count ? members : nil
  }

  private mutating func value() -> Value? {
    if peek("'") || peek("\"") { return string().map(Value.string) }
    if take("(") { return tuple() }
    if peek("[") { return list() }
    if word("True") { return .bool(true) }
    if word("False") { return .bool(false) }
    return nil
  }

  private mutating func tuple() -> Value? {
    var elements: [Int] = []
    while !take(")") {
      guard let element = integer(), elements.count < 64, take(",") || peek(")") else { return nil }
      elements.append(element)
    }
    return .tuple(elements)
  }

  /// Passes over a list up to the bracket that closes it.
  private mutating func list() -> Value? {
    var depth = 0
    while place < bytes.count {
      let byte = bytes[place]
      place += 1
      if byte == UInt8(ascii: "[") { depth += 1 }
      if byte == UInt8(ascii: "]") { depth -= 1 }
      if depth == 0 { return .list }
    }
    return nil
  }

  private mutating func integer() -> Int? {
    skipSpace()
    let start = place
    while place < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[place]) { place += 1 }
    let value = Int(String(decoding: bytes[start..<place], as: UTF8.self))
    // Python 2 marked long integers.
    if value != nil, place < bytes.count, bytes[place] == UInt8(ascii: "L") { place += 1 }
    return value
  }

  private mutating func string() -> String? {
    let quote: UInt8
    if take("'") { quote = UInt8(ascii: "'") } else if take("\"") { quote = UInt8(ascii: "\"") } else { return nil }
    let start = place
    while place < bytes.count, bytes[place] != quote {
      guard bytes[place] != UInt8(ascii: "\\") else { return nil }
      place += 1
    }
    guard place < bytes.count else { return nil }
    defer { place += 1 }
    return String(validating: bytes[start..<place], as: UTF8.self)
  }

  private mutating func skipSpace() {
    while place < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[place]) { place += 1 }
  }

  private mutating func peek(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    return place < bytes.count && bytes[place] == UInt8(ascii: character)
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek(character) else { return false }
    place += 1
    return true
  }

  private mutating func word(_ word: String) -> Bool {
    skipSpace()
    guard bytes[place...].starts(with: word.utf8) else { return false }
    place += word.utf8.count
    return true
  }
}
