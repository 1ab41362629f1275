/// Finds the calls that lead from inputs to outputs, in an order in which they can be made.
struct FunctionalBuilder {
  let inputs: [Functional.Input]
  private let starts: [ObjectIdentifier: Int]
  private var places: [ObjectIdentifier: Int] = [:]
  private var calls: [(layer: any Layer, inputs: Arguments<Functional.Reference>)] = []

  init(_ inputs: [LayerOutput]) throws(LayerError) {
    var starts: [ObjectIdentifier: Int] = [:]
    var found: [Functional.Input] = []
    for input in inputs {
      guard case .input(let start) = input.source else {
        throw .functional(expected: "inputs that LayerOutput.input(_:) made", found: "what a layer gives")
      }
      starts[ObjectIdentifier(start)] = found.count
      found.append(start.input)
    }
    self.inputs = found
    self.starts = starts
  }

  /// The outputs in terms of inputs and calls.
  mutating func references(_ outputs: Tree<LayerOutput>) throws(LayerError) -> Tree<Functional.Reference> {
    for output in outputs.leaves.compactMap({ $0 }) { try visit(output) }
    return try Result { try outputs.map { try reference($0) } }.mapError { $0 as? LayerError ?? Self.circle }.get()
  }

  /// Adds the call behind `output` after all that it depends on. With a stack of its own, since a chain of layers may be
  /// longer than that of the thread.
  private mutating func visit(_ output: LayerOutput) throws(LayerError) {
    guard case .call(let last) = output.source else { return }
    var open = [last]
    while let call = open.last {
      let missing = call.inputs.leaves.compactMap { output -> LayerOutput.Call? in
        guard case .call(let before)? = output?.source, places[ObjectIdentifier(before)] == nil else { return nil }
        return before
      }
      if !missing.isEmpty {
        open += missing.reversed()
        continue
      }
      open.removeLast()
      guard places[ObjectIdentifier(call)] == nil else { continue }
      let inputs = Result { try call.inputs.map { try reference($0) } }.mapError { $0 as? LayerError ?? Self.circle }
      places[ObjectIdentifier(call)] = calls.count
      calls.append((call.layer, try inputs.get()))
    }
  }

  private func reference(_ output: LayerOutput) throws(LayerError) -> Functional.Reference {
    switch output.source {
    case .input(let start):
      guard let place = starts[ObjectIdentifier(start)] else {
        throw .functional(
          expected: "all inputs that the outputs come from, of \(inputs.map(\.name))",
          found: "outputs that need another input \(start.input.name)")
      }
      return Functional.Reference(source: .input(place), members: output.path)
    case .call(let call):
      guard let place = places[ObjectIdentifier(call)] else { throw Self.circle }
      return Functional.Reference(source: .call(place), members: output.path)
    }
  }

  /// Cannot be: an output is made of outputs that were there before.
  private static var circle: LayerError { .functional(expected: "calls without a circle", found: "one") }

  /// The layers by name, and the calls of them.
  func named() throws(LayerError) -> (layers: [(name: String, layer: any Layer)], calls: [Functional.Call]) {
    var layers: [(name: String, layer: any Layer)] = []
    var made: [Functional.Call] = []
    for (call, name) in zip(calls, LayerNames.unique(calls.map(\.layer))) {
      made.append(Functional.Call(layer: name, inputs: call.inputs))
      guard let known = layers.first(where: { $0.name == name }) else {
        layers.append((name, call.layer))
        continue
      }
      guard LayerNames.isSame(known.layer, call.layer) else { throw .sameName(container: "", name: name) }
    }
    return (layers, made)
  }
}
