import Foundation
import MezzoCheckpoint
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoModels

@Suite final class SentenceEncoderTests {
  private let runtime = Runtime.builtinOnly()
  private let copy = FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID().uuidString)").path

  init() throws { try FileManager.default.copyItem(atPath: Fixture.directory, toPath: copy) }

  deinit { try? FileManager.default.removeItem(atPath: copy) }

  private func change(_ file: String, _ found: String, _ replacement: String) throws {
    let path = "\(copy)/\(file)"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    try #require(text.contains(found), "\(found) is not in \(file)")
    try text.replacingOccurrences(of: found, with: replacement).write(toFile: path, atomically: true, encoding: .utf8)
  }

  private func renameWeights(_ rename: (String) -> String?) throws {
    var renamed = Variables()
    let old = try Safetensors.read("\(copy)/model.safetensors")
    for path in old.paths { if let name = rename(path), let tensor = old[path] { renamed.set(name, tensor) } }
    try Safetensors.write(renamed, to: "\(copy)/model.safetensors")
  }

  /// A random network is more sensitive than a trained one, so that the bounds are wider than a real model's.
  @Test(arguments: [
    (DTypePolicy.float32, 0.999_999), (.float64, 0.999_999), (.mixedFloat16, 0.9999), (.mixedBFloat16, 0.999),
    (.float16, 0.999), (.bfloat16, 0.99),
  ])
  func embeddingsAreThoseOfTransformers(policy: DTypePolicy, bound: Double) throws {
    let encoder = try SentenceEncoder(directory: Fixture.directory, policy: policy, runtime: runtime)
    #expect(encoder.maximumLength == 40)
    let cases = try Fixture.cases().embeddings
    #expect(cases.count > 40)
    var done = 0
    let embeddings = try encoder.encode(cases.map(\.text)) { done = $0 }
    #expect(done == cases.count)
    for (expected, found) in zip(cases, embeddings) {
      let cosine = found.cosine(SentenceEncoder.Embedding(ids: [], vector: expected.value))
      #expect(cosine >= bound, "\(expected.text.debugDescription) under \(policy)")
      #expect(abs(found.cosine(found) - 1) < 1e-12)
    }
  }

  @Test(arguments: ["int8_from_float32", "int8_from_mixed_bfloat16"])
  func inInt8EmbeddingsAreClose(policy: String) throws {
    let encoder = try SentenceEncoder(directory: Fixture.directory, policy: DTypePolicy(policy), runtime: runtime)
    for expected in try Fixture.cases().embeddings {
      let found = try encoder.encode([expected.text])[0]
      #expect(found.cosine(SentenceEncoder.Embedding(ids: [], vector: expected.value)) >= 0.99)
    }
  }

  @Test func orderAndBatchesDoNotMatter() throws {
    let encoder = try SentenceEncoder(directory: Fixture.directory, policy: .float32, runtime: runtime)
    let texts = ["a long text of many words and more", "b", "", "hello world", "b"]
    let together = try encoder.encode(texts)
    for (text, embedding) in zip(texts, together) {
      let alone = try encoder.encode([text])[0]
      #expect(alone.ids == embedding.ids)
      #expect(alone.cosine(embedding) > 1 - 1e-10)
    }
    #expect(try encoder.encode([]).isEmpty)
  }

  @Test func weightsOfAWholeModelLoadToo() throws {
    let plain = try SentenceEncoder(directory: copy, policy: .float32, runtime: runtime).encode(["hello"])
    try renameWeights { "bert.\($0)" }
    var weights = try Safetensors.read("\(copy)/model.safetensors")
    weights.set("cls.predictions.bias", try Tensor([0], shape: [1], dtype: .float32))
    weights.set("bert.pooler.dense.bias", try Tensor([0], shape: [1], dtype: .float32))
    try Safetensors.write(weights, to: "\(copy)/model.safetensors")
    #expect(try SentenceEncoder(directory: copy, policy: .float32, runtime: runtime).encode(["hello"]) == plain)
  }

  @Test func weightsInPartsLoadToo() throws {
    let plain = try SentenceEncoder(directory: copy, policy: .float32, runtime: runtime).encode(["hello"])
    let all = try Safetensors.read("\(copy)/model.safetensors")
    var (parts, map) = ([Variables(), Variables()], [String: String]())
    for (index, path) in all.paths.enumerated() {
      parts[index % 2].set(path, try #require(all[path]))
      map[path] = "part-\(index % 2).safetensors"
    }
    for index in 0..<2 { try Safetensors.write(parts[index], to: "\(copy)/part-\(index).safetensors") }
    try FileManager.default.removeItem(atPath: "\(copy)/model.safetensors")
    try JSONEncoder().encode(["weight_map": map]).write(
      to: URL(filePath: "\(copy)/model.safetensors.index.json"))
    #expect(try SentenceEncoder(directory: copy, policy: .float32, runtime: runtime).encode(["hello"]) == plain)
  }

  @Test func weightsThatDoNotFitAreRefused() throws {
    try renameWeights { $0.contains("layer.1.output.dense.bias") ? nil : $0 }
    var error = #expect(throws: PretrainedError.self) { try SentenceEncoder(directory: copy, runtime: runtime) }
    #expect(error?.description.contains("encoder.layer.1.output.dense.bias is missing") == true)
    try FileManager.default.removeItem(atPath: copy)
    try FileManager.default.copyItem(atPath: Fixture.directory, toPath: copy)
    try renameWeights { $0.replacingOccurrences(of: "layer.0.", with: "layer.7.") }
    error = #expect(throws: PretrainedError.self) { try SentenceEncoder(directory: copy, runtime: runtime) }
    #expect(error?.description.contains("more are not known") == true)
  }

  @Test(arguments: [
    ("config.json", #""model_type": "bert""#, #""model_type": "roberta""#),
    ("config.json", #""hidden_size": 16"#, #""hidden_size": 18"#),
    ("config.json", #""hidden_size": 16"#, #""hidden_size": 32"#),
    ("config.json", #""hidden_act": "gelu""#, #""hidden_act": "snake""#),
    ("config.json", #""vocab_size": 616"#, #""vocab_size": 9"#),
    ("config.json", #""num_hidden_layers": 2"#, #""num_hidden_layers": 1e3"#),
    ("modules.json", "models.Pooling", "models.Dense"), ("modules.json", "1_Pooling", "../1_Pooling"),
    ("modules.json", "models.Transformer", "models.Normalize"),
    ("1_Pooling/config.json", "mean_tokens", "weightedmean_tokens"), ("1_Pooling/config.json", "true", "false"),
    ("sentence_bert_config.json", "40", "\"40\""), ("sentence_bert_config.json", "}", ""),
  ])
  func damagedFilesAreTypedErrors(file: String, found: String, replacement: String) throws {
    try change(file, found, replacement)
    let error = #expect(throws: PretrainedError.self) { try SentenceEncoder(directory: copy, runtime: runtime) }
    #expect(error?.description.contains(copy) == true)
  }

  @Test func missingFilesAreTypedErrors() throws {
    for file in ["tokenizer.json", "config.json", "model.safetensors"] {
      try FileManager.default.removeItem(atPath: "\(copy)/\(file)")
      let error = #expect(throws: CheckpointError.self) { try SentenceEncoder(directory: copy, runtime: runtime) }
      #expect(error?.description.contains(file) == true)
      try FileManager.default.copyItem(atPath: "\(Fixture.directory)/\(file)", toPath: "\(copy)/\(file)")
    }
  }
}

@Suite struct TextBatchesTests {
  @Test func everyTextIsInOneBatchThatHoldsIt() throws {
    var random = SplitMix(state: 3)
    let counts = (0..<5000).map { _ in Int.random(in: 2...256, using: &random) }
    let batches = try TextBatches(maximumLength: 256).batches(counts)
    #expect(batches.flatMap(\.texts).sorted() == Array(counts.indices))
    for batch in batches {
      #expect(batch.texts.count <= batch.rows)
      #expect(batch.texts.allSatisfy { counts[$0] <= batch.length })
    }
    #expect(Set(batches.map { [$0.rows, $0.length] }).count <= 8)
  }

  @Test(arguments: [(40, 6), (256, 14), (512, 18), (800, 22)])
  func streamsOfAllLengthsHaveFewShapes(longest: Int, limit: Int) throws {
    let texts = try TextBatches(maximumLength: longest)
    let batches = (1...longest).flatMap { count in
      [1, 40, 300].flatMap { texts.batches([Int](repeating: count, count: $0)) }
    }
    let shapes = Set(batches.map { [$0.rows, $0.length] })
    // A model keeps plans for as many.
    #expect(shapes.count <= texts.shapes && shapes.count <= limit)
  }

  @Test func lengthsAreTheNextThatIsLargeEnough() throws {
    let texts = try TextBatches(maximumLength: 256)
    #expect(texts.batches([]).isEmpty)
    #expect(texts.length(250) == 256 && texts.length(3) == 16)
    #expect(try TextBatches(maximumLength: 40).length(33) == 40)
  }

  /// A tokenizer without a template leaves nothing of an empty text.
  @Test func aTextWithoutIdsHasABatch() throws {
    let batches = try TextBatches(maximumLength: 40).batches([0])
    #expect(batches == [TextBatches.Batch(texts: [0], rows: 1, length: 16)])
  }
}
