import MezzoPolicy
import Testing

@testable import MezzoBackend

@Suite struct RuleSignatureTests {
  private static let product = "A:T{f16,bf16}[...,m,k] B:T[...,k,n] -> C:f32[...,m,n]"

  private func failure(_ text: String, _ inputs: [Operand], _ results: [Operand]) throws -> RuleSignature.Mismatch? {
    switch try RuleSignature(parsing: text).bind(inputs: inputs, results: results) {
    case .success: nil
    case .failure(let mismatch): mismatch
    }
  }

  private func product(_ a: Operand, _ b: Operand, _ c: Operand) throws -> RuleSignature.Mismatch? {
    try failure(Self.product, [a, b], [c])
  }

  private func operand(_ dtype: DType, _ shape: Int...) -> Operand { Operand(dtype: dtype, shape: shape) }

  // MARK: Reading

  @Test func readsParametersInOrder() throws {
    let signature = try RuleSignature(parsing: Self.product)
    #expect(signature.inputs.map(\.name) == ["A", "B"])
    #expect(signature.results.map(\.name) == ["C"])
    #expect(signature.variables == ["T": [.float16, .bfloat16]])
    #expect(signature.inputs[0].dimensions?.names == ["m", "k"])
    #expect(signature.inputs[0].dimensions?.isOpen == true)
    #expect(signature.description == Self.product)
  }

  @Test func readsRank0AnyRankAndOperandsWithoutInputs() throws {
    let signature = try RuleSignature(parsing: "s:f64[] x:f32 -> y:f32[...]")
    #expect(signature.inputs[0].dimensions?.names == [])
    #expect(signature.inputs[0].dimensions?.isOpen == false)
    #expect(signature.inputs[1].dimensions == nil)
    #expect(signature.results[0].dimensions?.isOpen == true)
    #expect(try RuleSignature(parsing: "->y:f32").inputs.isEmpty)
  }

