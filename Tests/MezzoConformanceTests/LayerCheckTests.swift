import MezzoConformance
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import Testing

@Suite struct LayerCheckTests {
  @Test(arguments: Sample.every(6, of: LayerSpecimen.all.indices)) func everyLayerIsRight(_ index: Int) {
    #expect(LayerCheck().run(LayerSpecimen.all[index]) == [])
  }

  /// A layer that configurations know is checked. `Cast` computes in the dtype that it says, whatever the policy, and the
  /// function of a `Lambda` is its user's.
  @Test func noLayerIsLeftOut() {
    let checked = Set(
      LayerSpecimen.all.compactMap { specimen in
        (try? specimen.make(.float32)).map { type(of: $0).className }
      })
    #expect(Set(LayerRegistry.builtinClassNames).subtracting(checked) == ["Cast", "Lambda"])
  }

  /// Normalisations are checked as such, and what takes a mask with one that hides everything.
  @Test func noSpecialCheckIsLeftOut() throws {
    for specimen in LayerSpecimen.all {
      let name = type(of: try specimen.make(.float32)).className
      if name.hasSuffix("Normalization") {
        #expect(specimen.isNormalization, "\(specimen.name) is not checked as a normalisation")
      }
      if name.hasSuffix("Attention") || ["LSTM", "GRU", "SimpleRNN"].contains(name) {
        #expect(specimen.mask != nil, "\(specimen.name) is not checked with a mask")
      }
    }
  }

  /// A layer of one's own that is wrong in several ways is found out.
  @Test func aWrongLayerIsFound() {
    LayerRegistry.register(WrongScale.self)
    let failures = LayerCheck().run(
      LayerSpecimen("WrongScale", [[[3, 5]]], isNormalization: true) { WrongScale(policy: $0) })
    #expect(Set(failures.map(\.check)) == ["policies", "gradients", "batches", "magnitude"])
    for failure in failures { #expect("\(failure)".hasPrefix("WrongScale: \(failure.check): ")) }
  }
}

private struct WrongScale: Layer {
  var policy: DTypePolicy

  func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    // Sums in 16 bits, over the batch, through an integer that stops the gradient.
    let whole = try input.cast(to: .int32).cast(to: input.dtype)
    return try (input * whole.sum(axes: [0], keepDims: true)).cast(to: .float32)
  }
}
