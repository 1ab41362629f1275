import CMezzoFFI
public import MezzoBackend

/// What reaching a function costs on this machine, measured once in a process.
public enum CallOverhead {
  /// Nanoseconds before a function of this kind does its first work.
  public static func nanoseconds(_ kind: CallKind) -> Double {
    switch kind {
    case .direct: direct
    case .foreign(let arguments):
      stepped(measured.few + (measured.many - measured.few) * Double(max(arguments, 2) - 2) / 12)
    }
  }

  /// A call through a pointer: too little to measure among the noise.
  private static let direct = 2.0

  /// Routes have to be the same from run to run, so a measurement counts only by its half powers of two.
  static func stepped(_ nanoseconds: Double) -> Double {
    var step = 4.0
    while step * 1.189 < nanoseconds, step < 1e6 { step *= 2.0.squareRoot() }
    return step
  }

  /// Of two pointers, which is every call of the ABI, and of fourteen, which is a matrix product of a BLAS.
  private static let measured: (few: Double, many: Double) = {
    let few = time(CallInterface(pointers: 2, returns: mezzo_ffi_sint32()), unsafeBitCast(nothing2, to: Function.self))
    let many = time(
      CallInterface(pointers: 14, returns: mezzo_ffi_sint32()), unsafeBitCast(nothing14, to: Function.self))
    return (few, max(many, few))
  }()

  private typealias Function = @convention(c) () -> Void
  private typealias Pointer = UnsafeRawPointer?

  private static let nothing2: @convention(c) (Pointer, Pointer) -> Int32 = { _, _ in 0 }
  private static let nothing14:
    @convention(c) (
      Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer,
      Pointer, Pointer
    ) -> Int32 = { _, _, _, _, _, _, _, _, _, _, _, _, _, _ in 0 }

  /// The best of several rounds, since whatever disturbs a round makes it longer.
  private static func time(_ interface: CallInterface, _ function: Function) -> Double {
    let calls = 500
    var argument: UnsafeMutableRawPointer?
    return withUnsafeMutableBytes(of: &argument) { bytes in
      // Each argument is the same null pointer; libffi reads through the vector and writes nothing to it.
      var values = [UnsafeMutableRawPointer?](repeating: bytes.baseAddress, count: 14)
      var result: ffi_arg = 0
      var best = Duration.seconds(1)
      for _ in 0..<7 {
        let start = ContinuousClock.now
        for _ in 0..<calls { ffi_call(interface.pointer, function, &result, &values) }
        best = min(best, ContinuousClock.now - start)
      }
      return Double(best.components.attoseconds) / 1e9 / Double(calls)
    }
  }
}
