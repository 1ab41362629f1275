import CMezzoABI
import Foundation
import MezzoBackend
import MezzoConformance
import MezzoPolicy
import Synchronization
import Testing

/// The kit is worth what it catches.
struct WrongBackendTests {
  private let add = "x:f32 y:f32 -> z:f32"

  private func report(_ backend: FakeBackend) -> ConformanceReport {
    ConformanceKit(backend: backend, reference: nil).run()
  }

  private func expectFailure(_ backend: FakeBackend, _ text: String) {
    let report = report(backend)
    #expect(!report.isConforming)
    #expect(report.failures.contains { $0.what.contains(text) }, "\(report)")
  }

  @Test func rightBackendPasses() throws {
    let report = report(
      try FakeBackend(.add, add, traits: [.deterministic, .reentrant, .inPlace]) { $0.result.write(sum($0)) })
    #expect(report.isConforming, "\(report)")
    #expect(report.cases > 40 && report.passed == report.cases)
    #expect(report.covers(.add, .float32))
  }

  @Test func offByOneUnit() throws {
    expectFailure(try FakeBackend(.add, add) { $0.result.write(sum($0).map(\.nextUp)) }, "result 0 is wrong")
  }

  @Test func functionBeyondItsTolerance() throws {
    let right = try FakeBackend(.sqrt, "x:f32 -> y:f32") { $0.result.write($0.input(0).values.map { $0.squareRoot() }) }
    #expect(report(right).isConforming)
    expectFailure(
      try FakeBackend(.sqrt, "x:f32 -> y:f32") {
        $0.result.write($0.input(0).values.map { $0.squareRoot() * (1 + 8 * .ulpOfOne) })
      }, "result 0 is wrong")
  }

  @Test func writesPastItsResult() throws {
    expectFailure(
      try FakeBackend(.add, add) { call in
        call.result.write(sum(call))
        call.result.data[(call.result.offsets.max() ?? -1) + 1] = 0
      }, "result 0 was written outside")
  }

  @Test func writesIntoGaps() throws {
    expectFailure(
      try FakeBackend(.add, add) { call in
        let offsets = call.result.offsets
        for offset in 0...(offsets.max() ?? 0) where !offsets.isEmpty {
          call.result.data[offset] = 0
        }
        call.result.write(sum(call))
      }, "result 0 was written outside")
  }

  @Test func ignoresStrides() throws {
    expectFailure(
      try FakeBackend(.add, add) { call in
        // Reads as many elements as strides reach, so that it is wrong and not out of bounds.
        let reach = (call.input(0).offsets.max() ?? -1) + 1
        let dense = (0..<call.result.offsets.count).map { $0 < reach ? call.input(0).data[$0] : 0 }
        call.result.write(zip(dense, call.input(1).values).map { $0 + $1 })
      }, "result 0 is wrong")
  }

  @Test func leavesElementsOut() throws {
    expectFailure(try FakeBackend(.add, add) { $0.result.write(sum($0).dropLast()) }, "result 0 is wrong")
  }

  @Test func writesItsOperand() throws {
    expectFailure(
      try FakeBackend(.add, add) { call in
        call.result.write(sum(call))
        call.input(1).write(call.input(1).values.map { $0 + 1 })
      }, "operand 1 was written")
  }

  @Test func dropsNaN() throws {
    expectFailure(
      try FakeBackend(.add, add) { $0.result.write(sum($0).map { $0.isNaN ? 0 : $0 }) }, "result 0 is wrong")
  }

  @Test func flushesSubnormals() throws {
    expectFailure(
      try FakeBackend(.add, add) { $0.result.write(sum($0).map { $0.isSubnormal ? 0 : $0 }) }, "result 0 is wrong")
  }

  @Test func truncatesInsteadOfRounding() throws {
    expectFailure(
      try FakeBackend(.cast, "x:f32 -> y:bf16") { call in
        let result = call.result.tensor.data.assumingMemoryBound(to: UInt16.self)
        for (offset, value) in zip(call.result.offsets, call.input(0).values) {
          result[offset] = UInt16(value.bitPattern >> 16)
        }
      }, "result 0 is wrong")
  }

