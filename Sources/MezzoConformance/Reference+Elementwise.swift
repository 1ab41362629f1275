import MezzoBackend
import MezzoPolicy

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension Reference {
  static func elementwise(_ request: OperationRequest, _ inputs: [[Double]], _ roundoff: Roundoff) -> Expectation {
    let first = inputs[0]
    switch request.code {
    case .cast:
      var expectation = cast(first, from: request.inputs[0].dtype, to: request.results[0].dtype)
      apply(request, inputs, roundoff, to: &expectation)
      return expectation
    case .negate: return Expectation(values: first.map { -$0 }, keepsSignOfZero: true)
    case .abs: return Expectation(values: first.map(\.magnitude), keepsSignOfZero: true)
    case .relu: return Expectation(values: first.map { $0 > 0 || $0.isNaN ? $0 : 0 })
    case .select:
      let chosen = first.indices.map { first[$0] != 0 ? inputs[1][$0] : inputs[2][$0] }
      return Expectation(values: chosen, keepsSignOfZero: true)
    case .maximum: return exact(inputs) { $0.isNaN || $1.isNaN ? .nan : max($0, $1) }
    case .minimum: return exact(inputs) { $0.isNaN || $1.isNaN ? .nan : min($0, $1) }
    case .equal: return exact(inputs) { $0 == $1 ? 1 : 0 }
    case .less: return exact(inputs) { $0 < $1 ? 1 : 0 }
    case .lessEqual: return exact(inputs) { $0 <= $1 ? 1 : 0 }
    case .logicalAnd: return exact(inputs) { $0 != 0 && $1 != 0 ? 1 : 0 }
    case .reluGradient: return exact(inputs) { $1 > 0 ? $0 : 0 }
    case .add: return arithmetic(request, inputs, roundoff, units: 1) { $0 + $1 }
    case .subtract: return arithmetic(request, inputs, roundoff, units: 1) { $0 - $1 }
    case .multiply: return arithmetic(request, inputs, roundoff, units: 1) { $0 * $1 }
    case .divide: return arithmetic(request, inputs, roundoff, units: 2) { $0 / $1 }
    case .sqrt: return function(first, roundoff, units: 2) { $0.squareRoot() }
    case .exp: return function(first, roundoff) { exp($0) }
    case .log: return function(first, roundoff) { log($0) }
    case .erf: return function(first, roundoff) { erf($0) }
    case .tanh: return function(first, roundoff) { tanh($0) }
    case .sigmoid: return function(first, roundoff, sigmoid)
    case .log1p: return function(first, roundoff) { log1p($0) }
    case .expm1: return function(first, roundoff) { expm1($0) }
    case .softplus: return function(first, roundoff) { max($0, 0) + log1p(exp(-abs($0))) }
    case .gelu:
      let gelu = gelu(approximate: request.int("approximate") == 1)
      return Expectation(
        values: first.map(gelu),
        // 1 + erf(x) cancels for negative x, where x and not the tiny value is the measure.
        slack: first.map { roundoff.unit * Roundoff.function * abs($0) + 4 * roundoff.tiny })
    case .geluGradient:
      let slope = geluSlope(approximate: request.int("approximate") == 1)
      return Expectation(
        values: zip(first, inputs[1]).map { $0 * slope($1) },
        // The two terms of the slope cancel for negative x; each is of the size of 1.
        slack: first.map { roundoff.unit * 2 * Roundoff.function * abs($0) + 4 * roundoff.tiny })
    default: return Expectation(values: [])
    }
  }

  static func sigmoid(_ x: Double) -> Double {
    // Without overflow on either side.
    let e = exp(-abs(x))
    return x < 0 ? e / (1 + e) : 1 / (1 + e)
  }

  static func gelu(approximate: Bool) -> (Double) -> Double {
    approximate
      // (1 + tanh u) / 2 is the sigmoid of 2u.
      ? { x in x * sigmoid(2 * (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)) }
      : { x in 0.5 * x * erfc(-x * 0.5.squareRoot()) }
  }

  static func geluSlope(approximate: Bool) -> (Double) -> Double {
    approximate
      ? { x in
        // With s the sigmoid of u, (x s)' = s + x s (1 − s) u'; s (1 − s) is 0 before u' is infinite.
        let bounded = min(max(x, -1e3), 1e3)
        let root = 2 * (2 / Double.pi).squareRoot()
        let u = root * (bounded + 0.044715 * bounded * bounded * bounded)
        let (s, rest) = (sigmoid(u), sigmoid(-u))
        return s + bounded * s * rest * root * (1 + 3 * 0.044715 * bounded * bounded)
      }
      : { x in
        let bounded = min(max(x, -1e3), 1e3)
        let density = exp(-0.5 * bounded * bounded) / (2 * Double.pi).squareRoot()
        return 0.5 * erfc(-x * 0.5.squareRoot()) + bounded * density
      }
  }

  private static func cast(_ values: [Double], from source: DType, to dtype: DType) -> Expectation {
    if dtype == .bool { return Expectation(values: values.map { $0 != 0 ? 1 : 0 }) }
    if source.isInteger && dtype.isInteger { return Expectation(values: values.map { lowBits($0, dtype) }) }
    // Rounding, truncation and saturation are those of the conversion into the dtype.
    return Expectation(values: values, keepsSignOfZero: dtype.isFloatingPoint)
  }

  /// Between integers the low bits are kept, as in C and NumPy.
  private static func lowBits(_ value: Double, _ dtype: DType) -> Double {
    let bits = dtype.bitWidth ?? 64
    // Integers of 64 bits are chosen so that they fit.
    guard bits < 64 || (value < 0 && dtype == .uint64) else { return value }
    let span = Double(sign: .plus, exponent: bits, significand: 1)
    let remainder = value - span * (value / span).rounded(.down)
    return dtype.name.hasPrefix("int") && remainder >= span / 2 ? remainder - span : remainder
  }

  private static func exact(_ inputs: [[Double]], _ body: (Double, Double) -> Double) -> Expectation {
    Expectation(values: zip(inputs[0], inputs[1]).map { body($0, $1) })
  }

  /// Operations that IEEE 754 rounds correctly. A narrower result is rounded from the accumulator, hence the unit.
  private static func arithmetic(
    _ request: OperationRequest, _ inputs: [[Double]], _ roundoff: Roundoff, units: Double,
    _ body: (Double, Double) -> Double
  ) -> Expectation {
    let values = zip(inputs[0], inputs[1]).map { body($0, $1) }
    if units == 1 && request.results[0].dtype.smallFloat == nil { return Expectation(values: values) }
    return Expectation(values: values, slack: values.map { units * roundoff.unit * abs($0) + roundoff.tiny })
  }

  private static func function(
    _ inputs: [Double], _ roundoff: Roundoff, units: Double = Roundoff.function, _ body: (Double) -> Double
  ) -> Expectation {
    let values = inputs.map(body)
    return Expectation(values: values, slack: values.map { units * roundoff.unit * abs($0) + 4 * roundoff.tiny })
  }
}
