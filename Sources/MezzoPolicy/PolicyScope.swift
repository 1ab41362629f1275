/// What the tasks below a `withPolicy` or ``withPolicyEnvironment(_:_:)`` see. One task-local value for both and a reference,
/// so that reading the policy in effect looks up one pointer.
final class PolicyScope: Sendable {
  @TaskLocal static var current: PolicyScope?

  let policy: DTypePolicy?
  let environment: PolicyEnvironment?

  /// What a layer made here takes. The environment outlives the call, since the scope holds it, and need not be counted.
  var policyInEffect: DTypePolicy { policy ?? reader._withUnsafeGuaranteedRef { $0.globalPolicy } }
  private let reader: Unmanaged<PolicyEnvironment>

  init(policy: DTypePolicy? = nil, environment: PolicyEnvironment?) {
    self.policy = policy
    self.environment = environment
    reader = .passUnretained(environment ?? .shared)
  }
}

/// Runs `body` with `policy` as the global policy of this task and of the child tasks that it starts. Siblings and
/// detached tasks do not see it, and ``setGlobalPolicy(_:)-(DTypePolicy?)`` inside does not change it.
///
/// Like the policy that a layer is given, it may be of any dtype; a layer that cannot compute in it says so when it is
/// built. The forms that take a name can throw, and refuse a non-floating one as TensorFlow's scope does.
public func withPolicy<R>(_ policy: DTypePolicy, _ body: () throws -> R) rethrows -> R {
  try PolicyScope.$current.withValue(.within(policy), operation: body)
}

/// Runs `body` with `policy` as the global policy, as the synchronous form does. It stays on the caller's actor.
public nonisolated(nonsending) func withPolicy<R>(
  _ policy: DTypePolicy, _ body: nonisolated(nonsending) () async throws -> R
) async rethrows -> R {
  try await PolicyScope.$current.withValue(.within(policy), operation: body)
}

/// Runs `body` with the policy of that name as the global policy.
///
/// - Throws: What `body` throws; before it runs, what ``setGlobalPolicy(_:)-(String)`` throws for the name.
public func withPolicy<R>(_ name: String, _ body: () throws -> R) throws -> R {
  try withPolicy(PolicyEnvironment.current.admissible(name), body)
}

/// Runs `body` with the policy of that name as the global policy. It stays on the caller's actor.
///
/// - Throws: What `body` throws; before it runs, what ``setGlobalPolicy(_:)-(String)`` throws for the name.
public nonisolated(nonsending) func withPolicy<R>(
  _ name: String, _ body: nonisolated(nonsending) () async throws -> R
) async throws -> R {
  try await withPolicy(PolicyEnvironment.current.admissible(name), body)
}

extension PolicyScope {
  fileprivate static func within(_ policy: DTypePolicy) -> PolicyScope {
    PolicyScope(policy: policy.from(.scope), environment: current?.environment)
  }
}
