import Foundation
import MezzoBackend
import MezzoGraph
import MezzoPlugins
import MezzoPolicy
import Testing

@testable import MezzoRuntime

/// What was measured of an operation counts in place of every estimate.
@Suite struct TunedCostsTests {
  private static let origin = Graph.Origin(layer: "model", phase: .forward)

  private func add(_ extent: Int = 4) -> OperationRequest {
    let operand = Operand(dtype: .float32, shape: [extent])
    return OperationRequest(.add, inputs: [operand, operand], results: [operand])
  }

  private func dear(fingerprint: String = "1") throws -> FakeBackend {
    FakeBackend("dear", [try .fake(.add, "x:f32 y:f32 -> z:f32", nanoseconds: 1e9)], fingerprint: fingerprint)
  }

  private func backend(_ extent: Int, tuned: TunedCosts?, _ fake: FakeBackend) throws -> RouteRecord {
    var options = RoutingOptions()
    options.tuned = tuned
    let runtime = Runtime(BackendRegistry([fake] + BackendRegistry.builtin().backends), threads: 2, options: options)
    return try runtime.router.route(add(extent), origin: Self.origin).record
  }

  @Test func routesFollowWhatWasMeasured() throws {
    let dear = try self.dear()
    #expect(try backend(4, tuned: nil, dear).backend == "builtin")
    var costs = TunedCosts(threads: 2)
    costs.set(1, add(), dear, rule: "add.fake")
    let record = try backend(4, tuned: costs, dear)
    #expect(record.backend == "dear" && record.estimatedNanoseconds == 1)
    #expect(try backend(5, tuned: costs, dear).backend == "builtin", "another shape was not measured")
    #expect(try backend(4, tuned: costs, self.dear(fingerprint: "2")).backend == "builtin", "another build neither")
  }

  @Test func theyAreKeptForTheMachineTheyWereMeasuredOn() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "cache/tuned.json").path
    #expect(TunedCosts.stored(threads: 2, at: path) == nil)
    let dear = try self.dear()
    var costs = TunedCosts(threads: 2)
    costs.set(17.5, add(), dear, rule: "add.fake")
    #expect(try costs.store(at: path) == path)
    #expect(TunedCosts.stored(threads: 2, at: path) == costs)
    #expect(TunedCosts.stored(threads: 3, at: path) == nil)
    var later = TunedCosts(threads: 2)
    later.set(9, add(), dear, rule: "add.fake")
    costs.merge(later)
    #expect(costs.nanoseconds(add(), backend: "dear", rule: "add.fake") == 9)
    // Of another build nothing stays, of other shapes neither.
    var rebuilt = TunedCosts(threads: 2)
    rebuilt.set(3, add(5), try self.dear(fingerprint: "2"), rule: "add.fake")
    costs.merge(rebuilt)
    #expect(costs.nanoseconds(add(), backend: "dear", rule: "add.fake") == nil)
    #expect(costs.nanoseconds(add(5), backend: "dear", rule: "add.fake") == 3)
    for damaged in ["", "{", "[]", "{\"version\":1}"] {
      try Data(damaged.utf8).write(to: URL(filePath: path))
      #expect(TunedCosts.stored(threads: 2, at: path) == nil)
    }
  }

  @Test func operationsThatDifferInAnythingHaveTimesOfTheirOwn() throws {
    let dear = try self.dear()
    var costs = TunedCosts(threads: 2)
    costs.set(1, add(), dear, rule: "add.fake")
    for change: (inout OperationRequest) -> Void in [
      { $0.inputs[0].strides = [0] }, { $0.inputs[1].isConstant = true }, { $0.epilogue = [.relu] },
      { $0.attributes = [Attribute("alpha", .float(2))] }, { $0.accumulator = .float64 },
      { $0.results[0].dtype = .float64 },
    ] {
      var other = add()
      change(&other)
      #expect(costs.nanoseconds(other, backend: "dear", rule: "add.fake") == nil)
    }
    #expect(costs.nanoseconds(add(), backend: "dear", rule: "add.other") == nil)
  }
}
