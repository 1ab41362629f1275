import Foundation
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoTraining

/// Trainings of more epochs than a checkpoint keeps.
@Suite struct LongHistoryTests {
  private struct Saver: TrainingCallback {
    let path: String
    mutating func onEpochEnd(_ training: inout TrainingSession) {
      if training.epoch == training.epochs { training.saveCheckpoint(to: path) }
    }
  }

  private func fit(_ folder: TemporaryFolder, epochs: Int, log: String) async throws -> (Model, History) {
    let model = withPolicy(.float32) { Model(seed: 3, runtime: .builtinOnly()) { Dense(2) } }
    let path = folder.path("last.safetensors")
    let history = try await model.fit(
      FitTests.clouds(4).batches(of: 4), epochs: epochs, optimizer: .adam(),
      callbacks: [CSVLogger(folder.path(log)), Saver(path: path)], resuming: path)
    return (model, history)
  }

  @Test func checkpointsDoNotGrowWithEpochs() async throws {
    let limit = TrainingCheckpoint.Record.historyLimit
    let (straight, broken) = (try TemporaryFolder(), try TemporaryFolder())
    let expected = try await fit(straight, epochs: limit + 3, log: "all.csv")
    _ = try await fit(broken, epochs: limit + 1, log: "all.csv")
    let saved = try TrainingCheckpoint(broken.path("last.safetensors"))
    #expect(saved.epochs.count == limit && saved.record.omittedEpochs == 1 && saved.record.epoch == limit + 1)
    let found = try await fit(broken, epochs: limit + 3, log: "all.csv")
    #expect(try found.0.variables == expected.0.variables)
    #expect(found.1.omittedEpochs == 1 && found.1.epochCount == limit + 3)
    #expect(found.1.epochs.map(\.logs) == expected.1.epochs.dropFirst().map(\.logs))
    let logs = try [straight, broken].map { try String(contentsOfFile: $0.path("all.csv"), encoding: .utf8) }
    #expect(logs[0] == logs[1] && logs[0].split(separator: "\n").count == limit + 4)
  }
}
