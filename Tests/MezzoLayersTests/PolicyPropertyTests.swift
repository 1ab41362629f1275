import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What holds for every policy and every model.
@Suite struct PolicyPropertyTests {
  private static let models = Sample.count(300)

  private let runtime = Runtime.builtinOnly()
  private let input = TensorType(.float32, [2, 3])

  init() { LayerRegistry.register(Composite.self) }

  private func encoded(_ value: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return try encoder.encode(value)
  }

  @Test func configurationsOfPoliciesAreTheIdentity() throws {
    var policies = RandomPolicies(seed: 7)
    for _ in 0..<2000 {
      let policy = try policies.any()
      #expect(try JSONDecoder().decode(DTypePolicy.self, from: encoded(policy)) == policy)
      #expect(try DTypePolicy.deserialize(policy.serialized()) == policy)
      #expect(try DTypePolicy(policy.name) == policy)
      #expect(try policy.serialized() == DTypePolicy.deserialize(policy.serialized()).serialized())
    }
  }

  /// Sequences have policies of every sort here, among them integers, strings, quantised ones and ones that name operations
  /// that there are not. Only layers that compute may refuse theirs.
  @Test func containersTakeEveryPolicy() throws {
    var (built, refused) = (0, 0)
    for seed in 0..<Self.models {
      var layers = RandomLayers(seed: UInt64(seed))
      let model = Model(try layers.sequence(depth: 3), runtime: runtime)
      do {
        try model.build(input: input)
        built += 1
        continue
      } catch LayerError.nonFloatingPolicy(let path, let policy) {
        #expect(layer(path, in: model.layer) is Dense)
        #expect(try DTypePolicy(policy).computeDType?.isFloatingPoint != true)
      } catch LayerError.quantizedPolicy(let path, let policy) {
        #expect(layer(path, in: model.layer) is Dense)
        #expect(try DTypePolicy(policy).quantization != nil)
      } catch let error as GraphError {
        let refusing = try #require(layer(error.layer, in: model.layer))
        #expect(!(refusing is any LayerContainer))
      }
      refused += 1
    }
    #expect(built > Self.models / 4)
    #expect(refused > Self.models / 10)
  }

  /// What only arranges other layers has no dtype to compute in: sequences and graphs of calls take every policy, wrappers every one
  /// that layers compute in; they are repoliced, have their configuration read back, and compute what they did.
  @Test func whatArrangesLayersTakesEveryPolicy() throws {
    let steps = TensorType(.float32, [2, 3, 4])
    let batch = try Tensor((0..<24).map { Double($0) / 8 }, shape: [2, 3, 4], dtype: .float32)
    for seed in 0..<Sample.count(60) {
      var policies = RandomPolicies(seed: UInt64(seed))
      let (policy, other) = (try policies.any(), try policies.any())
      func dense() -> Dense { Dense(2, policy: .float32) }
      let x = LayerOutput.input("x", shape: [3, 4])
      let arrangements: [any Layer] = [
        Sequential([dense(), Sequential([dense()], policy: other)], policy: policy),
        try Functional(inputs: [x], outputs: dense()(dense()(x)), policy: policy),
        TimeDistributed(dense(), policy: policies.computing()),
        Bidirectional(GRU(2, policy: .float32), policy: policies.computing()),
      ]
      for arrangement in arrangements {
        let model = Model(arrangement, seed: 1, runtime: runtime)
        try model.build(input: steps)
        let before = try model(batch)
        let text = try encoded(AnyLayer(arrangement))
        #expect(try encoded(JSONDecoder().decode(AnyLayer.self, from: text)) == text)
        let change = try model.repolicy(.float32, sample: batch)
        #expect(try model(batch) == before)
        try change.undo()
        #expect(try model(batch) == before)
      }
    }
  }

