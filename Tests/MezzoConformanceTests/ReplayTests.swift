import Foundation
import MezzoBackend
import MezzoCheckpoint
import MezzoGraph
import MezzoPlugins
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoConformance

/// Captured operations, executed on other backends, and what hostile ones can do.
@Suite final class ReplayTests {
  private let directory = FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: directory) }

  private func path(_ name: String = "one") -> String { directory.appending(path: "\(name).mezzocase").path }

  /// What the built-in backend makes of a sum.
  private func captureSum() throws -> CapturedCase {
    let recorder = CaseRecorder(.init(operation: .add))
    let x = try Tensor([1, 2.5, .nan, -4], shape: [2, 2], dtype: .float32)
    let y = try Tensor([0.5, .infinity, 3, 4], shape: [2, 2], dtype: .float32)
    _ = try Runtime(.builtin(), recorder: recorder).evaluate([x, y]) { [try $0[0] + $0[1]] }
    return try #require(recorder.cases.first)
  }

  private func replay(_ backend: any Backend, _ paths: String...) -> ConformanceReport {
    ReplayRun(backend: backend, guarding: .canaries).run(paths) { _ in }
  }

  private let add = "x:f32 y:f32 -> z:f32"

  @Test func theSameBackendMakesTheSameBits() throws {
    try captureSum().write(to: path())
    let report = replay(try #require(BackendRegistry.builtin().backends.first), path())
    #expect(report.isConforming && report.passed == 1, "\(report)")
    let replay = try #require(report.replays.first)
    #expect(replay.verdict == .right && replay.rule != nil && replay.reason == nil)
    let result = try #require(replay.results.first)
    #expect(result.isSameAsCaptured == true && result.wrong == 0 && result.capturedWrong == 0 && result.count == 4)
  }

  @Test func aWrongBackendIsShownBesideTheCapturedOne() throws {
    try captureSum().write(to: path())
    let wrong = try FakeBackend(.add, add) { call in
      var values = sum(call)
      values[3] = 7
      call.result.write(values)
    }
    let report = replay(wrong, path())
    #expect(!report.isConforming)
    let replay = try #require(report.replays.first)
    let result = try #require(replay.results.first)
    #expect(replay.verdict == .wrong && replay.reason?.contains("result 0 is wrong in 1 of 4") == true)
    #expect(result.element == 3 && result.got == "7.0" && result.captured == "0.0" && result.exact == "0.0")
    #expect(result.wrong == 1 && result.capturedWrong == 0 && result.isSameAsCaptured == false)
  }

  @Test func aWrongCaptureIsShownBesideARightBackend() throws {
    var found = try captureSum()
    found.results[0][3] ^= 0x40
    try found.write(to: path())
    let report = replay(try FakeBackend(.add, add) { $0.result.write(sum($0)) }, path())
    #expect(report.isConforming)
    let result = try #require(report.replays.first?.results.first)
    #expect(result.element == 0 && result.capturedWrong == 1 && result.wrong == 0 && result.got == "1.5")
  }

  @Test func declinesAreNoFailures() throws {
    try captureSum().write(to: path())
    let other = replay(try FakeBackend(.sqrt, "x:f32 -> y:f32") { _ in }, path())
    #expect(other.isConforming && other.declined == 1)
    #expect(other.replays.first?.reason == "no rule is for add" && other.replays.first?.verdict == .declined)
    let narrow = replay(try FakeBackend(.add, "x:f64 y:f64 -> z:f64") { _ in }, path())
    #expect(narrow.replays.first?.reason?.hasPrefix("fake ") == true)
    let unwilling = replay(try FakeBackend(.add, add, declines: true) { _ in }, path())
    #expect(unwilling.replays.first?.reason == "fake: not today" && unwilling.isConforming)
    #expect(unwilling.replays.first?.results.first?.got == nil)
  }

  @Test func aCaseThatCannotBeReadFails() throws {
    let report = replay(try FakeBackend(.add, add) { _ in }, path("missing"))
    #expect(!report.isConforming && report.replays.isEmpty)
    #expect(report.failures.first?.what == "the case cannot be read")
  }

  @Test func operationsWithoutMeaningAreRefused() throws {
    let found = try captureSum()
    func expect(_ text: String, _ change: (inout CapturedCase) -> Void) throws {
      var other = found
      change(&other)
      try other.write(to: path())
      #expect { try CapturedCase(checked: path()) } throws: {
        guard case .malformedCase? = $0 as? CheckpointError else { return false }
        return "\($0)".contains(text)
      }
    }
    try expect("has no meaning") { $0.request.code = .softmax }
    try expect("has no meaning") {
      $0.request.code = .matmul; $0.request.inputs[1] = .init(dtype: .float32, shape: [4])
    }
    try expect("behind products alone") { $0.request.epilogue = [.relu] }
    try expect("not its last inputs") { $0.request.epilogue = [.bias(operand: 0)] }
  }

  /// Of every operation of the built-in backend a case, changed in its numbers at random: it is refused with a reason, or it is
  /// executed. Whatever traps ends this test.
  @Test func changedCasesAreRefusedOrExecuted() throws {
    let builtin = try #require(BackendRegistry.builtin().backends.first)
    var random = SplitMix(state: 5)
    var seen: Set<OperationCode> = []
    var refused = 0
    var executed = 0
    for rule in builtin.rules where seen.insert(rule.code).inserted {
      let cases = CaseGenerator(effort: .quick, threads: 1, hasReference: false).cases(rule)
      guard let item = cases.first(where: { ($0.request.results.first?.type.checkedCount ?? 0) > 1 }) ?? cases.first
      else {
        continue
      }
      let found = CapturedCase(item, &random)
      try found.write(to: path())
      let plain = try CapturedCase(checked: path())
      #expect(plain == found, "\(rule.code)")
      let tensors = try SafetensorsFile(path()).variables()
      let text = try #require(try SafetensorsFile(path()).metadata["mezzo.case"])
      for _ in 0..<Self.rounds {
        let changed = Self.changed(text, &random)
        try Safetensors.write(tensors, to: path("changed"), metadata: ["mezzo.case": changed])
        do throws(CheckpointError) {
          _ = try CapturedCase(checked: path("changed"))
          _ = replay(builtin, path("changed"))
          executed += 1
        } catch {
          #expect(!"\(error)".isEmpty)
          refused += 1
        }
      }
    }
    #expect(
      seen.count > 30 && refused > Sample.count(30) && executed > Sample.count(10),
      "\(seen.count) \(refused) \(executed)")
  }

  /// Of each operation; `MEZZO_FUZZ=100000 swift test --filter ReplayTests` tries more.
  private static let rounds = max(
    (ProcessInfo.processInfo.environment["MEZZO_FUZZ"].flatMap(Int.init) ?? Sample.count(120, over: 3)) / 40, 1)

  /// One number, or the name of the operation, is another.
  private static func changed(_ text: String, _ random: inout SplitMix) -> String {
    var pieces: [String] = []
    var digits = ""
    for character in text {
      if character.isNumber {
        digits.append(character)
      } else {
        if !digits.isEmpty { pieces.append(digits) }
        digits = ""
        pieces.append(String(character))
      }
    }
    let numbers = pieces.indices.filter { pieces[$0].first?.isNumber == true }
    let values = ["0", "1", "2", "3", "7", "-1", "1000", "9223372036854775807", "0.5"]
    if let place = numbers.isEmpty ? nil : numbers[Int(random.next() % UInt64(numbers.count))] {
      pieces[place] = values[Int(random.next() % UInt64(values.count))]
    }
    var changed = pieces.joined()
    if random.next() % 8 == 0 {
      let codes = OperationCode.allCases
      let name = codes[Int(random.next() % UInt64(codes.count))].name
      changed.replace(#/"operation":"[a-z_0-9]+"/#, with: "\"operation\":\"\(name)\"")
    }
    return changed
  }
}

extension CapturedCase {
  /// What a case of the kit would be if it had been captured, with results of zeros.
  fileprivate init(_ item: ConformanceCase, _ random: inout SplitMix) {
    let operands = zip(item.request.inputs, item.recipes).map { operand, recipe in
      let buffer = GuardedBuffer(operand, poison: .first)
      buffer.write(recipe.values(operand.type.checkedCount ?? 0, operand.dtype, &random))
      return buffer.contentBytes()
    }
    let results = item.request.results.map { [UInt8](repeating: 0, count: $0.checkedSpan ?? 0) }
    self.init(
      request: item.request, operands: operands, results: results,
      source: .init(layer: "", phase: .forward, backend: "kit", backendVersion: "", rule: "", threads: 1))
  }
}
