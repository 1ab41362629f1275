import MezzoBackend
import MezzoGraph
import MezzoPolicy

/// Finds, behind products, what can be done on their accumulator: a bias, activations, factors, and in float32 and float64
/// sums and products with another tensor and roundings that are undone, each used by nobody else.
///
/// What is found belongs to the meaning of a plan, whoever computes it: with 16-bit results, all steps come before the one
/// rounding. A backend that takes only the first of them therefore has to hand over float32, which costs more than it saves
/// for steps that hardly any backend takes; those are drawn in where they change no bit.
struct EpilogueFusion {
  private let graph: Graph
  private let users: [[Int]]
  /// The node that makes a value; −1 for inputs.
  private let producer: [Int]
  private let kept: Set<Int>
  private let live: [Bool]
  /// Nodes that another node has drawn in.
  private var absorbed: Set<Int> = []
  /// For each normalisation that draws in the sum before it, what is summed.
  private var terms: [Int: (Int, Int)] = [:]

  /// Of one operation with its steps. Sums over many steps of a sequence would be more than a backend has room for; the built-in
  /// one takes 12 with the result.
  private static let mostInputs = 8

  struct Fused {
    var steps: [EpilogueStep] = []
    var operands: [Int] = []
    /// The operands of the node itself, where they are others than its own.
    var own: [Int]?
    var result: Int
    /// The node where the last step stands: by then all operands are there.
    var position: Int
  }

  init(_ graph: Graph) {
    self.graph = graph
    kept = Set(graph.outputs + graph.updates.map(\.value))
    var needed = kept
    var live = [Bool](repeating: false, count: graph.nodes.count)
    for (index, node) in graph.nodes.enumerated().reversed() where node.results.contains(where: needed.contains) {
      live[index] = true
      needed.formUnion(node.operands)
    }
    var users = [[Int]](repeating: [], count: graph.values.count)
    for (index, node) in graph.nodes.enumerated() where live[index] {
      for operand in node.operands { users[operand].append(index) }
    }
    var producer = [Int](repeating: -1, count: graph.values.count)
    for (index, node) in graph.nodes.enumerated() {
      for result in node.results { producer[result] = index }
    }
    self.live = live
    self.users = users
    self.producer = producer
    drawSumsIn()
  }

  /// A sum that a normalisation alone reads is its residual.
  private mutating func drawSumsIn() {
    for (index, node) in graph.nodes.enumerated() where live[index] && node.operation is LayerNorm {
      let sum = producer[node.operands[0]]
      guard constant(node.operands[1]) == 0, sum >= 0, onlyUser(of: node.operands[0]) == index,
        case .backend(.add, _) = graph.nodes[sum].operation.lowering
      else { continue }
      absorbed.insert(sum)
      terms[index] = (graph.nodes[sum].operands[0], graph.nodes[sum].operands[1])
    }
  }

  func isLive(_ node: Int) -> Bool { live[node] }

  /// What a product draws in, or `nil` if the node was drawn in itself.
  mutating func take(_ index: Int) -> Fused? {
    guard !absorbed.contains(index) else { return nil }
    let node = graph.nodes[index]
    var fused = Fused(result: node.results[0], position: index)
    guard case .backend(let code, _) = node.operation.lowering, code.takesEpilogue else {
      fused.own = terms[index].map { [$0.0, $0.1] + node.operands.dropFirst(2) }
      return fused
    }
    while let step = step(after: fused.result, earlier: fused.steps, takesTensors: code != .convolution) {
      if let operand = step.operand {
        guard node.operands.count + fused.operands.count < Self.mostInputs else { break }
        fused.operands.append(operand)
      }
      fused.steps.append(step.kind(node.operands.count + fused.operands.count - 1))
      absorbed.formUnion(step.nodes)
      fused.result = step.result
      fused.position = step.nodes.max() ?? fused.position
    }
    return fused
  }

  /// Whether `base`, and every view between it and `value`, is read by one node alone.
  func isReadOnce(from base: Int, to value: Int) -> Bool {
    var current = value
    while true {
      guard onlyUser(of: current) != nil else { return false }
      if current == base { return true }
      guard producer[current] >= 0, case .view = graph.nodes[producer[current]].operation.lowering else { return false }
      current = graph.nodes[producer[current]].operands[0]
    }
  }

  private func onlyUser(of value: Int) -> Int? {
    guard !kept.contains(value), users[value].count == 1 else { return nil }
    return users[value][0]
  }