  @Test func layersFollowWhatTheRulesGiveThem() throws {
    for seed in 0..<Self.models {
      var layers = RandomLayers(seed: UInt64(seed))
      let model = Model(try layers.sequence(depth: 3), runtime: runtime)
      guard (try? withPolicy(.float64) { try model.build(input: input) }) != nil else { continue }
      var expected: [String: DTypePolicy] = [:]
      expect(model.layer, at: "", around: .float32, choice: .own, global: .float64, &expected)
      let records = try model.layers
      #expect(records.count == expected.count)
      for record in records {
        let rule = expected[record.path]
        #expect(record.assigned == rule)
        if let rule, rule.computeDType != nil { #expect(record.policy == rule.policy(forLayerClass: record.className)) }
      }
    }
  }

  @Test func configurationsOfModelsAreTheIdentity() throws {
    for seed in 0..<Self.models {
      var layers = RandomLayers(seed: UInt64(seed))
      let model = Model(try layers.sequence(depth: 3), seed: 3, runtime: runtime)
      let text = try encoded(AnyLayer(model.layer))
      let read = try JSONDecoder().decode(AnyLayer.self, from: text)
      #expect(try encoded(read) == text)
      guard (try? model.build(input: input)) != nil else { continue }
      let records = try JSONDecoder().decode([LayerRecord].self, from: encoded(model.layers))
      #expect(try records == model.layers)
      #expect(try records.map(\.policy.origin) == model.layers.map(\.policy.origin))
      let same = Model(
        read.layer, seed: 3, runtime: runtime, variables: try model.variables, layers: records)
      #expect(try same.policies == model.policies)
      guard try model.policies.values.allSatisfy(isRunnable) else { continue }
      let batch = try Tensor([1, 2, 3, -1, -2, -3], shape: [2, 3], dtype: .float32)
      #expect(try same(batch) == model(batch))
    }
  }

  @Test func scopesLeaveNoTrace() throws {
    for seed in 0..<Self.models {
      var policies = RandomPolicies(seed: UInt64(seed))
      let environment = PolicyEnvironment()
      let global = policies.computing()
      try environment.setGlobalPolicy(global)
      try withPolicyEnvironment(environment) {
        var layers = RandomLayers(seed: UInt64(seed))
        let scope = try policies.any()
        // Whether or not the model can be built.
        withPolicy(scope) {
          _ = try? Model(layers.sequence(depth: 3), runtime: runtime).build(input: input)
          #expect(globalPolicy() == scope)
        }
        #expect(globalPolicy() == global)
        #expect(globalPolicy().origin == .global)
        #expect(floatx() == .float32)
      }
    }
  }

  @Test func scopesThatThrowOrWaitLeaveNoTrace() async throws {
    struct Stop: Error {}
    for seed in 0..<Self.models {
      var policies = RandomPolicies(seed: UInt64(seed))
      let environment = PolicyEnvironment()
      let global = policies.computing()
      try environment.setGlobalPolicy(global)
      let (outer, inner) = (try policies.any(), try policies.any())
      await withPolicyEnvironment(environment) {
        await #expect(throws: Stop.self) {
          try await withPolicy(outer) {
            await Task.yield()
            #expect(globalPolicy() == outer)
            try withPolicy(inner) {
              #expect(globalPolicy() == inner)
              throw Stop()
            }
          }
        }
        #expect(globalPolicy() == global && globalPolicy().origin == .global)
      }
    }
  }

  /// The rules of sublayers, in a few lines.
  private func expect(
    _ layer: any Layer, at path: String, around: DTypePolicy, choice: SublayerPolicy, global: DTypePolicy,
    _ policies: inout [String: DTypePolicy]
  ) {
    let follows = [SublayerPolicy.own: layer.policy, .parent: around, .global: global]
    let assigned = layer.policy.origin == .own ? layer.policy : follows[choice] ?? layer.policy
    policies[path] = assigned
    func parts(_ layers: [any Layer], _ names: [String], _ choice: SublayerPolicy) {
      for (layer, name) in zip(layers, names) {
        let path = path.isEmpty ? name : "\(path).\(name)"
        expect(layer, at: path, around: assigned, choice: choice, global: global, &policies)
      }
    }
    if let sequence = layer as? Sequential {
      parts(sequence.layers, sequence.names, sequence.sublayerPolicy == .own ? choice : sequence.sublayerPolicy)
    } else if let composite = layer as? Composite {
      parts(composite.layers.map(\.layer), composite.layers.indices.map { "part_\($0)" }, composite.sublayerPolicy)
    }
  }

  /// The layer of that path.
  private func layer(_ path: String, in layer: any Layer) -> (any Layer)? {
    path.split(separator: ".").reduce(layer) { (layer: (any Layer)?, name) in
      if let sequence = layer as? Sequential {
        return sequence.names.firstIndex(of: String(name)).map { sequence.layers[$0] }
      }
      return (layer as? Composite).flatMap { composite in
        Int(name.dropFirst("part_".count)).map { composite.layers[$0].layer }
      }
    }
  }

  private func isRunnable(_ policy: DTypePolicy) -> Bool {
    [policy.computeDType, policy.variableDType, policy.outputDType].allSatisfy { dtype in
      dtype.map { RandomPolicies.working.contains($0) || !$0.isFloatingPoint } ?? true
    }
  }
}
