import Foundation
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoModels

private let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().appending(path: ".models/all-MiniLM-L6-v2").path(percentEncoded: false)

/// all-MiniLM-L6-v2, where `make model` put it.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: directory)))
struct RealModelTests {
  /// The first numbers are those of transformers in float32.
  @Test(arguments: [(DTypePolicy.float32, Float(1e-5)), (.mixedBFloat16, 5e-3)])
  func helloWorld(policy: DTypePolicy, tolerance: Float) throws {
    let embedding = try SentenceEncoder(directory: directory, policy: policy).encode(["Hello world"])[0]
    #expect(embedding.ids == [101, 7592, 2088, 102])
    #expect(embedding.vector.count == 384)
    for (found, expected) in zip(embedding.vector, [-0.034_477_3, 0.031_023_2, 0.006_735, 0.026_108_9] as [Float]) {
      #expect(abs(found - expected) < tolerance)
    }
  }
}
