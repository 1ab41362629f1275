import MezzoBackend
import MezzoGraph
import MezzoPlugins
import MezzoPolicy
import MezzoRuntime
import Testing

struct NumericsTests {
  private static let floats: [DType] = [.float16, .bfloat16, .float32, .float64]

  @Test(arguments: floats)
  func softmaxOfHugeLogitsDoesNotOverflow(_ dtype: DType) throws {
    let largest = try #require(dtype.greatestFinite)
    let x = try Tensor([largest, largest, -largest, -.infinity], shape: [1, 4], dtype: dtype)
    let axis = [Attribute("axis", .int(1))]
    let p = try compute(.softmax, [x], to: x.type, attributes: axis)[0]
    #expect(p.scalars() == [0.5, 0.5, 0, 0])
    let log = try compute(.logSoftmax, [x], to: x.type, attributes: axis)[0].scalars()
    #expect(abs(log[0] + 0.6931471805599453) <= dtype.epsilon ?? 0)
    #expect(log[2] == -largest || log[2] == -.infinity)
    #expect(log[3] == -.infinity)
  }

  @Test(arguments: floats)
  func softmaxOfNothingIsNaN(_ dtype: DType) throws {
    let x = try Tensor([-.infinity, -.infinity], shape: [1, 2], dtype: dtype)
    let p = try compute(.softmax, [x], to: x.type, attributes: [Attribute("axis", .int(1))])[0]
    #expect(p.scalars().filter(\.isNaN).count == 2)
  }

  /// The rows beside an empty axis are counted although they hold nothing.
  @Test(arguments: [OperationCode.softmax, .softmaxGradient])
  func rowsOfAnEmptyAxisAreCountedWithoutOverflow(_ code: OperationCode) throws {
    let backend = try #require(BackendRegistry.builtin().backends.first)
    let rule = try #require(backend.rules.first { $0.code == code && $0.name.contains("f32") })
    func prepare(_ extent: Int) throws -> any PreparedOperation {
      let operand = Operand(dtype: .float32, shape: [0, extent, extent], strides: [1, 1, 1])
      let inputs = [Operand](repeating: operand, count: code == .softmax ? 1 : 2)
      return try backend.prepare(
        OperationRequest(code, attributes: [Attribute("axis", .int(0))], inputs: inputs, results: [operand]),
        rule: rule,
        threads: 1)
    }
    #expect(try prepare(1 << 20).workspaceBytes == 0)
    let error = #expect(throws: BackendError.self) { try prepare(1 << 40) }
    #expect(error?.message.contains("reaches further than 2^63 bytes or elements at axis 2") == true)
  }

  @Test(arguments: floats)
  func labelOutsideMakesItsOwnLossNaN(_ dtype: DType) throws {
    let logits = try Tensor([0, 0, 0, 0, 0, 0], shape: [3, 2], dtype: dtype)
    let labels = try Tensor([1, 2, -1], shape: [3], dtype: .int32)
    let type = TensorType(dtype == .float64 ? .float64 : .float32, [3])
    let loss = try compute(.sparseCrossEntropy, [logits, labels], to: type)[0].scalars()
    #expect(abs(loss[0] - 0.6931471805599453) < 1e-6)
    #expect(loss[1].isNaN && loss[2].isNaN)
  }

  @Test(arguments: floats)
  func anIndexOutsideGathersARowOfNaN(_ dtype: DType) throws {
    let table = try Tensor([1, 2, 3, 4], shape: [2, 2], dtype: dtype)
    let indices = try Tensor([1, 2, -1, 0x1p40, 0], shape: [5], dtype: .int64)
    let rows = try compute(.gather, [table, indices], to: TensorType(dtype, [5, 2]))[0].scalars()
    #expect(Array(rows[..<2]) == [3, 4])
    #expect(rows[2..<8].count(where: { $0.isNaN }) == 6)
    #expect(Array(rows[8...]) == [1, 2])
  }

  /// In float16 itself the sum would stop at 2048.
  @Test(arguments: [DType.float16, .bfloat16])
  func oneRowMayBeNamedOften(_ dtype: DType) throws {
    let count = 60_000
    let ones = try Tensor(Array(repeating: 1, count: count), shape: [count, 1], dtype: dtype)
    let indices = try Tensor(Array(repeating: 1, count: count), shape: [count], dtype: .int32)
    let table = try compute(.scatterAdd, [ones, indices], to: TensorType(dtype, [3, 1]))[0]
    let rounded = try Tensor(60_000, dtype: dtype).scalar()
    #expect(table.scalars() == [0, rounded, 0])
  }