  /// What follows a value, as a step: the nodes that it stands for, the value that they make, and what it reads besides.
  private struct Step {
    var nodes: [Int]
    var result: Int
    var operand: Int?
    /// - Parameter: the place of `operand` among the inputs.
    var kind: (Int) -> EpilogueStep
  }

  private func step(after current: Int, earlier: [EpilogueStep], takesTensors: Bool) -> Step? {
    guard !kept.contains(current) else { return nil }
    if let step = silu(of: current) { return step }
    guard let next = onlyUser(of: current), !absorbed.contains(next) else { return nil }
    let node = graph.nodes[next]
    guard case .backend(let code, _) = node.operation.lowering else { return nil }
    func step(_ operand: Int? = nil, _ kind: @escaping (Int) -> EpilogueStep) -> Step {
      Step(nodes: [next], result: node.results[0], operand: operand, kind: kind)
    }
    let other = node.operands.first { $0 != current }
    switch code {
    case .relu: return step { _ in .relu }
    case .gelu:
      let isApproximate = (node.operation as? GELU)?.approximate ?? false
      return step { _ in .gelu(approximate: isApproximate) }
    case .sigmoid: return step { _ in .sigmoid }
    case .tanh: return step { _ in .tanh }
    case .add:
      guard let other else { return nil }
      if earlier.isEmpty, let vector = broadcastVector(other, along: current) {
        return step(vector) { .bias(operand: $0) }
      }
      return takesTensors && isExact(current) && isWhole(other) ? step(other) { .add(operand: $0) } : nil
    case .multiply:
      guard let other else { return nil }
      if graph.values[current].dtype.isFloatingPoint, let factor = constant(other) {
        return step { _ in .scale(factor) }
      }
      return takesTensors && isExact(current) && isWhole(other) ? step(other) { .multiply(operand: $0) } : nil
    case .cast: return rounding(of: current, by: next)
    default: return nil
    }
  }

  /// Whether steps on the accumulator give the bits that operations of their own would give.
  private func isExact(_ value: Int) -> Bool {
    graph.values[value].dtype == .float32 || graph.values[value].dtype == .float64
  }

  /// Whether a value lies in memory as it is, so that no backend has to know about strides.
  private func isWhole(_ value: Int) -> Bool {
    guard producer[value] >= 0 else { return true }
    if case .backend = graph.nodes[producer[value]].operation.lowering { return true }
    return false
  }

  /// `x · sigmoid(x)`, if that is all that becomes of `value`.
  private func silu(of value: Int) -> Step? {
    guard users[value].count == 2 else { return nil }
    let pair = users[value].sorted()
    let (gate, product) = (graph.nodes[pair[0]], graph.nodes[pair[1]])
    guard pair[0] != pair[1], case .backend(.sigmoid, _) = gate.operation.lowering,
      case .backend(.multiply, _) = product.operation.lowering, onlyUser(of: gate.results[0]) == pair[1],
      Set(product.operands) == [value, gate.results[0]], absorbed.isDisjoint(with: pair)
    else { return nil }
    return Step(nodes: pair, result: product.results[0], operand: nil) { _ in .silu }
  }

  /// A cast to a narrower float, and back at once: the value with fewer digits.
  private func rounding(of value: Int, by cast: Int) -> Step? {
    let narrow = graph.nodes[cast].results[0]
    guard isExact(value), let back = onlyUser(of: narrow), !absorbed.contains(back),
      case .backend(.cast, _) = graph.nodes[back].operation.lowering,
      graph.values[graph.nodes[back].results[0]].dtype == graph.values[value].dtype
    else { return nil }
    let dtype = graph.values[narrow].dtype
    guard dtype.isFloatingPoint, (dtype.bitWidth ?? 64) < 32 else { return nil }
    return Step(nodes: [cast, back], result: graph.nodes[back].results[0], operand: nil) { _ in .cast(dtype) }
  }

  /// The number that `value` holds everywhere, as its dtype has it.
  private func constant(_ value: Int) -> Double? {
    guard producer[value] >= 0 else { return nil }
    let node = graph.nodes[producer[value]]
    switch node.operation.lowering {
    case .constant(let number): return try? Tensor(number, dtype: graph.values[value].dtype).scalars().first
    case .view(.broadcast): return constant(node.operands[0])
    default: return nil
    }
  }

  /// The vector that `value` repeats over all but the last axis, if that is what it does.
  private func broadcastVector(_ value: Int, along product: Int) -> Int? {
    let maker = producer[value]
    guard let last = graph.values[product].shape.last, maker >= 0, graph.nodes[maker].operation is Broadcast else {
      return nil
    }
    let source = graph.nodes[maker].operands[0]
    return graph.values[source].shape == [last] ? source : nil
  }
}
