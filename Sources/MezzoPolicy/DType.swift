/// The element type of a tensor. The raw value is the name that Keras and TensorFlow give it.
///
/// The list is that of TensorFlow 2.4 (with its quantised and opaque kinds, which a policy may name although nothing
/// computes in them) and the 8-bit floats and 4-bit integers of today's TensorFlow.
public enum DType: String, CaseIterable, Sendable, Hashable, Codable, CustomStringConvertible {
  case bool
  case int4
  case uint4
  case int8
  case uint8
  case int16
  case uint16
  case int32
  case uint32
  case int64
  case uint64
  /// Four exponent and three significand bits; no infinity, one NaN a sign. Largest value 448.
  case float8E4M3FN = "float8_e4m3fn"
  /// Five exponent and two significand bits, arranged as in IEEE 754. Largest value 57344.
  case float8E5M2 = "float8_e5m2"
  case float16
  case bfloat16
  case float32
  case float64
  case complex64
  case complex128
  case string
  case qint8
  case quint8
  case qint16
  case quint16
  case qint32
  case resource
  case variant

  /// The dtype of that name: a canonical name, or TensorFlow's `half`, `float` or `double`. Case and spaces count.
  ///
  /// - Throws: ``PolicyError/unknownDType(name:)``.
  public init(name: String) throws(PolicyError) {
    switch name {
    case "half": self = .float16
    case "float": self = .float32
    case "double": self = .float64
    default:
      guard let dtype = DType(rawValue: name) else { throw .unknownDType(name: name) }
      self = dtype
    }
  }

  /// The canonical name, such as `float16`; never an alias.
  public var name: String { rawValue }

  public var description: String { rawValue }

  /// Whether this is a real floating-point kind: 8, 16, 32 or 64 bits wide.
  public var isFloatingPoint: Bool {
    switch self {
    case .float8E4M3FN, .float8E5M2, .float16, .bfloat16, .float32, .float64: true
    default: false
    }
  }

  /// Whether this is a plain integer kind. As in TensorFlow, `bool` and the quantised kinds are not.
  public var isInteger: Bool {
    switch self {
    case .int4, .uint4, .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64: true
    default: false
    }
  }

  /// Whether this is `complex64` or `complex128`.
  public var isComplex: Bool { self == .complex64 || self == .complex128 }

  /// Bits of one element (`bool` is stored in eight); nil for `string`, `resource` and `variant`, which have no fixed
  /// size.
  public var bitWidth: Int? {
    switch self {
    case .int4, .uint4: 4
    case .bool, .int8, .uint8, .float8E4M3FN, .float8E5M2, .qint8, .quint8: 8
    case .int16, .uint16, .float16, .bfloat16, .qint16, .quint16: 16
    case .int32, .uint32, .float32, .qint32: 32
    case .int64, .uint64, .float64, .complex64: 64
    case .complex128: 128
    case .string, .resource, .variant: nil
    }
  }

  /// Bytes of one element; nil where an element is less than a byte or has no fixed size.
  public var byteWidth: Int? {
    guard let bitWidth, bitWidth >= 8 else { return nil }
    return bitWidth / 8
  }
}
