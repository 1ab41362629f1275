import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// The mean of something over a batch, as part of a graph.
struct TracedMeasure {
  var name: String
  var value: SymbolicTensor
  var weight: Weight

  /// What the mean counts among those of other batches.
  enum Weight {
    case known(Int)
    /// A mask tells how many places there are.
    case traced(SymbolicTensor)
  }
}

/// What a step gives beside its loss: measures, and the outputs that metrics want to see.
struct TracedResults {
  private var measures: [(name: String, weight: Int?)] = []
  private var shown: [(output: Int, isMasked: Bool)] = []
  /// Outputs of the graph.
  private(set) var symbols: [SymbolicTensor] = []
  /// Of the model's outputs.
  let outputNames: [String]

  /// - Parameter shown: the outputs that metrics see.
  init(_ traced: [TracedMeasure], outputs: [SymbolicTensor], masks: [SymbolicTensor?], names: [String], shown: Set<Int>)
  {
    outputNames = names
    for measure in traced {
      symbols.append(measure.value)
      switch measure.weight {
      case .known(let count): measures.append((measure.name, count))
      case .traced(let count):
        symbols.append(count)
        measures.append((measure.name, nil))
      }
    }
    for index in outputs.indices where shown.contains(index) {
      symbols += [outputs[index], masks[index]].compactMap { $0 }
      self.shown.append((index, masks[index] != nil))
    }
  }

  /// - Parameter tensors: what ``symbols`` came to.
  func read(_ tensors: ArraySlice<Tensor>) throws -> BatchResults {
    var tensors = tensors
    var results = BatchResults()
    for measure in measures {
      let value = try tensors.removeFirst().scalar()
      let weight = try measure.weight.map(Double.init) ?? tensors.removeFirst().scalar()
      results.measures.append(Measure(name: measure.name, value: value, weight: weight))
    }
    for output in shown {
      let tensor = tensors.removeFirst()
      results.shown[output.output] = ShownOutput(tensor: tensor, mask: output.isMasked ? tensors.removeFirst() : nil)
    }
    return results
  }
}

/// The mean of something over a batch.
struct Measure: Sendable {
  var name: String
  var value: Double
  var weight: Double
}

/// What the model gave, for metrics.
struct ShownOutput: Sendable {
  var tensor: Tensor
  /// Which places of it count.
  var mask: Tensor?
}

struct BatchResults: Sendable {
  var measures: [Measure] = []
  /// By the places of the outputs.
  var shown: [Int: ShownOutput] = [:]

  var accuracy: Double? { measures.first { $0.name == Means.accuracyName }?.value }
}
