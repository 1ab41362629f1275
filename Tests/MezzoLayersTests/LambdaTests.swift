import Foundation
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite struct LambdaTests {
  @Test func aFunctionIsALayerUnderItsName() throws {
    Lambda.register("square of LambdaTests") { try $0 * $0 }
    let text = try JSONEncoder().encode(AnyLayer(Lambda("square of LambdaTests", policy: .float16)))
    let layer = try JSONDecoder().decode(AnyLayer.self, from: text).layer
    let output = try Model(layer, runtime: .builtinOnly())(Tensor([3], shape: [1, 1], dtype: .float32))
    #expect(output.scalars() == [9] && output.dtype == .float16)
  }

  @Test func aFunctionThatNobodyRegisteredIsNamed() throws {
    let error = #expect(throws: LayerError.self) {
      try Model(Lambda("nobody's"), runtime: .builtinOnly())(Tensor([3], shape: [1, 1], dtype: .float32))
    }
    #expect(error?.description.contains("nobody's") == true)
  }

  @Test func identityGivesWhatItIsGivenInTheComputeDType() throws {
    let output = try Model(Identity(policy: .bfloat16), runtime: .builtinOnly())(
      Tensor([3], shape: [1, 1], dtype: .float32))
    #expect(output.scalars() == [3] && output.dtype == .bfloat16)
  }
}
