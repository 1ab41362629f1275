import Foundation
import MezzoBackend
import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoCheckpoint

@Suite final class CapturedCaseTests {
  private let directory = FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: directory) }

  private var path: String { directory.appending(path: "one.mezzocase").path }

  /// With every kind of attribute and step, gaps, a constant, and numbers that JSON does not have.
  private func sample() -> CapturedCase {
    var request = OperationRequest(
      .matmul,
      attributes: [
        Attribute("alpha", .float(0.1)), Attribute("pad", .float(-.infinity)), Attribute("axis", .int(-1)),
        Attribute("axes", .ints([0, 2])),
      ],
      inputs: [
        Operand(dtype: .bfloat16, shape: [2, 3], strides: [4, 1]),
        Operand(dtype: .bfloat16, shape: [3, 5], isConstant: true), Operand(dtype: .float32, shape: [5], strides: [0]),
      ],
      results: [Operand(dtype: .bfloat16, shape: [2, 5])],
      epilogue: [.bias(operand: 2), .gelu(approximate: true), .scale(0.3), .cast(.bfloat16), .silu],
      accumulator: .float64)
    request.numerics = .any
    return CapturedCase(
      request: request, operands: [Array(0..<14), Array(0..<30), Array(0..<4)], results: [Array(0..<20)],
      source: .init(
        layer: "encoder.0/\"dense\"", phase: .backward, backend: "fast", backendVersion: "1.2", rule: "gemm", threads: 3
      ))
  }

  @Test func everythingRoundTrips() throws {
    try sample().write(to: path)
    #expect(try CapturedCase(contentsOf: path) == sample())
    // Whatever reads safetensors can look at it.
    let file = try SafetensorsFile(path)
    #expect(file.names.sorted() == ["operand.0", "operand.1", "operand.2", "result.0"])
    #expect(file.metadata["mezzo.case"]?.contains("\"operation\":\"matmul\"") == true)
  }

  @Test func anEmptyOperandHasNoBytes() throws {
    var found = sample()
    found.request = OperationRequest(
      .relu, inputs: [Operand(dtype: .float32, shape: [0, 4])], results: [Operand(dtype: .float32, shape: [0, 4])])
    (found.operands, found.results) = ([[]], [[]])
    try found.write(to: path)
    #expect(try CapturedCase(contentsOf: path) == found)
  }

  @Test func whatNoCaseHoldsIsNotWritten() throws {
    var found = sample()
    found.request.inputs[0].quantization = OperandQuantization(scale: .float32)
    #expect { try found.write(to: path) } throws: { "\($0)".contains("quantized or packed") }
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  private func expectMalformed(
    _ old: String, _ new: String, _ text: String, location: SourceLocation = #_sourceLocation
  ) throws {
    try sample().write(to: path)
    let file = try SafetensorsFile(path)
    let metadata = try #require(file.metadata["mezzo.case"])
    #expect(metadata.contains(old), "\(metadata)", sourceLocation: location)
    try Safetensors.write(
      try file.variables(), to: path, metadata: ["mezzo.case": metadata.replacingOccurrences(of: old, with: new)])
    #expect(sourceLocation: location) {
      try CapturedCase(contentsOf: path)
    } throws: {
      guard case .malformedCase? = $0 as? CheckpointError else { return false }
      return "\($0)".contains(text)
    }
  }

  @Test func contradictionsAreTold() throws {
    try expectMalformed("\"version\":1", "\"version\":2", "version 2, this Mezzo reads version 1")
    try expectMalformed("\"operation\":\"matmul\"", "\"operation\":\"launch\"", "no operation 'launch'")
    try expectMalformed("\"strides\":[4,1]", "\"strides\":[4]", "no elements lie as")
    try expectMalformed("\"strides\":[4,1]", "\"strides\":[-4,1]", "no elements lie as")
    try expectMalformed("\"strides\":[4,1]", "\"strides\":[4611686018427387904,1]", "no elements lie as")
    try expectMalformed("\"strides\":[4,1]", "\"strides\":[5,1]", "expected uint8[16] as operand.0")
    try expectMalformed("\"shape\":[5]", "\"shape\":[1000000000]", "expected at most")
    let many = "\"shape\":[\((0..<100).map { _ in "1" }.joined(separator: ","))]"
    try expectMalformed("\"shape\":[5]", many, "… 100 axes] has 100 axes, expected at most 16")
    try expectMalformed("\"shape\":[5]", "\"shape\":[-5]", "no elements lie as")
    try expectMalformed("\"dtype\":\"float32\",\"shape\":[5]", "\"dtype\":\"string\",\"shape\":[5]", "no elements lie")
    try expectMalformed("{\"operand\":2,\"step\":\"bias\"}", "{\"operand\":3,\"step\":\"bias\"}", "no step 'bias'")
    try expectMalformed("{\"step\":\"silu\"}", "{\"step\":\"dance\"}", "no step 'dance'")
    try expectMalformed("\"int\":-1", "\"int\":-1,\"float\":1", "none or several")
    try expectMalformed("\"phase\":\"backward\"", "\"phase\":\"sideways\"", "the field source.phase")
    try expectMalformed("\"version\":1", "\"version\":\"one\"", "the field version")
  }

  @Test func otherFilesAreNoCases() throws {
    #expect { try CapturedCase(contentsOf: path) } throws: {
      if case .unreadable? = $0 as? CheckpointError { true } else { false }
    }
    try Safetensors.write(try SafetensorsFile(try written()).variables(), to: path)
    #expect { try CapturedCase(contentsOf: path) } throws: { "\($0)".contains("its metadata has no mezzo.case") }
    try Data("text".utf8).write(to: URL(filePath: path))
    #expect(throws: CheckpointError.self) { try CapturedCase(contentsOf: path) }
  }

  private func written() throws -> String {
    try sample().write(to: path)
    return path
  }

  /// A file that was cut or changed anywhere is read as something whole, or refused with a reason.
  @Test func damagedFilesAreRefused() throws {
    let whole = try Data(contentsOf: URL(filePath: try written()))
    var random = Xorshift(state: 17)
    for round in 0..<Sample.count(400) {
      var bytes = Array(whole)
      if round % 4 == 0 {
        bytes.removeLast(1 + Int(random.next() % UInt64(bytes.count)))
      } else {
        for _ in 0..<(1 + random.next() % 3) {
          bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
        }
      }
      try Data(bytes).write(to: URL(filePath: path))
      do throws(CheckpointError) {
        let found = try CapturedCase(contentsOf: path)
        #expect(zip(found.operands, found.request.inputs).allSatisfy { $0.count == $1.checkedSpan })
      } catch {
        #expect(!"\(error)".isEmpty)
      }
    }
  }
}
