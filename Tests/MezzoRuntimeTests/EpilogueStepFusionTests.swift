import MezzoBackend
import MezzoGraph
import MezzoPlugins
import MezzoPolicy
import MezzoRuntime
import Testing

/// Steps other than a bias and an activation, against the same operations one by one.
@Suite struct EpilogueStepFusionTests {
  private typealias Symbols = (x: SymbolicTensor, kernel: SymbolicTensor, bias: SymbolicTensor, other: SymbolicTensor)

  private static let types: [[Int]] = [[4, 3], [3, 5], [5], [4, 5]]

  private func inputs(_ dtype: DType) throws -> [Tensor] {
    var generator = Xorshift(state: 5)
    return try Self.types.map { try Tensor.random($0, in: -2...2, &generator).cast(to: dtype) }
  }

  /// The operations of a plan; what it computes; and what comes of it where every value in between is an output, so that
  /// nothing can be drawn in.
  private func run(
    _ dtype: DType, _ runtime: Runtime = .builtinOnly(), _ body: (Symbols) throws -> [SymbolicTensor]
  ) throws -> (operations: [String], fused: Tensor, apart: Tensor) {
    let inputs = try inputs(dtype)
    func plan(_ keeping: Bool) throws -> Plan {
      let trace = Trace()
      let symbols = zip(["x", "kernel", "bias", "other"], inputs).map { trace.input($1.type, name: $0) }
      let values = try body((symbols[0], symbols[1], symbols[2], symbols[3]))
      return try runtime.plan(trace.finish(keeping ? values : [values[values.count - 1]]))
    }
    let (fused, apart) = (try plan(false), try plan(true))
    let results = try apart.run(inputs)
    return (fused.records.map(\.operation), try fused.run(inputs)[0], results[results.count - 1])
  }

  private func expectClose(_ left: Tensor, _ right: Tensor, within error: Double) {
    #expect(left.type == right.type)
    for (one, other) in zip(left.scalars(), right.scalars()) {
      #expect(abs(one - other) <= error * max(1, abs(other)), "\(one) and \(other)")
    }
  }

  @Test(arguments: [DType.float32, .float64]) func sumsAndProductsWithATensor(_ dtype: DType) throws {
    let sum = try run(dtype) { s in
      let product = try s.x.matmul(s.kernel)
      let biased = try product + s.bias
      return [product, biased, try biased + s.other]
    }
    #expect(sum.operations == ["matmul+bias+add"])
    #expect(sum.fused == sum.apart)
    let gated = try run(dtype) { s in
      let product = try s.x.matmul(s.kernel)
      return [product, try s.other * product]
    }
    #expect(gated.operations == ["matmul+multiply"])
    #expect(gated.fused == gated.apart)
  }

  /// As the gradient of a kernel that many steps of a sequence share: no backend has room for all of its terms.
  @Test(arguments: [DType.float32, .float64]) func aLongSumIsDrawnInInPart(_ dtype: DType) throws {
    let sum = try run(dtype) { s in
      try (0..<40).reduce(into: [try s.x.matmul(s.kernel)]) { values, _ in
        values.append(try values[values.count - 1] + s.other)
      }
    }
    #expect(sum.operations[0].hasPrefix("matmul+add+add"))
    #expect(sum.operations.count > 1 && sum.operations.allSatisfy { $0.split(separator: "+").count <= 12 })
    #expect(sum.fused == sum.apart)
  }

  @Test(arguments: [DType.float32, .float64, .bfloat16, .float16]) func factors(_ dtype: DType) throws {
    // 0.3 is none of the dtypes' numbers: the factor is the one that the graph has.
    let result = try run(dtype) { s in
      let product = try s.x.matmul(s.kernel)
      return [product, try product * 0.3]
    }
    #expect(result.operations.count == 1 && result.operations[0].hasPrefix("matmul+scale(0.3"))
    if dtype == .float32 || dtype == .float64 { #expect(result.fused == result.apart) }
    expectClose(result.fused, result.apart, within: 2 * (dtype.epsilon ?? 0))
  }

  @Test(arguments: [DType.float32, .float64, .bfloat16, .float16]) func silu(_ dtype: DType) throws {
    let result = try run(dtype) { s in
      let product = try s.x.matmul(s.kernel) + s.bias
      let gate = try product.sigmoid()
      return [product, gate, try product * gate]
    }
    #expect(result.operations == ["matmul+bias+silu"])
    expectClose(result.fused, result.apart, within: 4 * (dtype.epsilon ?? 0))
  }

  @Test(arguments: [DType.bfloat16, .float16, .float8E4M3FN]) func aRoundingThatIsUndone(_ narrow: DType) throws {
    let result = try run(.float32) { s in
      let product = try s.x.matmul(s.kernel)
      let rounded = try product.cast(to: narrow)
      return [product, rounded, try rounded.cast(to: .float32)]
    }
    #expect(result.operations == ["matmul+cast(\(narrow.name))"])
    #expect(result.fused == result.apart)
    let wide = try run(.float32) { s in [try s.x.matmul(s.kernel).cast(to: .float64).cast(to: .float32)] }
    #expect(!wide.operations[0].contains("+"), "nothing is rounded")
  }

  /// A backend that takes only the bias, or nothing, leaves the same steps to the host.
  @Test func aBackendTakesAsManyAsItCan() throws {
    for (steps, first) in [([EpilogueStep.bias(operand: 2)], "matmul+bias"), ([], "matmul")] {
      let fake = FakeBackend(
        "fake", [try .fake(.matmul, "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]", nanoseconds: 0, epilogue: steps)])
      // So small a product alone would be cheaper where all steps go in.
      let runtime = Runtime(
        BackendRegistry([fake] + BackendRegistry.builtin().backends),
        options: try RoutingOptions(parsing: "", pins: "op:matmul=fake"))
      let result = try run(.float32, runtime) { s in
        let sum = try s.x.matmul(s.kernel) + s.bias
        let scaled = try sum * 0.5
        return [sum, scaled, try scaled + s.other]
      }
      #expect(
        result.operations.first == first && result.operations.suffix(2) == ["multiply", "add"], "\(result.operations)")
      #expect(result.fused == result.apart)
    }
  }

  /// Nearly no backend adds a tensor before it rounds to 16 bits; drawn in, the product would have to go through float32.
  @Test(arguments: [DType.bfloat16, .float16]) func tensorsStayOutsideIn16Bits(_ dtype: DType) throws {
    let result = try run(dtype) { s in
      let product = try s.x.matmul(s.kernel)
      return [product, try product + s.other]
    }
    #expect(result.operations == ["matmul", "add"])
  }

  @Test func whatIsNeededElsewhereIsNotDrawnIn() throws {
    let twice = try run(.float32) { s in
      let one = try s.x.matmul(s.kernel)
      let two = try s.x.matmul(s.kernel * 2)
      return [one, two, try one + two]
    }
    #expect(twice.operations.sorted() == ["matmul", "matmul+add", "multiply"], "a sum belongs to one of its products")
    #expect(twice.fused == twice.apart)
    let gate = try run(.float32) { s in
      let product = try s.x.matmul(s.kernel)
      let gate = try product.sigmoid()
      return [try product * gate + gate]
    }
    #expect(gate.operations == ["matmul", "sigmoid", "multiply", "add"])
    let repeated = try run(.float32) { s in
      let row = try s.bias.reshaped([1, 5])
      return [try s.x.matmul(s.kernel).relu() + row]
    }
    #expect(repeated.operations == ["matmul+relu", "add"], "what is repeated along an axis is no whole tensor")
  }
}
