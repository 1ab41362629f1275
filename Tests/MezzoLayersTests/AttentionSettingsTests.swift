import Foundation
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

/// Regularizers and constraints of attention are those of all its projections, as in Keras.
@Suite struct AttentionSettingsTests {
  static let layers: [any Layer & Hashable] = [
    MultiHeadAttention(
      numHeads: 2, keyDim: 3, kernelRegularizer: .l2(0.5), biasRegularizer: .l1(0.25), activityRegularizer: .l1(0.125),
      kernelConstraint: .nonNegative, biasConstraint: .maxNorm(3), policy: .float32),
    GroupedQueryAttention(
      headDim: 3, numQueryHeads: 4, numKeyValueHeads: 2, kernelRegularizer: .l2(0.5), biasRegularizer: .l1(0.25),
      activityRegularizer: .l1(0.125), kernelConstraint: .nonNegative, biasConstraint: .maxNorm(3), policy: .float32),
  ]

  private func call(_ layer: any Layer) throws -> TracedCall {
    let x = Tree.tensor(TensorType(.float32, [2, 4, 5]))
    return try TracedCall(
      Model(layer, runtime: .builtinOnly()), inputs: Arguments(positional: [x, x]), isTraining: true
    ) { _ in .constant }
  }

  @Test(arguments: layers.indices) func everyProjectionHasThem(index: Int) throws {
    let variables = try call(Self.layers[index]).variables
    let kernels = variables.filter { $0.path.hasSuffix("kernel") }
    let biases = variables.filter { $0.path.hasSuffix("bias") }
    #expect(kernels.count == 4 && biases.count == 4)
    #expect(kernels.allSatisfy { $0.regularizer == .l2(0.5) && $0.constraint == .nonNegative })
    #expect(biases.allSatisfy { $0.regularizer == .l1(0.25) && $0.constraint == .maxNorm(3) })
  }

  /// With biases of 1 alone, every projection gives something that counts.
  @Test func activitiesCount() throws {
    func objective(_ activity: Regularizer?) throws -> Double {
      let layer = MultiHeadAttention(
        numHeads: 1, keyDim: 2, kernelInitializer: .zeros, biasInitializer: .ones, activityRegularizer: activity,
        policy: .float32)
      let call = try call(layer)
      let loss = try call.objective(call.output.sum() * 0)
      let graph = call.trace.finish([loss])
      let inputs = try graph.inputs.map { input -> Tensor in
        if let spec = call.variables.first(where: { $0.path == input.name }) {
          return try spec.initializer.tensor(spec.type, seed: 1, path: spec.path)
        }
        return try Tensor(zeros: TensorType(.float32, [2, 4, 5]))
      }
      return try Runtime.builtinOnly().plan(graph).run(inputs)[0].scalar()
    }
    #expect(try objective(nil) == 0)
    // Query, key and value of 4 · 2 elements an example, and an output of 4 · 5, all of them 1.
    #expect(try objective(.l1(0.5)) == 0.5 * (3 * 8 + 20))
  }

  @Test(arguments: layers.indices) func configurationsRoundTrip(index: Int) throws {
    let layer = Self.layers[index]
    let read = try JSONDecoder().decode(AnyLayer.self, from: JSONEncoder().encode(AnyLayer(layer))).layer
    #expect((read as? any Hashable).map { AnyHashable($0) } == AnyHashable(layer))
    // As they were written before there were any.
    let plain = MultiHeadAttention(numHeads: 2, keyDim: 3, policy: .float32)
    let text = String(decoding: try JSONEncoder().encode(AnyLayer(plain)), as: UTF8.self)
    #expect(!text.contains("egularizer") && !text.contains("onstraint"))
  }
}
