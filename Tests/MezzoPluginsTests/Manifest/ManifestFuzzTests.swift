import Foundation
import MezzoBackend
import MezzoPolicy
import Testing

@testable import MezzoPlugins

/// Changed manifests and expressions by the thousand. `MEZZO_FUZZ=1000000 swift test --filter ManifestFuzzTests` tries more.
struct ManifestFuzzTests {
  private static let count = ProcessInfo.processInfo.environment["MEZZO_FUZZ"].flatMap(Int.init) ?? Sample.count(20_000)

  /// A tenth of the texts are whole manifests, which take longer to read.
  @Test func nothingButErrorsComesOfChangedManifests() {
    var mutator = ManifestMutator(seed: 0x4D65_7A7A)
    var handles = ManifestText()
    handles.more = #"""
      locals = { h = "ptr", size = "i64" }
      epilogue = ["bias", "relu"]
      prepare = [{ symbol = "make", returns = "i32", status = "ret == 0", args = [["ptr", "&h"], ["u8", 3]] }]
      finish = [{ symbol = "free", args = [["ptr", "h"]] }]
      """#
    var packed = ManifestText()
    packed.when = #"when = "row(A) and row(B) and row(C) and const(B) and present(A)""#
    packed.call = #"""
      symbol = "f"
      epilogue = ["bias"]
      packed = { operand = "B", bytes = "align(4 * n * k, 64)" }
      pack = [{ symbol = "p", when = "n > 1", args = [["ptr", "B"], ["ptr", "packed(B)"], ["ptr", "array(i64, dims(B))"]] }]
      """#
    packed.args = #"""
      args = [
        ["i32", "if(present(bias), Row, 0)"], ["ptr", "bias"], ["ptr", "A"], ["ptr", "packed(B)"], ["ptr", "C"],
        ["ptr", "array(i32, m, n, k)"], ["ptr", "array(i64, strides(C))"], ["f16", "alpha"], ["f64", "beta"],
      ]
      """#
    let seeds = [ManifestText().text, handles.text, packed.text]
    var read = 0
    for _ in 0..<Self.count / 10 where mutator.tryManifest(seeds) { read += 1 }
    #expect(read > 0 && read < Self.count / 10)
  }

  @Test func expressionsThatAreReadPrintAsThemselves() throws {
    var mutator = ManifestMutator(seed: 0x6578_7072)
    let signature = try RuleSignature(parsing: "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]")
    let request = OperationRequest(
      .matmul, inputs: [Operand(dtype: .float32, shape: [6, 10]), Operand(dtype: .float32, shape: [10, 4])],
      results: [Operand(dtype: .float32, shape: [6, 4])])
    var bindings = try signature.bind(inputs: request.inputs, results: request.results).get()
    bindings.bind(attributesOf: request)
    var read = 0
    for index in 0..<Self.count - Self.count / 10 {
      guard let isSame = mutator.tryExpression(signature, bindings) else { continue }
      read += 1
      #expect(isSame, "expression \(index) of this seed")
    }
    #expect(read > 0)
  }
}
