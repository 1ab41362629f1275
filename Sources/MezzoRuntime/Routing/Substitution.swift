import MezzoBackend
import MezzoPolicy

/// The ways in which a request may be put to a rule that does not take it as it is: the lattice of permitted substitutions.
///
/// All of them keep what is computed: operands go to a dtype that holds each of their values, results come back rounded
/// once. Nothing here narrows an accumulator or a range.
struct Substitution: Hashable {
  var request: OperationRequest
  var kind: Kind

  enum Kind: Hashable {
    case none
    /// Operands or results in a wider dtype.
    case widened(to: DType)

    var changesDTypes: Bool { self != .none }
  }

  /// From the nearest to the farthest.
  static func of(_ wanted: OperationRequest, _ permitted: RoutingOptions.Substitution) -> [Substitution] {
    var all = [Substitution(request: wanted, kind: .none)]
    // Of a cast, the dtypes are its very meaning.
    guard permitted != .exact, wanted.code != .cast else { return all }
    func add(_ inputs: (Operand) -> DType, _ results: (Operand) -> DType, _ dtype: DType) {
      var request = wanted
      request.inputs = wanted.inputs.map { $0.in(inputs($0)) }
      request.results = wanted.results.map { $0.in(results($0)) }
      guard request != wanted, !all.contains(where: { $0.request == request }) else { return }
      all.append(Substitution(request: request, kind: .widened(to: dtype)))
    }
    let float = { (operand: Operand) in Self.float32(operand.dtype) }
    let same = { (operand: Operand) in operand.dtype }
    add(same, float, .float32)
    add(float, same, .float32)
    add(float, float, .float32)
    if wanted.isIntegerArithmetic {
      let integer = { (operand: Operand) in Self.int64(operand.dtype) }
      // What a comparison gives is no number.
      add(integer, wanted.results.contains { $0.dtype == .bool } ? same : integer, .int64)
    }
    if permitted == .any {
      let double = { (operand: Operand) in operand.dtype.isFloatingPoint ? DType.float64 : operand.dtype }
      add(double, double, .float64)
    }
    return all
  }

  /// Every value of an 8- or 16-bit float is one of float32.
  private static func float32(_ dtype: DType) -> DType {
    dtype.isFloatingPoint && (dtype.bitWidth ?? 64) < 32 ? .float32 : dtype
  }

  private static func int64(_ dtype: DType) -> DType {
    switch dtype {
    case .bool, .int8, .int16, .int32, .uint8, .uint16, .uint32: .int64
    default: dtype
    }
  }
}

extension OperationRequest {
  /// Sums, differences, products and comparisons of integers: the low bits of the wider result are those of the narrower.
  fileprivate var isIntegerArithmetic: Bool {
    switch code {
    case .add, .subtract, .multiply, .maximum, .minimum, .equal, .less, .lessEqual:
      inputs.allSatisfy { !$0.dtype.isFloatingPoint }
    default: false
    }
  }

  /// The same with every operand and result in row-major order.
  func dense() -> OperationRequest {
    var request = self
    request.inputs = inputs.map { $0.dense() }
    request.results = results.map { $0.dense() }
    return request
  }

  /// Whether steps of the epilogue from `first` on would follow a rounding that should come after them. ReLU does not mind:
  /// rounding keeps order and 0.
  func roundsTooEarly(before first: Int) -> Bool {
    let isNarrow = results.contains { $0.dtype.isFloatingPoint && ($0.dtype.bitWidth ?? 64) < 32 }
    return isNarrow && epilogue.dropFirst(first).contains { $0 != .relu }
  }
}

extension Operand {
  fileprivate func `in`(_ dtype: DType) -> Operand {
    var operand = self
    operand.dtype = dtype
    return operand
  }
}
