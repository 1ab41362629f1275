import Foundation
import MezzoBackend
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoCheckpoint

@Suite struct LossScaleCheckpointTests {
  @Test func scaleAndCounterAreSavedWithTheModel() throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "mezzo-scale-\(UUID())")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let model = Model(Dense(2, policy: .mixedFloat16), runtime: .builtinOnly())
    try model.build(input: [1, 3])
    try model.save(to: directory.path)
    #expect(try Model(directory: directory.path, runtime: .builtinOnly()).lossScale == nil)
    var scale = LossScale.dynamic(initialScale: 1000, growthInterval: 7)
    _ = scale.update(gradientsAreFinite: false)
    for _ in 0..<3 { _ = scale.update(gradientsAreFinite: true) }
    model.lossScale = scale
    try model.save(to: directory.path)
    let loaded = try Model(directory: directory.path, runtime: .builtinOnly())
    #expect(loaded.lossScale == scale && loaded.lossScale?.value == 500 && loaded.lossScale?.goodSteps == 3)
  }
}
