import CMezzoFFI
import MezzoPolicy

/// libffi's call interfaces by signature, each prepared once and read by all threads.
enum ForeignInterface {
  private struct Signature: Hashable {
    var arguments: [CType]
    var returns: CType?
    var halfIsInteger: Bool
  }

  private struct Prepared: @unchecked Sendable {
    /// Written before anyone sees it, then only read; never freed, since there are few signatures.
    let pointer: UnsafeMutablePointer<ffi_cif>
  }

  private static let prepared = Locked<[Signature: Prepared]>([:])

  /// - Parameter arguments: without `size` and `blasint`, whose widths must be settled.
  /// - Returns: `nil` where libffi cannot make such calls on this machine.
  static func prepared(
    _ arguments: [CType], returns: CType?, halfIsInteger: Bool
  ) -> UnsafeMutablePointer<ffi_cif>? {
    let signature = Signature(arguments: arguments, returns: returns, halfIsInteger: halfIsInteger)
    // Under the lock, since ffi_prep_cif may write into the types.
    return prepared.withLock { table -> Prepared? in
      if let known = table[signature] { return known }
      let types = UnsafeMutablePointer<UnsafeMutablePointer<ffi_type>?>.allocate(capacity: max(arguments.count, 1))
      for (index, type) in arguments.enumerated() { (types + index).initialize(to: ffiType(type, halfIsInteger)) }
      let interface = UnsafeMutablePointer<ffi_cif>.allocate(capacity: 1)
      let result = returns.map { ffiType($0, halfIsInteger) } ?? mezzo_ffi_void()
      guard ffi_prep_cif(interface, FFI_DEFAULT_ABI, UInt32(arguments.count), result, types) == FFI_OK else {
        types.deallocate()
        interface.deallocate()
        return nil
      }
      let made = Prepared(pointer: interface)
      table[signature] = made
      return made
    }?.pointer
  }

  private static func ffiType(_ type: CType, _ halfIsInteger: Bool) -> UnsafeMutablePointer<ffi_type>? {
    switch type {
    case .i8: mezzo_ffi_sint8()
    case .i16: mezzo_ffi_sint16()
    case .i32: mezzo_ffi_sint32()
    case .i64, .blasint: mezzo_ffi_sint64()
    case .u8: mezzo_ffi_uint8()
    case .u16: mezzo_ffi_uint16()
    case .u32: mezzo_ffi_uint32()
    case .u64, .size: mezzo_ffi_uint64()
    case .f16: halfIsInteger ? mezzo_ffi_uint16() : mezzo_ffi_float()
    case .f32: mezzo_ffi_float()
    case .f64: mezzo_ffi_double()
    case .ptr, .cstr: mezzo_ffi_pointer()
    }
  }
}

extension CType {
  /// As the run path numbers results.
  static func code(_ returns: CType?, halfIsInteger: Bool) -> UInt32 {
    let code =
      switch returns {
      case nil: MEZZO_FFI_VOID
      case .i8: MEZZO_FFI_I8
      case .i16: MEZZO_FFI_I16
      case .i32: MEZZO_FFI_I32
      case .i64, .blasint: MEZZO_FFI_I64
      case .u8: MEZZO_FFI_U8
      case .u16: MEZZO_FFI_U16
      case .u32: MEZZO_FFI_U32
      case .u64, .size: MEZZO_FFI_U64
      case .f16: halfIsInteger ? MEZZO_FFI_U16 : MEZZO_FFI_F16
      case .f32: MEZZO_FFI_F32
      case .f64: MEZZO_FFI_F64
      case .ptr, .cstr: MEZZO_FFI_PTR
      }
    return UInt32(code)
  }
}
