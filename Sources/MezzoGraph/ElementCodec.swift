import MezzoPolicy

/// Reads and writes single elements as `Double`; for construction, printing and tests, not for arithmetic.
struct ElementCodec: Sendable {
  let load: @Sendable (UnsafeMutableRawBufferPointer, Int) -> Double
  let store: @Sendable (Double, UnsafeMutableRawBufferPointer, Int) -> Void

  /// `nil` for dtypes whose elements are less than a byte, or no numbers.
  init?(_ dtype: DType) {
    switch dtype {
    case .bool:
      self.init(load: { $0[$1] == 0 ? 0 : 1 }, store: { $1[$2] = $0 == 0 ? 0 : 1 })
    case .int8: self.init(integer: Int8.self)
    case .int16: self.init(integer: Int16.self)
    case .int32: self.init(integer: Int32.self)
    case .int64: self.init(integer: Int64.self)
    case .uint8: self.init(integer: UInt8.self)
    case .uint16: self.init(integer: UInt16.self)
    case .uint32: self.init(integer: UInt32.self)
    case .uint64: self.init(integer: UInt64.self)
    case .float8E4M3FN: self.init(small: .float8E4M3FN, UInt8.self)
    case .float8E5M2: self.init(small: .float8E5M2, UInt8.self)
    case .float16: self.init(small: .float16, UInt16.self)
    case .bfloat16: self.init(small: .bfloat16, UInt16.self)
    case .float32:
      self.init(
        load: { Double($0.load(fromByteOffset: $1, as: Float.self)) },
        store: { $1.storeBytes(of: Float($0), toByteOffset: $2, as: Float.self) })
    case .float64:
      self.init(
        load: { $0.load(fromByteOffset: $1, as: Double.self) },
        store: { $1.storeBytes(of: $0, toByteOffset: $2, as: Double.self) })
    default: return nil
    }
  }

  private init(
    load: @escaping @Sendable (UnsafeMutableRawBufferPointer, Int) -> Double,
    store: @escaping @Sendable (Double, UnsafeMutableRawBufferPointer, Int) -> Void
  ) {
    self.load = load
    self.store = store
  }

  /// Truncates and saturates; NaN becomes 0, as a cast on a backend does.
  private init<I: FixedWidthInteger & Sendable>(integer: I.Type) {
    load = { Double($0.load(fromByteOffset: $1, as: I.self)) }
    store = { value, bytes, offset in
      let rounded =
        value.isNaN ? 0 : value >= Double(I.max) ? I.max : value <= Double(I.min) ? I.min : I(value)
      bytes.storeBytes(of: rounded, toByteOffset: offset, as: I.self)
    }
  }

  private init<I: FixedWidthInteger & UnsignedInteger & Sendable>(small format: SmallFloat, _: I.Type) {
    load = { format.decode(UInt16($0.load(fromByteOffset: $1, as: I.self))) }
    store = { $1.storeBytes(of: I(truncatingIfNeeded: format.encode($0)), toByteOffset: $2, as: I.self) }
  }
}
