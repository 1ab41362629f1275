import MezzoPolicy
import Testing

struct PolicyScopeTests {
  private struct Interruption: Error {}

  @Test func scopesNestAndEnd() throws {
    withPolicy(.mixedFloat16) {
      #expect(globalPolicy() == .mixedFloat16)
      withPolicy(.float64) { #expect(globalPolicy() == .float64) }
      #expect(globalPolicy() == .mixedFloat16)
    }
    try withPolicy("half") { #expect(globalPolicy().name == "half") }
  }

  /// As in TensorFlow, whose scope sets the global policy.
  @Test func scopesByNameNeedTheDTypeBehaviorOfTensorFlow2() {
    let environment = PolicyEnvironment()
    environment.usesV2DTypeBehavior = false
    withPolicyEnvironment(environment) {
      #expect(throws: PolicyError.globalPolicyNeedsV2Behavior) { try withPolicy("float16") {} }
      #expect(withPolicy(.float16) { globalPolicy() } == .float16)
    }
  }

  @Test func resultAndErrorsPass() async throws {
    #expect(withPolicy(.float16) { globalPolicy().name } == "float16")
    #expect(try await withPolicy("bfloat16") { await later() } == .bfloat16)
    withPolicy(.float64) {
      #expect(throws: Interruption.self) { try withPolicy(.float16) { throw Interruption() } }
      #expect(globalPolicy() == .float64)
    }
    await #expect(throws: Interruption.self) {
      try await withPolicy("float16") {
        await Task.yield()
        throw Interruption()
      }
    }
    await #expect(throws: PolicyError.nonFloatingGlobalPolicy(name: "bool")) {
      try await withPolicy("bool") { await Task.yield() }
    }
  }

  @Test func aValueMayBeOfAnyDType() {
    #expect(withPolicy(DTypePolicy(.int32)) { globalPolicy().computeDType } == .int32)
    #expect(withPolicy(.infer) { globalPolicy() } == .infer)
  }

  @Test func itLastsOverSuspension() async {
    await withPolicy(.mixedBFloat16) {
      for _ in 0..<10 { await Task.yield() }
      #expect(globalPolicy() == .mixedBFloat16)
    }
  }

  @Test func childrenInheritAndSiblingsDoNotSee() async {
    await withPolicy(.mixedFloat16) {
      async let inherited = later()
      async let changed = withPolicy(.float64) { await later() }
      async let sibling = later()
      let unstructured = Task { await later() }
      #expect(await inherited == .mixedFloat16)
      #expect(await changed == .float64)
      #expect(await sibling == .mixedFloat16)
      #expect(await unstructured.value == .mixedFloat16)
      #expect(globalPolicy() == .mixedFloat16)
    }
  }

  @Test func aTaskKeepsTheScopeItWasMadeIn() async {
    let task = withPolicy(.float16) { Task { await later() } }
    #expect(await withPolicy(.float64) { await task.value } == .float16)
  }

  @Test func thousandTasksEachWithItsOwn() async {
    let policies: [DTypePolicy] = [.float16, .bfloat16, .float32, .float64, .mixedFloat16, .mixedBFloat16, .infer]
    let right = await withTaskGroup(of: Bool.self) { group in
      for index in 0..<1000 {
        let own = policies[index % policies.count]
        let inner = policies[(index / 7) % policies.count]
        group.addTask {
          await withPolicy(own) {
            let before = await later() == own
            let inside = await withPolicy(inner) { await later() } == inner
            return before && inside && globalPolicy() == own
          }
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(right == 1000)
  }

  @Test func itStaysOnTheCallersActor() async throws {
    let counter = Counter()
    #expect(await counter.countInsideScopes() == 2)
    #expect(try await onMainActor() == [.float16, .bfloat16])
  }

  private actor Counter {
    /// Not Sendable, so that this compiles only while the body stays on this actor.
    private final class Box { var count = 0 }
    private let box = Box()

    func countInsideScopes() async -> Int {
      await withPolicy(.float16) {
        await Task.yield()
        box.count += globalPolicy() == .float16 ? 1 : 0
      }
      withPolicy(.float64) { box.count += globalPolicy() == .float64 ? 1 : 0 }
      return box.count
    }
  }

  @MainActor
  private func onMainActor() async throws -> [DTypePolicy] {
    var seen: [DTypePolicy] = []
    try await withPolicy("float16") {
      await Task.yield()
      MainActor.assertIsolated()
      seen.append(globalPolicy())
    }
    await withPolicy(.bfloat16) { seen.append(await later()) }
    return seen
  }
}

/// The policy in effect after the task has given way once.
private func later() async -> DTypePolicy {
  await Task.yield()
  return globalPolicy()
}