  @Test func threadsDoNotChangeAScatteredSum() throws {
    let (rows, count) = (300, 20_000)
    let x = try Tensor((0..<count * 4).map { Double($0 % 997) * 0.01 - 3 }, shape: [count, 4], dtype: .float32)
    let indices = try Tensor((0..<count).map { Double($0 * 7919 % (rows + 2) - 1) }, shape: [count], dtype: .int32)
    let type = TensorType(.float32, [rows, 4])
    #expect(
      try compute(.scatterAdd, [x, indices], to: type, threads: 1)
        == compute(.scatterAdd, [x, indices], to: type, threads: 4))
  }

  /// In float16 itself the sum would stop at 2048, where 1 is half a unit.
  @Test(arguments: [DType.float16, .bfloat16])
  func longSumsKeepTheirAccuracy(_ dtype: DType) throws {
    let count = 60_000
    let x = try Tensor(Array(repeating: 1, count: count), shape: [count], dtype: dtype)
    let axes = [Attribute("axes", .ints([0]))]
    let rounded = try Tensor(60_000, dtype: dtype).scalar()
    #expect(try compute(.reduceSum, [x], to: TensorType(dtype, [1]), attributes: axes)[0].scalars() == [rounded])
    #expect(try compute(.reduceSum, [x], to: TensorType(.float32, [1]), attributes: axes)[0].scalars() == [60_000])
    #expect(try compute(.reduceMean, [x], to: TensorType(dtype, [1]), attributes: axes)[0].scalars() == [1])
    let (row, column) = (try x.reshaped([1, count]), try x.reshaped([count, 1]))
    #expect(try compute(.matmul, [row, column], to: TensorType(dtype, [1, 1]))[0].scalars() == [rounded])
  }

  @Test func meanOfLargeFloat16ValuesDoesNotOverflow() throws {
    let x = try Tensor(Array(repeating: 60_000, count: 1000), shape: [1000], dtype: .float16)
    let mean = try compute(.reduceMean, [x], to: TensorType(.float16, [1]), attributes: [Attribute("axes", .ints([0]))])
    #expect(mean[0].scalars() == [60_000])
  }

  @Test(arguments: [OperationCode.exp, .log, .tanh, .erf, .sigmoid, .sqrt], floats)
  func threadsDoNotChangeABit(_ code: OperationCode, _ dtype: DType) throws {
    let x = try Tensor((0..<70_001).map { Double($0 % 997) * 0.01 }, shape: [70_001], dtype: dtype)
    #expect(try compute(code, [x], to: x.type, threads: 1) == compute(code, [x], to: x.type, threads: 4))
  }

  @Test(arguments: floats)
  func threadsDoNotChangeASum(_ dtype: DType) throws {
    let x = try Tensor((0..<90_000).map { Double($0 % 997) * 0.01 - 3 }, shape: [300, 300], dtype: dtype)
    for threads in [2, 3, 4] {
      #expect(
        try compute(.matmul, [x, x], to: x.type, threads: 1) == compute(.matmul, [x, x], to: x.type, threads: threads))
      for axes in [[0], [1], [0, 1]] {
        let type = TensorType(dtype, (0..<2).map { axes.contains($0) ? 1 : 300 })
        let attributes = [Attribute("axes", .ints(axes))]
        #expect(
          try compute(.reduceSum, [x], to: type, attributes: attributes)
            == compute(.reduceSum, [x], to: type, attributes: attributes, threads: threads))
      }
    }
  }

  @Test func randomNumbersDependOnNothingButKeyAndStream() throws {
    let key = try tensor([Int64(42), 7], .int64)
    func draw(_ stream: Int, threads: Int) throws -> Tensor {
      try compute(
        .randomUniform, [key], to: TensorType(.float32, [50_003]), attributes: [Attribute("stream", .int(stream))],
        threads: threads)[0]
    }
    let numbers = try draw(0, threads: 1)
    #expect(try numbers == draw(0, threads: 4))
    #expect(try numbers != draw(1, threads: 1))
    let mean = numbers.scalars().reduce(0, +) / 50_003
    #expect(abs(mean - 0.5) < 0.01)
  }
}
