import MezzoGraph
import MezzoPolicy

/// What a system may have as the result of a few operations in a dtype, each of which it rounds in an order of its own.
struct SystemRounding {
  let dtype: DType

  /// Whether `found` can be what the system has for `value`.
  ///
  /// - Parameters:
  ///   - sum: the largest number on the way to it.
  ///   - isHeld: whether that number is held in the dtype for certain, so that what it overflows to is the result.
  func accepts(_ found: ConfigurationValue, for value: Double, sum: Double, isHeld: Bool = false) -> Bool {
    guard let number = found.asDouble, let greatest = try? Tensor(sum.magnitude, dtype: dtype).scalar() else {
      return false
    }
    if !number.isFinite || (isHeld && greatest.isInfinite) {
      return number == (value < 0 ? -.infinity : .infinity) && greatest.isInfinite
    }
    // It is a number of the dtype, and close.
    guard let held = try? Tensor(number, dtype: dtype).scalar(), held == number else { return false }
    return (number - value).magnitude <= tolerance * max(1, value.magnitude)
  }

  private var tolerance: Double {
    switch dtype {
    case .float16: 0x1p-8
    case .bfloat16: 0x1p-5
    default: 8 * 0x1p-24
    }
  }
}