  @Test func claimsMoreOfTheEpilogueThanThereIs() throws {
    expectFailure(try FakeBackend(.add, add, consumedEpilogue: 1) { $0.result.write(sum($0)) }, "contradicts")
  }

  @Test func isNotDeterministic() throws {
    // Both zeros are right, but one should stay with one.
    let turn = Atomic(0)
    expectFailure(
      try FakeBackend(.relu, "x:f32 -> y:f32") { call in
        let zero: Float = turn.add(1, ordering: .relaxed).newValue.isMultiple(of: 2) ? -0.0 : 0
        call.result.write(call.input(0).values.map { $0 > 0 || $0.isNaN ? $0 : zero })
      }, "a second execution")
  }

  @Test func readsWhatWasInTheWorkspace() throws {
    expectFailure(
      try FakeBackend(.relu, "x:f32 -> y:f32") { call in
        let odd = call.workspace?.load(as: UInt8.self) == 0xA5
        call.result.write(call.input(0).values.map { $0 > 0 || $0.isNaN ? $0 : odd ? 0 : -0.0 })
      }, "a second execution")
  }

  @Test func isNotInPlace() throws {
    expectFailure(
      try FakeBackend(.add, add, traits: [.deterministic, .inPlace]) { call in
        call.result.write(call.result.offsets.map { _ in 0 })
        call.result.write(sum(call))
      }, "in the memory of the operands")
  }

  @Test func isNotReentrant() throws {
    let shared = Atomic(0)
    expectFailure(
      try FakeBackend(.add, add) { call in
        let isAlone = shared.add(1, ordering: .sequentiallyConsistent).newValue == 1
        let values = sum(call)
        // Long enough for the other thread to come, also on a busy machine.
        Thread.sleep(forTimeInterval: 0.002)
        call.result.write(isAlone ? values : values.map { _ in 0 })
        shared.subtract(1, ordering: .sequentiallyConsistent)
      }, "two threads at once")
  }

  @Test func declinesEverything() throws {
    expectFailure(try FakeBackend(.add, add, declines: true) { _ in }, "empty promise")
  }

  @Test func packsIncompletely() throws {
    // Its products stay away from the packed operand, which is shorter than the operand.
    expectFailure(
      try FakeBackend(.matmul, "A:f32[...,m,k] B:f32[...,k,n] -> C:f32[...,m,n]", packedBytes: 32) { _ in },
      "pack depends")
  }

  @Test func accumulatesTooNarrow() throws {
    let signature = "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]"
    let right = report(try FakeBackend(.matmul, signature) { product($0) })
    #expect(right.isConforming, "\(right)")
    expectFailure(
      try FakeBackend(.matmul, signature) { product($0) { Float(BFloat16($0)) } }, "result 0 is wrong")
  }

  @Test func accumulatesNarrowerThanItSays() throws {
    let backend = try FakeBackend(.matmul, "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]", accumulator: .float64) {
      product($0)
    }
    let report = report(backend)
    #expect(report.failures.allSatisfy { $0.request.contains("accumulated in float64") }, "\(report)")
    #expect(!report.isConforming)
  }

  // MARK: alpha and beta

  private func blending(_ blend: @escaping @Sendable (borrowing Call, _ product: Float, _ old: Float) -> Float) throws
    -> ConformanceReport
  {
    let signature = "A:f32[...,m,k] B:f32[...,k,n] -> C:f32[...,m,n]"
    return report(
      try FakeBackend(.matmul, signature, takesAttributes: true) { call in
        let old = call.result.values
        product(call)
        call.result.write(zip(call.result.values, old).map { blend(call, $0, $1) })
      })
  }

