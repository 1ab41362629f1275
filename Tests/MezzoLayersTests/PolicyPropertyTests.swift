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
