import MezzoLayers

/// The order in which Keras keeps the layers of a functional model, which its files of weights follow: by how many calls are
/// behind them at most, and where that is the same, as one meets them on the way from the outputs to the inputs.
struct KerasOrder {
  private let graph: Functional
  /// Calls, each after those that it takes from.
  private var finished: [Int] = []
  private var isFinished: Set<Int> = []
  /// When a layer was met first.
  private var met: [String: Int] = [:]

  static func members(of graph: Functional) -> [KerasArchitecture.Member] {
    var order = KerasOrder(graph: graph)
    for output in graph.outputs.leaves { order.visit(output) }
    let depths = order.depths()
    let names = order.met.sorted { (depths[$1.key] ?? 0, $0.value) < (depths[$0.key] ?? 0, $1.value) }.map(\.key)
    return names.compactMap { name in
      graph.layers.first { $0.name == name }.map {
        KerasArchitecture.Member(name: name, className: type(of: $0.layer).className)
      }
    }
  }

  private init(graph: Functional) { self.graph = graph }

  /// With a stack of its own, since a chain of layers may be longer than that of the thread.
  private mutating func visit(_ output: Functional.Reference?) {
    guard let first = call(output) else { return }
    var open = [(call: first, next: 0)]
    met[graph.calls[first].layer] = met[graph.calls[first].layer] ?? met.count
    while let (call, next) = open.last {
      let leaves = graph.calls[call].inputs.leaves
      if next == leaves.count {
        open.removeLast()
        if isFinished.insert(call).inserted { finished.append(call) }
        continue
      }
      open[open.count - 1].next += 1
      guard let inner = self.call(leaves[next]) else { continue }
      met[graph.calls[inner].layer] = met[graph.calls[inner].layer] ?? met.count
      open.append((inner, 0))
    }
  }

  /// The call that gives this, unless it was visited.
  private func call(_ reference: Functional.Reference?) -> Int? {
    guard case .call(let call)? = reference?.source, !isFinished.contains(call) else { return nil }
    return call
  }

  /// Of each layer, the most calls between what it gives and an output.
  private func depths() -> [String: Int] {
    var calls = [Int](repeating: 0, count: graph.calls.count)
    var layers: [String: Int] = [:]
    for call in finished.reversed() {
      let layer = graph.calls[call].layer
      let depth = max(calls[call], layers[layer] ?? 0)
      layers[layer] = depth
      calls[call] = depth
      for case .call(let inner)? in graph.calls[call].inputs.leaves.map({ $0?.source }) {
        calls[inner] = max(depth + 1, calls[inner])
      }
    }
    return layers
  }
}
