import MezzoPolicy
import Testing

/// Ten thousand tasks in one environment: some set its policy and `floatx`, all others live in scopes and environments of
/// their own. Meant to be run under ThreadSanitizer too.
struct ConcurrentScopeTests {
  private static let policies: [DTypePolicy] = [
    .float16, .bfloat16, .float32, .float64, .mixedFloat16, .mixedBFloat16, .infer,
  ]
  private static let floatxs: [DType] = [.float16, .float32, .float64]

  @Test func tenThousandTasksEachWithItsOwn() async throws {
    let shared = PolicyEnvironment()
    let right = await withPolicyEnvironment(shared) {
      await withTaskGroup(of: Bool.self) { group in
        for index in 0..<10_000 {
          group.addTask { await Self.step(index, in: shared) }
        }
        return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
    }
    #expect(right == 10_000)
    // The state is whole: what is set now is what is read now.
    try shared.setFloatx(.float16)
    try shared.setGlobalPolicy(nil)
    #expect(shared.globalPolicy == .float16 && shared.globalPolicy.origin == .floatx)
    #expect(PolicyEnvironment.current === PolicyEnvironment.shared && globalPolicy().origin != .scope)
  }

  /// What task `index` does, and whether it saw what it should. Around it there is no scope, before and after.
  private static func step(_ index: Int, in shared: PolicyEnvironment) async -> Bool {
    let own = policies[index % policies.count]
    let other = policies[(index / policies.count) % policies.count]
    guard seesOnly(shared) else { return false }
    let isRight =
      switch index % 8 {
      case 0: await nested(own, other)
      case 1: await asyncLets(own, other)
      case 2: await childTasks(own, index)
      case 3: await detached(own, shared)
      case 4: await environment(own, floatxs[index % floatxs.count])
      case 5: await failing(own)
      case 6: await unstructured(own, other)
      default: await write(own, floatxs[index % floatxs.count])
      }
    return isRight && seesOnly(shared)
  }

  private static func seesOnly(_ shared: PolicyEnvironment) -> Bool {
    let seen = globalPolicy()
    return PolicyEnvironment.current === shared && policies.contains(seen) && floatxs.contains(floatx())
      && (seen.origin == .global || seen.origin == .floatx)
  }

  private static func nested(_ own: DTypePolicy, _ other: DTypePolicy) async -> Bool {
    await withPolicy(own) {
      let before = await isLater(own)
      let inside = await withPolicy(other) {
        let inner = withPolicy(own) { globalPolicy() == own }
        let after = await isLater(other)
        return inner && after
      }
      let after = await isLater(own)
      return before && inside && after
    }
  }

  private static func asyncLets(_ own: DTypePolicy, _ other: DTypePolicy) async -> Bool {
    await withPolicy(own) {
      async let changed = withPolicy(other) { await isLater(other) }
      async let inherited = isLater(own)
      let here = globalPolicy() == own
      let seen = await (changed, inherited)
      return seen.0 && seen.1 && here
    }
  }

  private static func childTasks(_ own: DTypePolicy, _ index: Int) async -> Bool {
    await withPolicy(own) {
      await withTaskGroup(of: Bool.self) { group in
        for child in 0..<3 {
          let policy = policies[(index + child) % policies.count]
          group.addTask {
            let inherited = await isLater(own)
            let inside = await withPolicy(policy) { await isLater(policy) }
            return inherited && inside
          }
        }
        let here = globalPolicy() == own
        return await group.allSatisfy { $0 } && here
      }
    }
  }

  /// A detached task is in neither the scope nor the environment.
  private static func detached(_ own: DTypePolicy, _ shared: PolicyEnvironment) async -> Bool {
    await withPolicy(own) {
      let isOutside = await Task.detached {
        await Task.yield()
        return PolicyEnvironment.current === PolicyEnvironment.shared && globalPolicy().origin != .scope
      }.value
      return isOutside && PolicyEnvironment.current === shared && globalPolicy() == own
    }
  }

  /// A scope further out does not reach into an environment, nor does what others set.
  private static func environment(_ own: DTypePolicy, _ dtype: DType) async -> Bool {
    await withPolicy(own) {
      let inside = await withPolicyEnvironment(PolicyEnvironment()) {
        try? setFloatx(dtype)
        let followed = await isLater(DTypePolicy(dtype)) && floatx() == dtype
        try? setGlobalPolicy(own)
        let set = await isLater(own) && globalPolicy().origin == .global
        return followed && set
      }
      return inside && globalPolicy() == own
    }
  }

  private static func failing(_ own: DTypePolicy) async -> Bool {
    do {
      try await withPolicy(own) {
        await Task.yield()
        throw Interruption(sawOwn: globalPolicy() == own)
      }
      return false
    } catch {
      return (error as? Interruption)?.sawOwn ?? false
    }
  }

  private struct Interruption: Error { let sawOwn: Bool }

  /// A task keeps the scope that it was made in, wherever it is waited for.
  private static func unstructured(_ own: DTypePolicy, _ other: DTypePolicy) async -> Bool {
    let task = withPolicy(own) { Task { await isLater(own) } }
    return await withPolicy(other) {
      let kept = await task.value
      return kept && globalPolicy() == other
    }
  }

  private static func write(_ own: DTypePolicy, _ dtype: DType) async -> Bool {
    do {
      try setFloatx(dtype)
      await Task.yield()
      try setGlobalPolicy(own)
      await Task.yield()
      try setGlobalPolicy(nil)
      return true
    } catch {
      return false
    }
  }

  private static func isLater(_ policy: DTypePolicy) async -> Bool {
    await Task.yield()
    let seen = globalPolicy()
    return seen == policy
  }
}
