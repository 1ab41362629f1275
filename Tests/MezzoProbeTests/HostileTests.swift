#if os(Linux)
  import Foundation
  import MezzoBackend
  import MezzoGraph
  import MezzoLayers
  import MezzoPolicy
  import MezzoRuntime
  import MezzoTraining
  import Testing

  @testable import MezzoPlugins

  /// The host survives each of them, says why it refused it, and computes on another backend.
  @Suite(.enabled(if: TestPlugin.compiler != nil)) struct HostileTests {
    @Test(arguments: Hostile.all) func isRefusedWithItsReason(hostile: Hostile) throws {
      let finding = try #require(try Hostile.tried.get().findings[hostile.name])
      guard case .failure(let refusal) = finding.result else {
        Issue.record("\(hostile.name) passed")
        return
      }
      #expect(refusal.reason.contains(hostile.reason), "\(refusal.reason)")
      if let phase = hostile.phase {
        let failure = try #require(refusal.failure, "\(refusal.reason)")
        #expect(failure.phase.contains(phase), "\(failure)")
      }
      #expect(refusal.reason.utf8.count < 4096)
    }

    /// A training with all of them on the search path, and with a backend that does what it says.
    @Test func aTrainingBesideThemIsDoneByOthers() async throws {
      let tried = try Hostile.tried.get()
      let right = try TestPlugin(query: "table.id = \"right\";").build(in: tried.folder, as: "right")
      var registry = BackendRegistry.builtin()
      registry.discover(
        bundled: [], path: (tried.files + [right]).joined(separator: ":"), choice: nil, folders: [],
        with: .test(in: tried.folder))
      #expect(registry.backends.map(\.id) == ["builtin", "right"])
      #expect(registry.refused.count == Hostile.all.count)
      for hostile in Hostile.all {
        let entry = try #require(registry.refused.first { $0.path.contains("/\(hostile.name).") })
        #expect(entry.reason.contains(hostile.reason), "\(entry)")
      }
      let alone = try await train(Runtime(.builtin()))
      let beside = try await train(Runtime(registry, pins: [try Pin(parsing: "op:relu=right")]))
      #expect(beside.relu == ["right"] && alone.relu == ["builtin"])
      #expect(beside.weights == alone.weights)
      #expect(alone.loss.count == 3 && beside.loss == alone.loss)
    }

    private struct Training {
      var loss: [Double]
      var weights: Variables
      /// Who computes it.
      var relu: Set<String>
    }

    /// Three passes over two clouds of points, the same at each call.
    private func train(_ runtime: Runtime) async throws -> Training {
      let count = 64
      let points = (0..<count).flatMap { index -> [Double] in
        let side = index % 2 == 0 ? 1.0 : -1.0
        return [side + Double(index % 7) / 10, -side + Double(index % 5) / 10]
      }
      let data = try DataSet(
        features: Tensor(points, shape: [count, 2], dtype: .float32),
        targets: Tensor((0..<count).map { Double($0 % 2) }, shape: [count], dtype: .int32))
      let model = Model(seed: 3, runtime: runtime) {
        // Behind a product it would be part of that.
        Activation(.relu)
        Dense(8, activation: .tanh)
        Dense(2)
      }
      let history = try await model.fit(data, epochs: 3, batch: 16, optimizer: .sgd(learningRate: 0.1))
      let routes = try model.explain(input: [16, 2]).records.filter { $0.operation == "relu" }
      return Training(
        loss: history.epochs.map(\.loss), weights: try model.variables, relu: Set(routes.map(\.backend)))
    }
  }
#endif
