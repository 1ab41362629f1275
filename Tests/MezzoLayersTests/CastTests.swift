import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import Testing

@Suite struct CastTests {
  @Test(arguments: [DType.float64, .float32, .float16, .bfloat16, .int32, .int8, .bool])
  func castsAnythingToItsDType(_ dtype: DType) throws {
    for source in [DType.float64, .float32, .float16, .bfloat16, .int32, .uint8, .bool] {
      let input = try Tensor([1, 0, 1], shape: [3], dtype: source)
      let run = try LayerRun(Cast(to: dtype), input)
      #expect(run.output == (try Tensor([1, 0, 1], shape: [3], dtype: dtype)))
      #expect(run.variables.isEmpty)
    }
  }

  /// The policy in effect would have rounded to 1 on the way.
  @Test func roundsOnceWhateverPolicyIsInEffect() throws {
    let layer = withPolicy(.mixedBFloat16) { Cast(to: .float32) }
    #expect(layer.policy == .float32)
    let value = 1 + 0x1p-20
    let run = try LayerRun(layer, Tensor([value], shape: [1], dtype: .float64))
    #expect(run.output.scalars() == [value])
    let narrow = try LayerRun(Cast(to: .float16), Tensor([1 + 0x1p-11 + 0x1p-30], shape: [1], dtype: .float64))
    #expect(narrow.output.scalars() == [1 + 0x1p-10])
  }

  @Test func gradientsPassBetweenFloats() throws {
    let run = try LayerRun(Cast(to: .bfloat16), Tensor([1, 2], shape: [2], dtype: .float32), cotangent: [3, 0.1])
    #expect(run.inputGradient?.dtype == .float32)
    #expect(run.inputGradient?.scalars() == (try Tensor([3, 0.1], shape: [2], dtype: .bfloat16).scalars()))
  }
}