  @Test func scalesAndAddsWhatWasThere() throws {
    let right = try blending { call, product, old in
      let beta = call.number("beta")
      return call.number("alpha") * product + (beta == 0 ? 0 : beta * old)
    }
    #expect(right.isConforming && right.declined == 0, "\(right)")
  }

  @Test func mistakesItsScales() throws {
    let wrongs: [@Sendable (borrowing Call, Float, Float) -> Float] = [
      // Lets NaN through with beta = 0.
      { call, product, old in call.number("alpha") * product + call.number("beta") * old },
      { call, product, old in product + (call.number("beta") == 0 ? 0 : call.number("beta") * old) },
      { call, product, _ in call.number("alpha") * product },
      { call, product, old in call.number("alpha") * product + (call.number("beta") == 0 ? 0 : old) },
      { call, product, old in
        let (alpha, beta) = (call.number("alpha"), call.number("beta"))
        return beta == 0 ? alpha * product : alpha * (product + beta * old)
      },
      { call, product, old in call.number("beta") * product + call.number("alpha") * old },
    ]
    for (index, wrong) in Sample.every(3, of: wrongs.enumerated()) {
      let report = try blending(wrong)
      #expect(report.failures.contains { $0.what.contains("result 0 is wrong") }, "\(index): \(report)")
    }
  }

  @Test func forgetsBetaWhereNothingIsSummed() throws {
    let report = try blending { call, product, old in
      let (beta, depth) = (call.number("beta"), call.input(0).shape.last ?? 0)
      return call.number("alpha") * product + (beta == 0 || depth == 0 ? 0 : beta * old)
    }
    #expect(!report.isConforming)
    #expect(report.failures.allSatisfy { $0.request.contains(", 0] float32[") }, "\(report)")
  }

  /// Conditions that none of the usual extents meets.
  @Test(arguments: ["n % 64 == 0 and n > 0", "n > 5000", "n >= 48 and n % 16 == 0"])
  func extentsAreLookedForThatMeetACondition(condition: String) throws {
    func report(_ sign: Float) throws -> ConformanceReport {
      self.report(
        try FakeBackend(.negate, "x:f32[n] -> y:f32[n]", when: condition + " and contiguous(x) and contiguous(y)") {
          $0.result.write($0.input(0).values.map { sign * $0 })
        })
    }
    let right = try report(-1)
    #expect(right.isConforming && right.passed > 0, "\(right)")
    #expect(try !report(1).failures.isEmpty)
  }

  @Test func ruleWithoutACaseIsNamed() throws {
    let report = report(try FakeBackend(.add, "x:f32[12345] y:f32[12345] -> z:f32[12345]") { _ in })
    #expect(report.untestedRules == ["fake"] && !report.isConforming)
    #expect(report.rules.first?.obstacle?.contains("12345") == true, "\(report)")
    #expect("\(report)".contains("rule fake has no case"))
  }

  @Test func ruleForAnotherProcessorBreaksNothing() throws {
    let report = report(
      try FakeBackend(.negate, "x:f32[n] -> y:f32[n]", when: "cpu.warp_drive and contiguous(x)") { _ in })
    #expect(report.isConforming && report.untestedRules.isEmpty && report.otherProcessorsRules == ["fake"])
    #expect("\(report)".contains("rule fake is for other processors: cpu.warp_drive is false"))
  }
}

/// A product of matrices with sums in float32, or in what `round` makes of it.
private func product(_ call: borrowing Call, round: (Float) -> Float = { $0 }) {
  let (a, b) = (call.input(0), call.input(1))
  let shape = a.shape
  let (m, k) = (shape[shape.count - 2], shape[shape.count - 1])
  let n = b.shape[shape.count - 1]
  let (left, right) = (a.values, b.values)
  var results: [Float] = []
  for row in 0..<(shape.dropLast(2).reduce(1, *) * m) {
    for column in 0..<n {
      var sum: Float = 0
      for i in 0..<k { sum = round(sum + left[row * k + i] * right[(row / m * k + i) * n + column]) }
      results.append(sum)
    }
  }
  call.result.write(results)
}
