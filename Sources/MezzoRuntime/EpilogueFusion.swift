import MezzoBackend
import MezzoGraph
import MezzoPolicy

/// Finds, behind products, what can be done on their accumulator: a bias and activations, each used by nobody else.
struct EpilogueFusion {
  private let graph: Graph
  private let users: [[Int]]
  /// The node that makes a value; −1 for inputs.
  private let producer: [Int]
  private let kept: Set<Int>
  private let live: [Bool]
  /// Nodes that an earlier node has drawn in.
  private var absorbed: Set<Int> = []

  struct Fused {
    var steps: [EpilogueStep] = []
    var operands: [Int] = []
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
  }

  func isLive(_ node: Int) -> Bool { live[node] }

  /// What a product draws in, or `nil` if the node was drawn in itself.
  mutating func take(_ index: Int) -> Fused? {
    guard !absorbed.contains(index) else { return nil }
    let node = graph.nodes[index]
    var fused = Fused(result: node.results[0], position: index)
    guard node.operation is MatMul else { return fused }
    while let next = onlyUser(of: fused.result) {
      let user = graph.nodes[next]
      guard let step = step(user, after: fused.result, earlier: fused.steps) else { break }
      if let bias = step.operand {
        fused.operands.append(bias)
        fused.steps.append(.bias(operand: node.operands.count + fused.operands.count - 1))
      } else {
        fused.steps.append(step.kind)
      }
      absorbed.insert(next)
      fused.result = user.results[0]
      fused.position = next
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

  private func step(
    _ node: Graph.Node, after current: Int, earlier: [EpilogueStep]
  ) -> (kind: EpilogueStep, operand: Int?)? {
    guard case .backend(let code, _) = node.operation.lowering else { return nil }
    switch code {
    case .add:
      guard earlier.isEmpty, let other = node.operands.first(where: { $0 != current }),
        let vector = broadcastVector(other, along: current)
      else { return nil }
      return (.bias(operand: 0), vector)
    case .relu: return (.relu, nil)
    case .gelu: return (.gelu(approximate: (node.operation as? GELU)?.approximate ?? false), nil)
    case .sigmoid: return (.sigmoid, nil)
    case .tanh: return (.tanh, nil)
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
