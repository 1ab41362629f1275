import Mezzo
import MezzoLayers

/// Arguments of a model; those of the command line have the short name here.
typealias ModelInputs = MezzoLayers.Arguments

/// A model that is called with the same inputs again and again.
struct InferenceWork: BenchWorkload {
  private let model: Model
  private let inputs: ModelInputs<Tensor>
  private(set) var result: Tensor?

  init(_ model: Model, inputs: ModelInputs<Tensor>) throws {
    self.model = model
    self.inputs = inputs
    _ = try iterate()
  }

  mutating func reset() {}

  mutating func iterate() throws -> Double? {
    result = try model(inputs).tensor
    return nil
  }
}