  @Test(arguments: [
    ("", 0, "expected a parameter's name, or ->"),
    ("x:f32", 5, "expected a parameter's name, or ->"),
    ("x:f32 ->", 8, "expected a parameter's name, or ->"),
    ("x f32 -> y:f32", 2, "expected :"),
    ("1x:f32 -> y:f32", 0, "expected a parameter's name, or ->"),
    ("x:q8 -> y:f32", 2, "q8 is neither a dtype"),
    ("x:   T -> y:f32", 5, "T is neither a dtype"),
    ("x:T{} -> y:T", 4, "expected a dtype"),
    ("x:T{f32,f33} -> y:T", 8, "f33 is no dtype"),
    ("x:T{f32 -> y:T", 8, "expected }"),
    ("x:T{f32} y:T{f16} -> z:T", 11, "T has its set already"),
    ("x:f32 x:f32 -> y:f32", 6, "x is the name of two parameters"),
    ("x:f32[a,] -> y:f32", 8, "expected a dimension's name or extent"),
    ("x:f32[...a] -> y:f32", 9, "expected ,"),
    ("x:f32[a b] -> y:f32", 8, "expected ]"),
    ("x:f32[3x] -> y:f32", 6, "3x is neither a name nor a whole number"),
    ("x:f32[99999999999999999999] -> y:f32", 6, "neither a name nor a whole number"),
    ("x:f32 -> y:f32 é", 15, "expected a parameter's name"),
  ])
  func saysWhereATextIsWrong(text: String, position: Int, message: String) {
    let error = #expect(throws: RuleSyntaxError.self) { try RuleSignature(parsing: text) }
    #expect(error?.position == position)
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "no error")")
    #expect(error?.description.hasSuffix("at character \(position + 1) of \"\(text)\"") == true)
  }

  // MARK: Binding

  @Test func bindsExtentsAndOperands() throws {
    let signature = try RuleSignature(parsing: Self.product)
    let bindings = try signature.bind(
      inputs: [operand(.float16, 7, 2, 3), operand(.float16, 7, 3, 5)], results: [operand(.float32, 7, 2, 5)]
    ).get()
    #expect(bindings.extents == ["m": 2, "k": 3, "n": 5])
    #expect(Set(bindings.operands.keys) == ["A", "B", "C"])
    #expect(bindings.operands["B"]?.shape == [7, 3, 5])
  }

  @Test func leadingExtentsMayBeAbsent() throws {
    #expect(try product(operand(.bfloat16, 2, 3), operand(.bfloat16, 3, 5), operand(.float32, 2, 5)) == nil)
  }

  @Test func aWrongNumberOfOperandsDiffers() throws {
    let mismatch = try failure("x:f32 -> y:f32", [], [operand(.float32)])
    #expect(mismatch?.why == .shape)
    #expect(mismatch?.message == "takes 1 operands and gives 1, here 0 and 1")
    #expect(try failure("x:f32 -> y:f32", [operand(.float32)], []) != nil)
  }

  @Test func dtypesDiffer() throws {
    let (a, b, c) = (operand(.float16, 2, 3), operand(.float16, 3, 5), operand(.float32, 2, 5))
    let fixed = try product(a, b, operand(.float64, 2, 5))
    #expect(fixed?.why == .dtype)
    #expect(fixed?.message == "C is float64, the rule takes float32")
    let outside = try product(operand(.float32, 2, 3), b, c)
    #expect(outside?.message == "A is float32, the rule takes one of float16, bfloat16")
    let unequal = try product(a, operand(.bfloat16, 3, 5), c)
    #expect(unequal?.why == .dtype)
    #expect(unequal?.message == "B is bfloat16, the rule takes float16")
  }

  @Test func ranksDiffer() throws {
    let short = try product(operand(.float16, 3), operand(.float16, 3, 5), operand(.float32, 2, 5))
    #expect(short?.why == .shape)
    #expect(short?.message == "A has rank 1, the rule takes at least rank 2")
    let exact = try failure("x:f32[a] -> y:f32", [operand(.float32, 2, 2)], [operand(.float32)])
    #expect(exact?.message == "x has rank 2, the rule takes rank 1")
  }

  @Test func extentsDiffer() throws {
    let (a, b) = (operand(.float16, 9, 2, 3), operand(.float16, 9, 3, 5))
    #expect(
      try product(a, operand(.float16, 9, 4, 5), operand(.float32, 9, 2, 5))?.message == "k is 3, but 4 in B")
    #expect(
      try product(a, b, operand(.float32, 8, 2, 5))?.message == "C has leading extents [8], the others [9]")
    let literal = try failure("x:f32[2,c] -> y:f32", [operand(.float32, 3, 1)], [operand(.float32)])
    #expect(literal?.why == .shape)
    #expect(literal?.message == "x has extent 3 where the rule takes 2")
  }

  @Test func anOperandWhoseStridesDoNotFitItsShapeDiffers() throws {
    let crooked = Operand(dtype: .float32, shape: [2, 2], strides: [1])
    let mismatch = try failure("x:f32 -> y:f32", [crooked], [operand(.float32)])
    #expect(mismatch?.why == .layout)
    #expect(mismatch?.message == "x has 1 strides for 2 axes")
  }

  // MARK: Totality

  @Test func mutatedTextsNeverTrap() throws {
    var random = Xorshift(state: 0x5EED)
    let alphabet = Array("ABxmk:[]{},.->0123 f16bé".utf8)
    var readable = 0
    for _ in 0..<Sample.count(20_000) {
      var text = Array(Self.product.utf8)
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<text.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: text[place] = alphabet.randomElement(using: &random) ?? 0
        case 1: text.insert(alphabet.randomElement(using: &random) ?? 0, at: place)
        default: text.remove(at: place)
        }
      }
      do throws(RuleSyntaxError) {
        let signature = try RuleSignature(parsing: String(decoding: text, as: UTF8.self))
        _ = signature.bind(inputs: [operand(.float16, 2, 3), operand(.float16, 3, 5)], results: [operand(.float32, 2)])
        readable += 1
      } catch {
        #expect((0...error.text.utf8.count).contains(error.position))
      }
    }
    // Both sides of the parser were reached.
    #expect((Sample.count(500)..<Sample.count(19_500)).contains(readable))
  }
}
