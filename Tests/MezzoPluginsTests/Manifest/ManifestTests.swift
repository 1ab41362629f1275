import MezzoBackend
import MezzoPolicy
import Testing

@testable import MezzoPlugins

/// A manifest of one matmul, with lines put in or changed.
struct ManifestText {
  var backend = "id = \"b\"\nversion = \"1\""
  var library = "names = [\"libb.so\"]"
  var const = "Row = 101"
  var head = #"name = "mm""# + "\n" + #"op = "matmul""# + "\n" + #"sig = "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]""#
  var when = #"when = "row(A) and row(B) and row(C)""#
  var call = #"symbol = "f""#
  var args = #"""
    args = [
      ["i32", "Row"], ["i32", "m"], ["i32", "n"], ["i32", "k"],
      ["ptr", "A"], ["ptr", "B"], ["ptr", "C"], ["f32", "alpha"],
    ]
    """#
  var more = ""

  enum Part: Sendable { case backend, library, head, when, call, args, more }

  mutating func set(_ part: Part, _ text: String) {
    switch part {
    case .backend: backend = text
    case .library: library = text
    case .head: head = text
    case .when: when = text
    case .call: call = text
    case .args: args = text
    case .more: more = text
    }
  }

  var text: String {
    """
    manifest = 1
    [backend]
    \(backend)
    [library]
    \(library)
    [const]
    \(const)
    [[bind]]
    \(head)
    \(when)
    \(call)
    \(args)
    \(more)
    """
  }
}

struct ManifestTests {
  private func error(_ text: String) -> ManifestError? {
    do {
      _ = try Manifest(parsing: text, path: "b.toml")
      return nil
    } catch {
      return error
    }
  }

  private func error(_ change: (inout ManifestText) -> Void) -> String {
    var text = ManifestText()
    change(&text)
    return error(text.text)?.description ?? "no error"
  }

  @Test func saysWhatItIs() throws {
    let manifest = try Manifest(parsing: ManifestText().text, path: "b.toml")
    #expect(manifest.id == "b" && manifest.version == "1" && manifest.path == "b.toml")
    #expect(manifest.library.names == ["libb.so"])
    #expect(manifest.library.threads == .init(model: .none, scope: .process, set: nil))
    let rule = try #require(manifest.rules.first)
    #expect(rule.name == "mm" && rule.code == .matmul && rule.index == 0)
    #expect(rule.condition?.description == "row(A) and row(B) and row(C)")
    #expect(rule.traits == [.deterministic, .reentrant])
  }

  @Test func aLoopTakesLeadingExtents() throws {
    var text = ManifestText()
    text.more = #"batch = "loop""#
    let rule = try #require(try Manifest(parsing: text.text, path: "b.toml").rules.first)
    #expect(rule.signature.description == "A:f32[...,m,k] B:f32[...,k,n] -> C:f32[...,m,n]")
  }

  @Test func readsBackWithoutTheConstants() throws {
    var text = ManifestText()
    text.when = #"when = "row(A) and row(B) and row(C) and (m < Row or not (k % 2 == 0 and n - (m - k) > 3))""#
    let rule = try #require(try Manifest(parsing: text.text, path: "b.toml").rules.first)
    let printed = try #require(rule.condition).description
    #expect(printed == "row(A) and row(B) and row(C) and (m < 101 or not (k % 2 == 0 and n - (m - k) > 3))")
    #expect(try RuleExpression(parsing: printed, signature: rule.signature).description == printed)
  }

  /// A request for float64 data wants sums in float64, so no other default would ever be asked.
  @Test func sumsAreAsWideAsTheDataWants() throws {
    func accumulator(_ head: String) throws -> DType? {
      var text = ManifestText()
      text.head = "name = \"mm\"\nop = \"matmul\"\n\(head)"
      return try Manifest(parsing: text.text, path: "b.toml").rules.first?.accumulator
    }
    let double = #"sig = "A:f64[m,k] B:f64[k,n] -> C:f64[m,n]""#
    #expect(try accumulator(double) == .float64)
    #expect(try accumulator(#"sig = "A:f32[m,k] B:f32[k,n] -> C:f64[m,n]""#) == .float64)
    #expect(try accumulator(#"sig = "A:bf16[m,k] B:bf16[k,n] -> C:f32[m,n]""#) == .float32)
    #expect(try accumulator(#"sig = "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]""# + "\naccum = \"f64\"") == .float64)
    let found = error { $0.head = "name = \"mm\"\nop = \"matmul\"\n\(double)\naccum = \"f32\"" }
    #expect(found.hasPrefix("b.toml:13:9: expected f64 for accum, as A is f64"), "\(found)")
  }

  @Test func anIdThatMezzoItselfHasIsTaken() {
    let found = error { $0.backend = "id = \"builtin\"\nversion = \"1\"" }
    #expect(found.hasPrefix("b.toml:3:6: expected an id of its own, found 'builtin'"), "\(found)")
  }

  // MARK: Errors

  @Test func anErrorInAnExpressionPointsIntoIt() {
    let found = self.error { $0.when = #"when = "row(A) and rwo(B)""# }
    #expect(found.hasPrefix("b.toml:13:20: rwo is not known; there are the extents"), "\(found)")
  }

  @Test func anErrorInAnArgumentPointsIntoIt() {
    let found = self.error { $0.args = #"args = [["i32", "m +"], ["ptr", "A"]]"# }
    #expect(found.hasPrefix("b.toml:15:21: expected a number, a name or (, found the end"), "\(found)")
  }

  @Test(
    arguments: [
      (.backend, "idd = \"b\"", "b.toml:3:1: expected one of the keys of [backend], found 'idd'; did you mean 'id'?"),
      (.backend, "id = \"b\"", "b.toml:2:1: expected version in [backend]: of the library that it is written for"),
      (.backend, "id = 7\nversion = \"1\"", "b.toml:3:6: expected a string for id, found a whole number"),
      (.library, "names = []", "b.toml:5:1: expected names in [library]: file names of the library"),
      (
        .library, "names = [\"x\"]\nthreads = { model = \"onw\" }",
        "b.toml:7:21: expected one of none, own, openmp for model, found 'onw'; did you mean 'own'?"
      ),
      (
        .head, "name = \"mm\"\nop = \"matmull\"",
        "b.toml:11:6: expected an operation, found 'matmull'; did you mean 'matmul'?"
      ),
      (
        .head, "name = \"mm\"\nop = \"matmul\"\nsig = \"A:f32 -> C:f32\"",
        "b.toml:12:7: expected 2 operands and 1 results of matmul, found 1 and 1"
      ),
      (
        .head, "name = \"mm\"\nop = \"matmul\"\nsig = \"A:f32[m,k] B:f31[k,n] -> C:f32[m,n]\"",
        "b.toml:12:21: f31 is neither a dtype"
      ),
      (
        .more, "epilogue = [\"reul\"]",
        "b.toml:19:13: expected steps of an epilogue, each once, found 'reul'; did you mean 'relu'?"
      ),
      (
        .more, "epilogue = [\"relu\"]",
        "b.toml:19:12: expected an expression that asks for epilogue.relu, since epilogue names it, found none"
      ),
      (
        .more, "epilogue = [\"bias\"]",
        "b.toml:19:12: expected an argument [\"ptr\", \"bias\"], since epilogue names bias, found none"
      ),
      (
        .more, "packed = { operand = \"B\", bytes = \"k * n\" }",
        "b.toml:17:26: B is packed: expected packed(B)"
      ),
      (
        .more, "into = \"C\"", "b.toml:19:8: expected a function that returns something to go into C"
      ),
      (
        .args, "args = [[\"ptr\", \"array(f32, dims(A))\"]]",
        "b.toml:15:34: expected a type of whole numbers for dims(A)"
      ),
      (
        .args, "args = [[\"i32\", \"if(present(bias), 1, 0)\"]]", "b.toml:15:29: bias is no operand; there are"
      ),
      (.more, "status = \"ret == 0\"", "b.toml:19:10: expected a function that returns a whole number or ptr"),
      (
        .call, "symbol = \"f\"\nreturns = \"i32\"\nstatus = \"m == 0\"",
        "b.toml:16:10: expected a comparison of ret, as ret == 0, for status"
      ),
      (.args, "args = [[\"i33\", \"m\"]]", "b.toml:15:10: expected one of i8, i16"),
      (.args, "args = [[\"blasint\", \"m\"]]", "b.toml:15:10: expected [library] to say how wide a blasint is"),
      (.args, "args = [[\"i8\", 300]]", "b.toml:15:16: expected a value that i8 holds, found 300"),
      (
        .args, "args = [[\"i32\", \"alpha\"]]",
        "b.toml:15:18: expected a whole number for i32, found a floating-point number"
      ),
      (
        .args, "args = [[\"ptr\", \"D\"]]",
        "b.toml:15:18: expected an address, found 'D'; there are the operands [\"A\", \"B\", \"C\"]"
      ),
      (
        .args, "args = [[\"i32\", \"m + n + k\"], [\"ptr\", \"A\"], [\"ptr\", \"C\"]]",
        "b.toml:15:8: expected an argument that passes operand B, as [\"ptr\", \"B\"]"
      ),
      (
        .args, "args = [[\"i32\", \"m + n + k\"], [\"ptr\", \"A\"], [\"ptr\", \"B\"]]",
        "b.toml:15:8: expected an argument that passes result C"
      ),
      (
        .args, "args = [[\"i32\", \"m + n\"], [\"ptr\", \"A\"], [\"ptr\", \"B\"], [\"ptr\", \"C\"]]",
        "b.toml:15:8: expected an argument or a condition that asks for the extent k, found none"
      ),
      (.when, "when = \"row(A) and row(B)\"", "b.toml:13:8: expected something that says how C lies in memory"),
    ] as [(ManifestText.Part, String, String)])
  func says(part: ManifestText.Part, text: String, message: String) {
    let found = self.error { $0.set(part, text) }
    #expect(found.hasPrefix(message), "\(found)")
  }

  @Test func anAttributeThatARequestHasMustBeAskedFor() {
    let text = """
      manifest = 1
      [backend]
      id = "b"
      version = "1"
      [library]
      names = ["x"]
      [[bind]]
      name = "s"
      op = "softmax"
      sig = "x:f32 -> y:f32"
      when = "contiguous(x) and contiguous(y)"
      symbol = "s"
      args = [["ptr", "x"], ["ptr", "y"], ["size", "count(x)"]]
      """
    #expect(error(text)?.message.contains("asks for the attribute axis of softmax") == true)
  }

  @Test func aLoopCountsAxesFromTheEnd() {
    let found = self.error {
      $0.more = "batch = \"loop\""
      $0.when = #"when = "row(A) and row(B) and row(C) and dim(A, 0) > 1""#
    }
    #expect(found.contains("a looped binding has leading axes"), "\(found)")
  }
}
