import MezzoBackend
import MezzoPolicy

/// The C types of arguments, results and locals, as manifests name them.
enum CType: String, Sendable, CaseIterable {
  case i8, i16, i32, i64, u8, u16, u32, u64, f16, f32, f64, ptr, size, blasint, cstr

  /// The same with `size` and `blasint` as the machine and the library have them.
  func resolved(blasint: CType) -> CType {
    switch self {
    case .blasint: blasint
    case .size: MemoryLayout<UInt>.size == 8 ? .u64 : .u32
    default: self
    }
  }

  var isInteger: Bool {
    switch self {
    case .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .size, .blasint: true
    case .f16, .f32, .f64, .ptr, .cstr: false
    }
  }

  var isFloat: Bool { self == .f16 || self == .f32 || self == .f64 }

  /// What expressions see of such a value; `nil` for addresses, with which they cannot compute.
  var ruleType: RuleType? { isInteger ? .integer : isFloat ? .float : nil }

  /// Writes a number to the beginning of a slot; `false` where this type cannot hold it.
  ///
  /// A floating-point type rounds, but makes no infinity of a finite number.
  func store(_ value: RuleValue, in slot: UnsafeMutableRawPointer) -> Bool {
    func integer<T: FixedWidthInteger>(_: T.Type) -> Bool {
      guard case .int(let value) = value, let narrow = T(exactly: value) else { return false }
      slot.storeBytes(of: narrow, as: T.self)
      return true
    }
    switch self {
    case .i8: return integer(Int8.self)
    case .i16: return integer(Int16.self)
    case .i32: return integer(Int32.self)
    case .i64: return integer(Int64.self)
    case .u8: return integer(UInt8.self)
    case .u16: return integer(UInt16.self)
    case .u32: return integer(UInt32.self)
    case .u64: return integer(UInt64.self)
    case .f64:
      guard let double = value.double else { return false }
      slot.storeBytes(of: double, as: Double.self)
      return true
    case .f32:
      guard let double = value.double, Float(double).isInfinite == double.isInfinite else { return false }
      slot.storeBytes(of: Float(double), as: Float.self)
      return true
    case .f16:
      // libffi has no half: it travels in the low bits of a float's register, or as the integer that a library takes it for.
      guard let double = value.double, let bits = Self.halfBits(double) else { return false }
      slot.storeBytes(of: UInt32(bits), as: UInt32.self)
      return true
    case .size, .blasint, .ptr, .cstr: return false
    }
  }

  /// The number in a local's cell.
  func load(_ cell: UnsafeRawPointer) -> RuleValue? {
    switch self {
    case .i8: .int(Int(cell.load(as: Int8.self)))
    case .i16: .int(Int(cell.load(as: Int16.self)))
    case .i32: .int(Int(cell.load(as: Int32.self)))
    case .i64: .int(Int(cell.load(as: Int64.self)))
    case .u8: .int(Int(cell.load(as: UInt8.self)))
    case .u16: .int(Int(cell.load(as: UInt16.self)))
    case .u32: Int(exactly: cell.load(as: UInt32.self)).map { .int($0) }
    case .u64: Int(exactly: cell.load(as: UInt64.self)).map { .int($0) }
    case .f32: .float(Double(cell.load(as: Float.self)))
    case .f64: .float(cell.load(as: Double.self))
    case .f16, .size, .blasint, .ptr, .cstr: nil
    }
  }

  var byteWidth: Int {
    switch self {
    case .i8, .u8: 1
    case .i16, .u16, .f16: 2
    case .i32, .u32, .f32: 4
    case .i64, .u64, .f64: 8
    case .ptr, .cstr, .size, .blasint: MemoryLayout<UInt>.size
    }
  }

  private static func halfBits(_ value: Double) -> UInt16? {
    let half = Half(value)
    return Double(half).isInfinite == value.isInfinite ? half.bitPattern : nil
  }
}
