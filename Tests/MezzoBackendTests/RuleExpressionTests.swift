import MezzoPolicy
import Testing

@testable import MezzoBackend

@Suite struct RuleExpressionTests {
  private static let signature = Result { () throws(RuleSyntaxError) in
    try RuleSignature(parsing: "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]")
  }

  /// Over m = 6, k = 10, n = 4 and 8 threads, with row-major operands and a constant B.
  private func verdict(_ text: String) throws -> RuleVerdict {
    let signature = try Self.signature.get()
    let bindings = try signature.bind(
      inputs: [
        Operand(dtype: .float32, shape: [6, 10]), Operand(dtype: .float32, shape: [10, 4], isConstant: true),
      ], results: [Operand(dtype: .float32, shape: [6, 4])]
    ).get()
    var bound = bindings
    bound.bind(attributesOf: OperationRequest(.matmul, inputs: [], results: []))
    return try RuleExpression(parsing: text, signature: signature, code: .matmul).verdict(bound, threads: 8)
  }

  private func syntaxError(_ text: String) throws -> RuleSyntaxError? {
    let signature = try Self.signature.get()
    do {
      _ = try RuleExpression(parsing: text, signature: signature)
      return nil
    } catch {
      return error
    }
  }

  // MARK: Grammar

  @Test(arguments: [
    "true", "not false", "m == 6", "m != 7", "m < 7", "m <= 6", "k > 9", "k >= 10", "threads == 8",
    "m + k * n == 46", "(m + k) * n == 64", "k - n - 1 == 5", "k // n * n == 8", "k % n == 2", "-m + k == 4",
    "- -m == 6", "min(m, n) == 4", "max(m, n) == 6", "ceil_div(k, n) == 3", "align(k, n) == 12", "align(12, n) == 12",
    "if(m > n, m, n) == 6", "if(m > n, true, false)", "true or false and false", "not false and true",
    "not m == 7", "not (false or false)", "rank(A) == 2", "dim(A, 0) == 6", "dim(A, -1) == 10", "dim(B, m - 5) == 4",
    "stride(A, 0) == 10", "ld(B) == 4", "unit(A)", "row(A)", "not col(A)", "contiguous(C)", "const(B)", "not const(A)",
    "\tm==6 and(k==10)", "9223372036854775807 > 0", "0x10 == 16", "1.5 + m == 7.5", "-2.5e1 < m", "min(1.5, m) == 1.5",
    "if(row(A), 1.5, m) == 1.5", "dtype(A) == f32", "dtype(A) != bf16", "count(A) == 60", "aligned(A, 64)",
    "not aligned(A, 128)", "not cpu.no_such_feature", "present(A) and present(C)", "inf > m", "not nan == nan",
    "alpha == 1 and beta == 0",
  ])
  func holds(text: String) throws { #expect(try verdict(text) == .matches) }

  @Test(arguments: [
    "-7 // 2 == -4", "-7 % 2 == 1", "7 // -2 == -4", "7 % -2 == -1", "-8 // 2 == -4", "-8 % 2 == 0",
    "ceil_div(-7, 2) == -3", "align(-7, 2) == -6",
  ])
  func dividesAsPythonDoes(text: String) throws { #expect(try verdict(text) == .matches) }

  @Test(arguments: [
    ("", 0, "expected a number, a name or ("),
    ("m", 1, "expected a truth value, not a number"),
    ("m ==", 4, "expected a number, a name or ("),
    ("m = 6", 2, "expected an operator or the end"),
    ("m < k < n", 6, "expected an operator or the end"),
    ("m and true", 10, "expected a truth value, not a number"),
    ("true + 1 == 2", 9, "expected a number, not a truth value"),
    ("not m", 5, "expected a truth value, not a number"),
    ("-true == 1", 5, "expected a number, not a truth value"),
    ("true == true", 12, "expected a number, not a truth value"),
    ("(m == 6", 7, "expected )"),
    ("m == 6)", 6, "expected an operator or the end"),
    ("if(m, 1, 2) == 1", 4, "expected a truth value, not a number"),
    ("if(true, 1, false) == 1", 17, "expected a number, not a truth value"),
    ("min(m) == 1", 5, "expected ,"),
    ("x == 1", 0, "x is not known; there are the extents [\"k\", \"m\", \"n\"] and the operands [\"A\", \"B\", \"C\"]"),
    ("A == 1", 0, "A is an operand: ask for dim(A, 0), say"),
    ("present(m)", 8, "m is no operand"),
    ("present(bias)", 8, "bias is no operand"),
    ("row(m)", 4, "m is no operand"),
    ("dim(A) == 1", 5, "expected ,"),
    ("dim(A, true) == 1", 11, "expected a number, not a truth value"),
    ("row(A, 1)", 5, "expected )"),
    ("9223372036854775808 > 0", 0, "no whole number of 64 bits"),
    ("6x == 1", 0, "no whole number of 64 bits"),
    ("android == 1", 0, "android is not known"),
  ])
  func saysWhereATextIsWrong(text: String, position: Int, message: String) throws {
    let error = try syntaxError(text)
    #expect(error?.position == position)
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "no error")")
    #expect(error?.text == text)
  }

  // MARK: No value

  @Test(arguments: [
    "9223372036854775807 + 1 > 0", "-9223372036854775807 - 2 < 0", "9223372036854775807 * 2 > 0", "m // 0 == 0",
    "m % 0 == 0", "m % (k - 10) != 1", "(-9223372036854775807 - 1) // -1 > 0", "(-9223372036854775807 - 1) % -1 == 0",
    "-(-9223372036854775807 - 1) > 0", "ceil_div(m, 0) == 0", "align(9223372036854775807, 2) > 0",
    "align(m, 0) == 0", "dim(A, 2) == 1", "dim(A, -3) != 1", "stride(A, m) == 0", "not dim(A, 2) == 1",
    "if(m // 0 == 0, true, true)", "true and m // 0 == 0", "false or m // 0 == 0",
  ])
  func declinesWithoutAValue(text: String) throws {
    guard case .differs(.limit, let message) = try verdict(text) else {
      Issue.record("\(text) has the verdict \(try verdict(text))")
      return
    }
    #expect(message.contains("has no value here"))
  }

  @Test func theOtherSideMayDecide() throws {
    #expect(try verdict("true or m // 0 == 0") == .matches)
    #expect(try verdict("m // 0 == 0 or true") == .matches)
    guard case .differs(.layout, _) = try verdict("m // 0 == 0 and false") else {
      Issue.record("false decides an and")
      return
    }
    #expect(try verdict("if(true, m, m // 0) == 6") == .matches)
  }

  // MARK: The part that decided

  @Test(arguments: [
    ("m == 6 and k % 32 == 0 and n == 4", "k % 32 == 0 is false (k = 10)"),
    ("m == 6 and (n == 4 and k > m * 2)", "k > m * 2 is false (k = 10, m = 6)"),
    ("m == 7 or k == 7", "m == 7 or k == 7 is false (k = 10, m = 6)"),
    ("true and col(A)", "col(A) is false (A float32[6, 10] strides [10, 1])"),
    ("not const(B)", "not const(B) is false (B float32[10, 4] strides [4, 1])"),
    ("if(m > n, false, true)", "if(m > n, false, true) is false (m = 6, n = 4)"),
    ("dim(A, m - 6) == 1", "dim(A, m - 6) == 1 is false (m = 6, A float32[6, 10] strides [10, 1])"),
    ("false", "false is false"),
  ])
  func namesWhatDecided(text: String, explanation: String) throws {
    #expect(try verdict(text) == .differs(.layout, explanation))
  }

  // MARK: Limits

  @Test func nestsToALimit() throws {
    #expect(try verdict(String(repeating: "(", count: 15) + "true" + String(repeating: ")", count: 15)) == .matches)
    for text in [
      String(repeating: "(", count: 100_000), String(repeating: "not ", count: 100_000) + "true",
      String(repeating: "-", count: 100_000) + "1 == 1", String(repeating: "min(1,", count: 100_000),
      String(repeating: "if(", count: 100_000),
    ] {
      #expect(try syntaxError(text)?.message.contains("a rule nests at most 32 deep") == true)
    }
  }

  @Test func hasALimitOfParts() throws {
    func sum(of count: Int) -> String { "1" + String(repeating: " + 1", count: count - 1) + " > 0" }
    // A sum of n numbers and a comparison are 2n + 1 parts.
    #expect(try verdict(sum(of: 127)) == .matches)
    #expect(try syntaxError(sum(of: 128))?.message.contains("a rule has at most 256 parts") == true)
    #expect(try syntaxError(sum(of: 100_000))?.message.contains("a rule has at most 256 parts") == true)
  }

  // MARK: Totality

  @Test func randomTextsNeverTrap() throws {
    let words = [
      "m", "k", "n", "A", "B", "0", "1", "9223372036854775807", "+", "-", "*", "//", "%", "(", ")", ",", "==", "<",
      ">=",
      "and", "or", "not", "if(", "min(", "align(", "ceil_div(", "dim(A,", "stride(B,", "ld(C)", "row(A)", "unit(B)",
      "threads", "true", "é", ".", "x",
    ]
    var random = Xorshift(state: 0xC0DE)
    var failed = 0
    for _ in 0..<10_000 {
      let count = Int.random(in: 1...12, using: &random)
      let text = (0..<count).compactMap { _ in words.randomElement(using: &random) }.joined(separator: " ")
      if let error = try syntaxError(text) {
        #expect((0...text.utf8.count).contains(error.position))
        failed += 1
      } else {
        _ = try verdict(text)
      }
    }
    #expect((1..<10_000).contains(failed))
  }

  @Test func mutatedTextsNeverTrap() throws {
    let seeds = [
      "unit(A) and row(C) and k % 32 == 0 or not const(B)", "if(m > n, align(k, 8), -k // 3) >= min(m, dim(A, -1)) * 2",
      "ceil_div(k, m - 6) * 9223372036854775807 != stride(B, n) + ld(A)",
    ]
    var random = Xorshift(state: 0xBEEF)
    var read = 0
    for index in 0..<Sample.count(10_000) {
      var text = Array(seeds[index % seeds.count])
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let from = Int.random(in: 0..<text.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: text.swapAt(from, Int.random(in: 0..<text.count, using: &random))
        case 1: text[from] = "0123456789mkn()+-%<>=,".randomElement(using: &random) ?? " "
        default: text.remove(at: from)
        }
      }
      if try syntaxError(String(text)) == nil {
        _ = try verdict(String(text))
        read += 1
      }
    }
    #expect((Sample.count(100)..<Sample.count(9_900)).contains(read))
  }
}
