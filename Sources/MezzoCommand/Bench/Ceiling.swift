import CMezzoHost
import Dispatch
import Mezzo

/// What this machine does at best, measured: multiplications and additions in registers, bytes read from memory, all threads
/// together. Nothing that computes can be faster.
struct Ceiling: Encodable, Sendable {
  var threads: Int
  /// Operations a second.
  var float32: Double
  /// `nil`: the processor has no instruction for it.
  var bfloat16: OrNull<Double>
  var int8: OrNull<Double>
  /// Bytes a second, from memory that no cache holds.
  var memory: Double

  /// Takes about a second.
  static func measured(threads: Int = HostServices.threads) -> Ceiling {
    // More than caches hold, for each thread its part.
    let part = (1 << 28) / max(threads, 1)
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: part * threads, alignment: 64)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 1)
    let base = UInt(bitPattern: memory.baseAddress)
    return Ceiling(
      threads: threads, float32: together(threads) { _ in mezzo_peak_float32(seconds) },
      bfloat16: OrNull(positive(together(threads) { _ in mezzo_peak_bfloat16(seconds) })),
      int8: OrNull(positive(together(threads) { _ in mezzo_peak_int8(seconds) })),
      memory: together(threads) { thread in
        mezzo_read_rate(UnsafeRawPointer(bitPattern: base + UInt(thread * part)), UInt64(part), seconds)
      })
  }

  /// For products whose operands have this dtype. float16 is multiplied in float32; float64 at half its rate.
  func operations(for dtype: String) -> Double {
    switch dtype {
    case "bfloat16": bfloat16.value ?? float32
    case "int8", "uint8": int8.value ?? float32
    case "float64": float32 / 2
    default: float32
    }
  }

  private static let seconds = 0.2

  private static func positive(_ rate: Double) -> Double? { rate > 0 ? rate : nil }

  private static func together(_ threads: Int, _ measure: @Sendable (Int) -> Double) -> Double {
    let sum = Locked(0.0)
    DispatchQueue.concurrentPerform(iterations: threads) { thread in
      let rate = measure(thread)
      sum.withLock { $0 += rate }
    }
    return sum.withLock { $0 }
  }
}
