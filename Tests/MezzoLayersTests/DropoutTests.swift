import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite struct DropoutTests {
  @Test func inferenceIsTheIdentity() throws {
    let input = try Tensor([1, 2, 3], shape: [1, 3], dtype: .float32)
    #expect(try Model(Dropout(0.5, policy: .float32), runtime: .builtinOnly())(input) == input)
  }

  @Test(arguments: [-0.1, 1, 1.5, .nan])
  func ratesOutsideAreRefused(rate: Double) throws {
    #expect(throws: LayerError.self) {
      try Model(Dropout(rate, policy: .float32), runtime: .builtinOnly())(
        Tensor([1], shape: [1, 1], dtype: .float32))
    }
  }

  @Test func trainingDropsTheRateAndKeepsTheSum() throws {
    let runtime = Runtime.builtinOnly()
    let model = Model(Dropout(0.3, policy: .float32), runtime: runtime)
    let call = try TracedCall(model, input: TensorType(.float32, [100, 100]), isTraining: true) { _ in .state }
    let plan = try runtime.plan(call.graph)
    let ones = try Tensor([Double](repeating: 1, count: 10_000), shape: [100, 100], dtype: .float32)
    func run(_ step: Double) throws -> [Double] {
      try plan.run([ones, try Tensor([42, step], shape: [2], dtype: .int64)])[0].scalars()
    }
    let first = try run(1)
    let dropped = first.count { $0 == 0 }
    // Four standard deviations of a binomial count.
    let deviation: Double = (10_000 * 0.3 * 0.7).squareRoot()
    #expect(abs(Double(dropped) - 3_000) < 4 * deviation)
    #expect(Set(first) == [0, Double(Float(1 / 0.7))])
    #expect(try run(1) == first)
    #expect(try run(2) != first)
  }
}
