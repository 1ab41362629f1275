import Foundation
import Testing

@Suite final class WeightFilesTests {
  private let folder = FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private func path(_ name: String) -> String { folder.appending(path: name).path }

  /// An array that NumPy wrote, of the tests of another module.
  private static let array = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "MezzoCheckpointTests/Resources/numpy/little_f4.npy").path

  @Test func aTrainedModelIsSavedShownAndConverted() throws {
    let trained = try Command(
      "train", "--epochs", "1", "--layers", "8", "--policy", "mixed_float16", "--quiet", "--save", path("model"),
      "--save-dtype", "bfloat16")
    #expect(trained.status == 0, "\(trained.error)")
    let shown = try Command("checkpoint", "show", path("model"), "--json").jsonList()
    #expect(shown.compactMap { $0["name"] as? String }.contains("dense.kernel"))
    #expect(shown.allSatisfy { $0["dtype"] as? String == "bfloat16" })
    let table = try Command("checkpoint", "show", path("model/model.safetensors"))
    #expect(table.status == 0 && table.output.contains("bfloat16[64, 8]"), "\(table.output)")

    let converted = try Command(
      "checkpoint", "convert", path("model"), path("weights.npz"), "--dtype", "float32", "--json")
    #expect(converted.status == 0, "\(converted.error)")
    let arrays = try Command("checkpoint", "show", path("weights.npz"), "--json").jsonList()
    #expect(arrays.count == shown.count && arrays.allSatisfy { $0["dtype"] as? String == "float32" })
    let parts = try Command("checkpoint", "convert", path("weights.npz"), path("parts"), "--shard-size", "1000")
    #expect(parts.status == 0, "\(parts.error)")
    let names = try FileManager.default.contentsOfDirectory(atPath: path("parts"))
    #expect(names.contains("model.safetensors.index.json") && names.count > 2)
    #expect(try Command("checkpoint", "show", path("parts"), "--json").jsonList().count == shown.count)
  }

  @Test func whatCannotBeReadOrWrittenSaysWhy() throws {
    let missing = try Command("checkpoint", "show", path("nowhere.safetensors"))
    #expect(missing.status == 66 && missing.error.contains("nowhere.safetensors"))
    try Data("PK\u{3}\u{4}".utf8).write(to: folder.appending(path: "cut.npz"))
    let damaged = try Command("checkpoint", "show", path("cut.npz"))
    #expect(damaged.status == 65 && damaged.error.contains("zip archive"), "\(damaged.error)")
    let unknown = try Command("checkpoint", "convert", Self.array, path("weights.onnx"))
    #expect(unknown.status == 73 && unknown.error.contains(".safetensors or .npz"), "\(unknown.error)")
    let usage = try Command("train", "--save-dtype", "bfloat16")
    #expect(usage.status == 64 && usage.error.contains("--save"))
    let integers = try Command("checkpoint", "convert", "a", "b", "--dtype", "int8")
    #expect(integers.status == 64 && integers.error.contains("floating"))
  }
}
