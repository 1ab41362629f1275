/// Finds out how wide the integers of a BLAS are, by a call whose answer differs.
enum BlasIntegerProbe {
  private typealias Isamax =
    @convention(c) (UnsafePointer<Int64>, UnsafePointer<Float>, UnsafePointer<Int64>) -> Int64

  /// Of a count whose low half says 3 and whose whole is negative: 32-bit code sees three elements and finds the largest,
  /// 64-bit code sees a negative count, for which the answer is 0. `nil`: there is no `isamax_`.
  static func isamax(_ library: ForeignLibrary) -> CType? {
    guard let function = library.function("isamax_") else { return nil }
    let isamax = unsafeBitCast(function, to: Isamax.self)
    var count = Int64(bitPattern: 0xFFFF_FFFF_0000_0003)
    var step = Int64(1)
    let values: [Float] = [1, 2, 1]
    // The upper half of a 32-bit result is undefined.
    return Int32(truncatingIfNeeded: isamax(&count, values, &step)) == 2 ? .i32 : .i64
  }
}
