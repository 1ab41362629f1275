import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// What a training makes small: losses, or what somebody traces in their place.
struct TrainingObjective: Sendable {
  /// Of the first output; of all, where no others are given.
  var loss: Loss
  /// Of the outputs behind the first.
  var moreLosses: [Loss] = []
  /// What the loss of each output is multiplied by; none: 1.
  var lossWeights: [Double] = []
  var custom: Trainer.Objective?

  /// The value, and what is measured beside it.
  struct Traced {
    var value: SymbolicTensor
    var measures: [TracedMeasure] = []
  }

  /// - Throws: `TrainingError.invalidOption` for another number of losses, or of weights, than outputs.
  func traced(_ outputs: TracedOutputs, features: SymbolicTensor) throws -> Traced {
    if let custom { return Traced(value: try Self.value(custom, outputs, features)) }
    let count = outputs.tensors.count
    guard moreLosses.isEmpty || moreLosses.count == count - 1 else {
      throw TrainingError.invalidOption(
        name: "the losses", expected: "one for each of \(count) outputs", found: "\(moreLosses.count + 1)")
    }
    guard lossWeights.isEmpty || lossWeights.count == count, lossWeights.allSatisfy(\.isFinite) else {
      throw TrainingError.invalidOption(
        name: "the weights of the losses", expected: "a number for each of \(count) outputs", found: "\(lossWeights)")
    }
    var sum: SymbolicTensor?
    var measures: [TracedMeasure] = []
    for index in 0..<count {
      let loss = index == 0 || moreLosses.isEmpty ? self.loss : moreLosses[index - 1]
      let (output, target) = (outputs.tensors[index], outputs.targets[index])
      let value = try loss.scalar(
        output, target: target, sampleWeight: outputs.weight(index), mask: outputs.masks[index])
      let weighted = try lossWeights.isEmpty || lossWeights[index] == 1 ? value : value * lossWeights[index]
      sum = try sum.map { try $0 + weighted.cast(to: $0.dtype) } ?? weighted
      let accuracy = try loss.accuracy(output, target: target, mask: outputs.masks[index])
      if index == 0, let accuracy { measures.append(accuracy) }
      guard count > 1 else { continue }
      let name = outputs.names[index]
      measures.append(TracedMeasure(name: "\(name)_loss", value: value, weight: .known(output.shape.first ?? 1)))
      if var accuracy {
        accuracy.name = "\(name)_\(accuracy.name)"
        measures.append(accuracy)
      }
    }
    guard let sum else { throw TrainingError.emptyDataSet(name: "training") }
    return Traced(value: sum, measures: measures)
  }

  private static func value(_ custom: Trainer.Objective, _ outputs: TracedOutputs, _ features: SymbolicTensor) throws
    -> SymbolicTensor
  {
    let value = try custom(outputs.tensors[0], features, outputs.targets[0])
    guard value.shape.isEmpty, value.dtype.isFloatingPoint else {
      throw TrainingError.invalidOption(
        name: "the objective", expected: "a floating-point scalar", found: "\(value.type)")
    }
    return try value.atLeastFloat32()
  }
}

/// The outputs of a traced call with what they are compared with.
struct TracedOutputs {
  /// At least one.
  let tensors: [SymbolicTensor]
  /// Which places of each count, where layers said so.
  let masks: [SymbolicTensor?]
  /// As Keras calls them.
  let names: [String]
  /// Inputs of the graph, one for each output.
  let targets: [SymbolicTensor]
  /// Inputs of the graph: none, one for all outputs, or one for each.
  let weights: [SymbolicTensor]

  /// - Throws: `TrainingError.invalidOption` where there are not as many outputs as targets.
  init(_ call: TracedCall, _ types: BatchStream.Types, of layer: any Layer) throws {
    let all = call.outputs.leaves.compactMap { $0 }
    tensors = types.moreTargets.isEmpty ? [try call.output] : all
    let count = types.moreTargets.count + 1
    guard tensors.count == count else {
      throw TrainingError.invalidOption(
        name: "the targets", expected: "one for each of \(tensors.count) outputs", found: "\(count)")
    }
    guard [0, 1, count].contains(types.sampleWeights.count) else {
      throw TrainingError.invalidOption(
        name: "the sample weights", expected: "one tensor for all outputs or one for each of \(count)",
        found: "\(types.sampleWeights.count)")
    }
    masks = tensors.map { call.mask(of: $0) }
    names = (layer as? Functional)?.outputNames ?? call.outputs.leafNames
    targets = ([types.targets] + types.moreTargets).enumerated().map { index, type in
      call.trace.input(type, name: index == 0 ? "targets" : "targets \(index)")
    }
    weights = types.sampleWeights.enumerated().map { index, type in
      call.trace.input(type, name: index == 0 ? "sample weights" : "sample weights \(index)")
    }
  }

  func weight(_ output: Int) -> SymbolicTensor? {
    weights.count == 1 ? weights[0] : weights.isEmpty ? nil : weights[output]
  }
}
