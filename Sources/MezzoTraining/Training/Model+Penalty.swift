import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoRuntime

extension Model {
  /// What the regularizers of the variables add to a loss over inputs of `type`: the same for every batch.
  func penalty(input type: TensorType) throws -> Double {
    let call = try TracedCall(self, input: type, isTraining: false) { _ in .constant }
    let regularized = call.variables.compactMap { spec in spec.regularizer.map { (spec.path, $0) } }
    guard !regularized.isEmpty else { return 0 }
    let penalties = try runtime.evaluate(try variables.tensors(at: regularized.map(\.0))) { values in
      try zip(regularized, values).map { try $0.1.penalty($1) }
    }
    return try penalties.reduce(0) { try $0 + $1.scalar() }
  }
}
