public import CMezzoABI
public import MezzoPolicy

extension DType {
  /// DLPack's code for this dtype, `nil` for what never crosses the plugin boundary (strings, quantized names, resources).
  public var abi: mezzo_dtype? {
    let code: Int
    switch self {
    case .bool: code = MEZZO_BOOL
    case .int4, .int8, .int16, .int32, .int64: code = MEZZO_INT
    case .uint4, .uint8, .uint16, .uint32, .uint64: code = MEZZO_UINT
    case .float8E4M3FN: code = MEZZO_F8E4M3FN
    case .float8E5M2: code = MEZZO_F8E5M2
    case .bfloat16: code = MEZZO_BFLOAT
    case .float16, .float32, .float64: code = MEZZO_FLOAT
    case .complex64, .complex128: code = MEZZO_COMPLEX
    default: return nil
    }
    guard let bits = bitWidth else { return nil }
    return mezzo_dtype(code: UInt8(code), bits: UInt8(bits), lanes: 1)
  }

  /// The dtype of a DLPack code, `nil` for one that Mezzo does not have.
  public init?(abi: mezzo_dtype) {
    guard abi.lanes == 1, let dtype = Self.byABI[ABIKey(code: abi.code, bits: abi.bits)] else { return nil }
    self = dtype
  }

  /// The name that rules use: `f32`, `bf16`, `i64`, `f8e4m3fn`.
  public var shortName: String? { Self.shortNames.first { $0.value == self }?.key }

  /// The dtype of a rule's short name.
  public init?(shortName: String) {
    guard let dtype = Self.shortNames[shortName] else { return nil }
    self = dtype
  }

  private struct ABIKey: Hashable { var code, bits: UInt8 }

  private static let byABI: [ABIKey: DType] = {
    var table: [ABIKey: DType] = [:]
    for dtype in DType.allCases {
      if let abi = dtype.abi { table[ABIKey(code: abi.code, bits: abi.bits)] = dtype }
    }
    return table
  }()

  private static let shortNames: [String: DType] = [
    "bool": .bool, "i4": .int4, "i8": .int8, "i16": .int16, "i32": .int32, "i64": .int64, "u4": .uint4, "u8": .uint8,
    "u16": .uint16, "u32": .uint32, "u64": .uint64, "f8e4m3fn": .float8E4M3FN, "f8e5m2": .float8E5M2, "f16": .float16,
    "bf16": .bfloat16, "f32": .float32, "f64": .float64,
  ]
}
