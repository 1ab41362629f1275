import MezzoBackend
import MezzoGraph
import MezzoPolicy
import MezzoRuntime

/// A graph of random operations over small integers, and the values of all its operations, computed one by one.
///
/// Sums and products are taken only of values that are integers of at most 2²⁰, so that they are exact in whatever order
/// they are summed, and equal bits can be asked for.
struct RandomGraph {
  let trace = Trace()
  private(set) var inputs: [Tensor] = []
  private(set) var symbols: [Member] = []
  private var generator: Xorshift
  private var eager: [Graph.ValueID: Tensor] = [:]
  private let runtime: Runtime

  struct Member {
    var symbol: SymbolicTensor
    /// The elements are integers of at most this magnitude; `nil` where they are none.
    var bound: Double?
  }

  init(seed: UInt64, operations: Int, runtime: Runtime) throws {
    generator = Xorshift(state: seed &* 0x9E37_79B9_7F4A_7C15 | 1)
    self.runtime = runtime
    for (shape, dtype) in [([4, 3], DType.float32), ([3], .float32), ([2, 4, 3], .float64), ([3, 4], .bfloat16)] {
      let count = shape.reduce(1, *)
      let tensor = try Tensor((0..<count).map { _ in Double(generator.next(7) - 3) }, shape: shape, dtype: dtype)
      inputs.append(tensor)
      let symbol = trace.input(tensor.type, name: "x", role: inputs.count == 2 ? .constant : .argument)
      eager[symbol.id] = tensor
      symbols.append(Member(symbol: symbol, bound: 3))
    }
    while symbols.count < operations + 4 { try grow() }
  }

  /// Some values, among them the last; some of them twice.
  mutating func outputs() -> [SymbolicTensor] {
    (0..<4).map { _ in symbols[generator.next(symbols.count)].symbol } + [symbols[symbols.count - 1].symbol]
  }

  /// What the operations give when each is planned and run alone.
  mutating func value(of symbol: SymbolicTensor) throws -> Tensor {
    let graph = trace.finish([])
    for node in graph.nodes where eager[node.results[0]] == nil {
      let alone = Trace()
      let operands = try node.operands.map { id -> Tensor in
        guard let tensor = eager[id] else { throw Missing(value: id) }
        return tensor
      }
      let parameters = operands.map { alone.input($0.type, name: "operand") }
      let results = try alone.apply(node.operation, parameters)
      let found = try runtime.plan(alone.finish(results)).run(operands)
      for (id, tensor) in zip(node.results, found) { eager[id] = tensor }
    }
    guard let tensor = eager[symbol.id] else { throw Missing(value: symbol.id) }
    return tensor
  }

  struct Missing: Error { var value: Graph.ValueID }

  private mutating func grow() throws {
    let member = symbols[generator.next(symbols.count)]
    let x = member.symbol
    switch generator.next(16) {
    case 0: try add(x.negated(), member.bound)
    case 1: try add(x.relu(), member.bound)
    case 2: try add(x.abs(), member.bound)
    case 3: try add(x.tanh(), nil)
    case 4: try add(x.sigmoid(), nil)
    case 5:
      try add(
        x.maximum(try trace.constant(-1, dtype: x.dtype)).minimum(try trace.constant(1, dtype: x.dtype)),
        member.bound.map { min($0, 1) })
    case 6, 7:
      guard let other = partner(of: x) else { return }
      try add(x + other.symbol, member.bound.flatMap { a in other.bound.map { a + $0 } })
    case 8:
      guard let other = partner(of: x) else { return }
      try add(x * other.symbol, member.bound.flatMap { a in other.bound.map { a * $0 } })
    case 9:
      guard let other = partner(of: x) else { return }
      try add(
        x.isLess(other.symbol).select(x, other.symbol), member.bound.flatMap { a in other.bound.map { max(a, $0) } })
    case 10: try add(x.transposed(), member.bound)
    case 11: try add(x.reshaped([x.shape.reduce(1, *)]), member.bound)
    case 12:
      guard x.rank < 4, x.shape.reduce(1, *) <= 512 else { return }
      try add(x.broadcast(to: [2] + x.shape), member.bound)
    case 13:
      guard let bound = member.bound, x.dtype != .bfloat16, x.rank > 0 else { return }
      let axis = generator.next(x.rank)
      try add(x.sum(axes: [axis], keepDims: generator.next(2) == 0), bound * Double(max(x.shape[axis], 1)))
    case 14:
      guard let bound = member.bound, x.dtype != .bfloat16, x.rank >= 2 else { return }
      try add(x.matmul(x.transposed()), bound * bound * Double(x.shape[x.rank - 1]))
    default:
      let dtypes: [DType] = [.float32, .float64, .bfloat16]
      let dtype = dtypes[generator.next(3)]
      // What bfloat16 cannot hold is rounded, and is then no integer that is known to be exact elsewhere.
      try add(x.cast(to: dtype), dtype == .bfloat16 ? member.bound.flatMap { $0 <= 256 ? $0 : nil } : member.bound)
    }
  }

  private mutating func add(_ symbol: SymbolicTensor, _ bound: Double?) throws {
    let exact = bound.flatMap { $0 <= (symbol.dtype == .bfloat16 ? 256 : 0x1p20) ? $0 : nil }
    symbols.append(Member(symbol: symbol, bound: exact))
  }

  /// Another value of the same dtype whose shape broadcasts with this one.
  private mutating func partner(of x: SymbolicTensor) -> Member? {
    let fitting = symbols.filter { other in
      other.symbol.dtype == x.dtype
        && zip(other.symbol.shape.reversed(), x.shape.reversed()).allSatisfy { $0 == $1 || $0 == 1 || $1 == 1 }
    }
    return fitting.isEmpty ? nil : fitting[generator.next(fitting.count)]
  }
}
