#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite struct SoftmaxTests {
  static let policies: [DTypePolicy] = [.float64, .float32, .float16, .bfloat16, .mixedFloat16, .mixedBFloat16]
  static let logits: [Double] = [1.5, -2, 0.25, 3, 0, -0.75]
  static let cotangent: [Double] = [1, -0.5, 0.25, 2, -1.5, 0.75]

  static func reference(_ x: [Double], width: Int) -> [Double] {
    stride(from: 0, to: x.count, by: width).flatMap { start in
      let row = x[start..<(start + width)]
      let largest = row.max() ?? 0
      let sum = row.reduce(0) { $0 + exp($1 - largest) }
      return row.map { exp($0 - largest) / sum }
    }
  }

  /// Logits of order 1, and of an order that float16 barely holds.
  @Test(arguments: policies, [1.0, 8192]) func onlyTheResultIsRounded(_ policy: DTypePolicy, _ factor: Double) throws {
    let x = Self.logits.map { $0 * factor }
    let run = try LayerRun(Softmax(policy: policy), Tensor(x, shape: [2, 3], dtype: .float64))
    let compute = try #require(policy.computeDType)
    #expect(run.output.type == TensorType(compute, [2, 3]))
    let slack = policy == .float64 ? 1e-14 : 1e-6
    #expect(excess(run.output.scalars(), Self.reference(x, width: 3), roundedTo: compute) <= slack)
  }

  @Test(arguments: policies) func gradientsAgreeWithDifferences(_ policy: DTypePolicy) throws {
    let run = try LayerRun(
      Softmax(policy: policy), Tensor(Self.logits, shape: [2, 3], dtype: .float64), cotangent: Self.cotangent)
    let expected = differences(Self.logits) { x in
      zip(Self.reference(x, width: 3), Self.cotangent).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let compute = try #require(policy.computeDType)
    // The gradient is made of probabilities that were rounded before, and then rounded itself.
    let slack = compute == .float64 ? 1e-8 : 4 * (compute.epsilon ?? 0)
    #expect(excess(try #require(run.inputGradient).scalars(), expected, roundedTo: compute) <= slack)
  }

  @Test func anyAxis() throws {
    let run = try LayerRun(Softmax(axis: 0, policy: .float64), Tensor(Self.logits, shape: [3, 2], dtype: .float64))
    let x = Self.logits
    let columns = Self.reference([x[0], x[2], x[4], x[1], x[3], x[5]], width: 3)
    let expected = [0, 3, 1, 4, 2, 5].map { columns[$0] }
    #expect(excess(run.output.scalars(), expected, roundedTo: .float64) < 1e-14)
  }

  /// As TensorFlow 2.4 gives it, and for float16 without its overflow: the second row is masked whole.
  @Test(arguments: policies, [DType.bool, .int32, .float32])
  func whatIsMaskedGetsNothing(_ policy: DTypePolicy, _ dtype: DType) throws {
    let input = try Tensor(Self.logits.map { $0 * 8 }, shape: [2, 3], dtype: .float64)
    let mask = try Tensor([1, 0, 1, 0, 0, 0], shape: [2, 3], dtype: dtype)
    let run = try LayerRun(Softmax(policy: policy), input, mask: mask, cotangent: Self.cotangent)
    let compute = try #require(policy.computeDType)
    let found = run.output.scalars()
    let pair = Self.reference([12, 2], width: 2)
    let whole = compute == .float64 ? Self.reference([24, 0, -6], width: 3) : [1.0 / 3, 1.0 / 3, 1.0 / 3]
    #expect(found[1] == 0)
    #expect(run.output.dtype == compute)
    #expect(excess([found[0], found[2]] + found[3...], pair + whole, roundedTo: compute) <= 1e-6)
    #expect(run.inputGradient?.scalars()[1] == 0)
  }

  @Test func masksBroadcast() throws {
    let input = try Tensor(Self.logits, shape: [2, 3], dtype: .float32)
    let run = try LayerRun(
      Softmax(policy: .float32), input, mask: Tensor([1, 0, 1], shape: [3], dtype: .bool))
    #expect(run.output.scalars()[1] == 0 && run.output.scalars()[4] == 0)
    for shape in [[2], [2, 2, 3], [4, 1, 3]] {
      let mask = try Tensor(zeros: TensorType(.bool, shape))
      #expect(throws: (any Error).self, "\(shape)") { try LayerRun(Softmax(policy: .float32), input, mask: mask) }
    }
  }

  @Test func argumentsThatAreNoTensorAndMaskAreRefused() throws {
    let type = Tree.tensor(TensorType(.float32, [2]))
    func call(_ inputs: Arguments<TensorType>) throws -> TensorTree {
      try TracedCall(
        Model(Softmax(policy: .float32), runtime: .builtinOnly()), inputs: inputs, isTraining: false
      ) { _ in .constant }.outputs
    }
    #expect(try call(Arguments(type, .none)).tensor?.shape == [2])
    #expect(try call(Arguments(type, type)).tensor?.shape == [2])
    #expect(try call(Arguments(type, named: ["mask": .none])).tensor?.shape == [2])
    for inputs in [
      Arguments(), Arguments(.array([type])), Arguments(type, type, type), Arguments(type, named: ["axis": type]),
      Arguments(type, type, named: ["mask": type]), Arguments(type, .array([type])),
    ] {
      #expect(throws: LayerError.self, "\(inputs)") { try call(inputs) }
    }
  }

  @Test func integersAndMissingAxesAreRefused() throws {
    #expect(throws: LayerError.inputs(layer: "", expected: "floating-point logits", found: "int32[1]")) {
      try LayerRun(Softmax(policy: .float32), Tensor([1], shape: [1], dtype: .int32))
    }
    #expect(throws: LayerError.inputShape(layer: "", expected: "with an axis 1", found: [1])) {
      try LayerRun(Softmax(axis: 1, policy: .float32), Tensor([1], shape: [1], dtype: .float32))
    }
  }
}
