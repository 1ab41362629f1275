import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct RegularizerTests {
  struct Case: Sendable {
    var regularizer: Regularizer
    var l1 = 0.0
    var l2 = 0.0

    func penalty(_ value: Double) -> Double { l1 * abs(value) + l2 * value * value }

    func slope(_ value: Double) -> Double {
      let sign = value == 0 ? 0.0 : value < 0 ? -1.0 : 1.0
      return l1 * sign + 2 * l2 * value
    }
  }

  static let cases = [
    Case(regularizer: .l1(0.5), l1: 0.5), Case(regularizer: .l2(0.25), l2: 0.25),
    Case(regularizer: .l1l2(l1: 2, l2: 0.125), l1: 2, l2: 0.125),
  ]

  @Test(arguments: cases, [DType.float16, .bfloat16, .float32, .float64])
  func penaltiesAndTheirGradientsAreKerass(_ expected: Case, dtype: DType) throws {
    let values = [-2, -0.5, 0, 0.25, 3]
    let variable = try Tensor(values, shape: [5], dtype: dtype)
    let trace = Trace()
    let symbol = trace.input(variable.type, name: "v")
    let sum = try expected.regularizer.penalty(symbol)
    #expect(sum.dtype == (dtype == .float64 ? .float64 : .float32))
    let gradient = try trace.gradients(of: sum, by: [symbol])[0]
    #expect(gradient.dtype == dtype)
    let results = try Runtime.builtinOnly().makePlan(trace.finish([sum, gradient])).run([variable])
    // Every term and every sum is exact in all these dtypes.
    #expect(results[0].scalars() == [values.map(expected.penalty).reduce(0, +)])
    #expect(results[1].scalars() == values.map(expected.slope))
  }

  @Test func squaresThatLeaveTheRangeOf16BitsAreSummedInFloat32() throws {
    let runtime = Runtime.builtinOnly()
    let penalty = try runtime.evaluate([Tensor([1024, 2048], shape: [2], dtype: .float16)]) {
      [try Regularizer.l2(1).penalty($0[0])]
    }
    let sum: Double = 1024 * 1024 + 2048 * 2048
    #expect(penalty[0].scalars() == [sum])
  }

  @Test(arguments: [DTypePolicy.mixedFloat16, .bfloat16, .float64])
  func theStoredValueIsPenalizedOncePerVariable(policy: DTypePolicy) throws {
    let exact = policy.variableDType == .bfloat16 ? 1 + 0x1p-7 : 1 + 0x1p-12
    let layer = CustomLayer(policy) { input, context in
      for _ in 0..<2 { _ = try context.variable("v", shape: [2], initializer: .ones, regularizer: .l2(0.5)) }
      _ = try context.variable("w", shape: [4], initializer: .constant(exact), regularizer: .l1(1))
      _ = try context.variable("free", shape: [4], initializer: .ones)
      return input
    }
    let runtime = Runtime.builtinOnly()
    let model = Model(layer, runtime: runtime)
    let call = try TracedCall(model, input: TensorType(.float32, [1]), isTraining: false) { _ in .argument }
    let sum = try call.objective(call.trace.constant(0, dtype: .float32))
    try model.build(input: [1])
    let plan = try runtime.makePlan(call.trace.finish([sum]))
    let variables = try model.variables
    let inputs = plan.graph.inputs.map { variables[$0.name] }
    let outputs = try plan.run(inputs.map { try $0 ?? Tensor([0], shape: [1], dtype: .float32) })
    // What mixed float16 reads is 1.
    #expect(outputs[0].scalars() == [1 + 4 * exact])
  }

  @Test func withoutRegularizersTheObjectiveIsTheLoss() throws {
    let model = Model(CustomLayer { input, _ in input }, runtime: .builtinOnly())
    let call = try TracedCall(model, input: TensorType(.float32, [1]), isTraining: true) { _ in .state }
    let loss = try call.trace.constant(3, dtype: .float64)
    #expect(try call.objective(loss).id == loss.id)
  }

  @Test func denseHasKerassThree() throws {
    let runtime = Runtime.builtinOnly()
    let dense = Dense(
      2, kernelInitializer: .constant(2), biasInitializer: .ones, kernelRegularizer: .l2(1), biasRegularizer: .l1(0.5),
      activityRegularizer: .l1(1), policy: .mixedFloat16)
    let call = try TracedCall(Model(dense, runtime: runtime), input: TensorType(.float32, [4, 1]), isTraining: true) {
      _ in .argument
    }
    let objective = try call.objective(call.trace.constant(100, dtype: .float32))
    let results = try runtime.makePlan(call.trace.finish([objective])).run([
      Tensor([1, 2, 3, 4], shape: [4, 1], dtype: .float32), Tensor([2, 2], shape: [1, 2], dtype: .float32),
      Tensor([1, 1], shape: [2], dtype: .float32),
    ])
    // Outputs are 3, 5, 7 and 9, twice each, in a batch of 4.
    let (kernel, bias, activity) = (8.0, 1.0, 48.0 / 4)
    #expect(results[0].scalars() == [100 + kernel + bias + activity])
  }

  @Test func whatLayersAddToTheLossIsAScalar() throws {
    let layer = CustomLayer { input, context in
      try context.addLoss(input.sum() * 2)
      #expect(throws: LayerError.loss(layer: "", found: TensorType(.float32, [1, 2]))) { try context.addLoss(input) }
      #expect(throws: LayerError.self) { try context.addLoss(context.trace.constant(1, dtype: .int32)) }
      return input
    }
    let runtime = Runtime.builtinOnly()
    let call = try TracedCall(Model(layer, runtime: runtime), input: TensorType(.float32, [1, 2]), isTraining: true) {
      _ in .argument
    }
    let objective = try call.objective(call.trace.constant(1, dtype: .float64))
    #expect(objective.dtype == .float64)
    let input = try Tensor([1, 3], shape: [1, 2], dtype: .float32)
    #expect(try runtime.makePlan(call.trace.finish([objective])).run([input])[0].scalars() == [9])
  }

  @Test(arguments: [Regularizer.l1(.nan), .l2(.infinity), .l1l2(l1: 0, l2: -.infinity)])
  func factorsThatAreNoNumbersAreRefused(_ regularizer: Regularizer) throws {
    let layer = CustomLayer { input, context in
      _ = try context.variable("v", shape: [2], regularizer: regularizer)
      return input
    }
    #expect(throws: LayerError.self) { try Model(layer, runtime: .builtinOnly()).build(input: [1]) }
  }

  @Test(arguments: cases.map(\.regularizer)) func configurationsRoundTrip(_ regularizer: Regularizer) throws {
    let text = try JSONEncoder().encode(regularizer)
    #expect(try JSONDecoder().decode(Regularizer.self, from: text) == regularizer)
  }
}
