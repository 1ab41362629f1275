import CMezzoFFI
import MezzoBackend

/// How the entry points of a backend are reached.
public enum CallConvention: Sendable {
  /// Through libffi, as every function of a library that was opened at run time.
  case foreign
  /// Straight, for a table that is linked into the program.
  case direct
}

/// One entry point `int32 f(void *self, void *args)` and the way to call it.
///
/// Every entry point of the ABI has this shape, so one call interface, prepared once, serves them all.
struct CallSite: Sendable {
  typealias Function = @convention(c) (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) -> Int32

  private let function: Function
  private let convention: CallConvention

  /// - Parameter function: any C function pointer whose two parameters are pointers and whose result is an `int32_t`.
  init<F>(_ function: F, _ convention: CallConvention) {
    // Sound because all entry points of the ABI have exactly this machine signature.
    self.function = unsafeBitCast(function, to: Function.self)
    self.convention = convention
  }

  /// Of the function.
  var address: UnsafeRawPointer { unsafeBitCast(function, to: UnsafeRawPointer.self) }

  @inline(__always)
  func callAsFunction<Arguments>(
    _ object: UnsafeMutableRawPointer?, _ arguments: UnsafeMutablePointer<Arguments>
  ) -> Int32 {
    switch convention {
    case .direct: function(object, UnsafeMutableRawPointer(arguments))
    case .foreign:
      mezzo_ffi_call(
        CallInterface.entryPoint.pointer, unsafeBitCast(function, to: (@convention(c) () -> Void).self), object,
        UnsafeMutableRawPointer(arguments))
    }
  }
}

/// A libffi call interface, prepared once and read by all threads.
struct CallInterface: @unchecked Sendable {
  /// Written by `ffi_prep_cif` before anyone else sees it and only read after that. Never freed: libffi keeps pointers
  /// into the type vector for as long as calls are made, which is to the end of the process.
  let pointer: UnsafeMutablePointer<ffi_cif>

  /// `int32 f(void *, void *)`
  static let entryPoint = CallInterface(pointers: 2, returns: mezzo_ffi_sint32())
  /// `void *f(const void *)`
  static let query = CallInterface(pointers: 1, returns: mezzo_ffi_pointer())

  init(pointers: Int, returns result: UnsafeMutablePointer<ffi_type>) {
    let types = UnsafeMutablePointer<UnsafeMutablePointer<ffi_type>?>.allocate(capacity: pointers)
    types.initialize(repeating: mezzo_ffi_pointer(), count: pointers)
    pointer = .allocate(capacity: 1)
    let status = ffi_prep_cif(pointer, FFI_DEFAULT_ABI, UInt32(pointers), result, types)
    precondition(status == FFI_OK, "libffi cannot prepare a call of \(pointers) pointers on this machine")
  }
}
