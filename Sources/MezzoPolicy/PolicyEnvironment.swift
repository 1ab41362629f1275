import Synchronization

/// The state that TensorFlow keeps once a process: the global policy, `floatx` and the dtype behaviour.
///
/// The free functions ``globalPolicy()``, ``setGlobalPolicy(_:)-(DTypePolicy?)``, ``floatx()`` and their like work on
/// ``current``. That is ``shared`` unless a ``withPolicyEnvironment(_:_:)`` is around: a program that embeds several
/// tenants, or a test, gives each its own.
///
/// ```swift
/// let tenant = PolicyEnvironment()
/// try tenant.setGlobalPolicy("mixed_bfloat16")
/// let model = withPolicyEnvironment(tenant) { Model { Dense(10) } }
/// ```
public final class PolicyEnvironment: Sendable {
  /// The environment of everything that is in no other.
  public static let shared = PolicyEnvironment()

  /// The environment of this task.
  public static var current: PolicyEnvironment { PolicyScope.current?.environment ?? shared }

  /// Whose rules names and settings follow here.
  public let dialect: PolicyDialect

  private struct State: Sendable {
    var explicit: DTypePolicy?
    var floatx = DType.float32
    var usesV2DTypeBehavior = true
    var isStrict = false
    /// Every policy that was ever in effect here, one of those that are equal and of one origin. They live as long as the
    /// environment, because a reader, which takes no lock, may hold on to one at any time: none can be let go. Setting
    /// the same policies again and again adds none.
    var published: [Key: DTypePolicy] = [:]

    var policyInEffect: DTypePolicy {
      explicit ?? (usesV2DTypeBehavior ? DTypePolicy(floatx) : .infer).from(.floatx)
    }
  }

  private struct Key: Hashable {
    let policy: DTypePolicy
    let origin: PolicyOrigin

    init(_ policy: DTypePolicy) {
      self.policy = policy
      origin = policy.origin
    }
  }

  /// One lock over all values, so that no two changes mix.
  private let state = Locked(State())

  /// What is in effect while no scope is; kept ready, because every layer that is made reads it.
  private let inEffect: Atomic<Unmanaged<DTypePolicy.Storage>>

  public init(dialect: PolicyDialect = .mezzo) {
    self.dialect = dialect
    let first = state.withLock { state in
      let first = state.policyInEffect
      state.published[Key(first)] = first
      return first
    }
    inEffect = Atomic(.passUnretained(first.storage))
  }

  /// Changes the state, and makes the policy that follows from it the one that readers see.
  private func change(_ body: (inout State) -> Void) {
    state.withLock { state in
      body(&state)
      let new = state.policyInEffect
      let key = Key(new)
      let next = state.published[key] ?? new
      state.published[key] = next
      inEffect.store(.passUnretained(next.storage), ordering: .releasing)
    }
  }

  /// The policy in effect outside of every `withPolicy`: the one that was set, else the one that ``floatx`` implies,
  /// else, with TensorFlow 1's dtype behaviour, ``DTypePolicy/infer``.
  public var globalPolicy: DTypePolicy {
    DTypePolicy(inEffect.load(ordering: .acquiring).takeUnretainedValue())
  }

  /// Sets the policy of the environment; nil unsets it, and ``floatx`` decides again. Layers that exist keep theirs.
  ///
  /// - Throws: ``PolicyError/globalPolicyNeedsV2Behavior``, whatever the policy, with TensorFlow 1's dtype behaviour;
  ///   ``PolicyError/nonFloatingGlobalPolicy(name:)`` if the policy computes in anything but floating point, which
  ///   Keras 3 allows. The state is then as before. ``DTypePolicy/infer`` is allowed.
  public func setGlobalPolicy(_ policy: DTypePolicy?) throws(PolicyError) {
    try requireV2DTypeBehavior()
    if let policy { try requireAdmissible(policy) }
    change { $0.explicit = policy?.from(.global) }
  }

  /// Sets the policy of the environment by name.
  ///
  /// - Throws: What ``setGlobalPolicy(_:)-(DTypePolicy?)`` throws, and what reading the name throws. The state is then as
  ///   before.
  public func setGlobalPolicy(_ name: String) throws(PolicyError) {
    try requireV2DTypeBehavior()
    try setGlobalPolicy(policy(named: name))
  }

  /// The default floating-point dtype, at first `float32`. It implies the global policy while none is set.
  public var floatx: DType { state.withLock { $0.floatx } }

  /// Sets the default floating-point dtype: float16, float32 or float64 as in TensorFlow 2.4; in Keras 3 bfloat16 too.
  ///
  /// - Throws: ``PolicyError/unknownFloatx(name:)``. The state is then as before.
  public func setFloatx(_ dtype: DType) throws(PolicyError) {
    switch dtype {
    case .float16, .float32, .float64: break
    case .bfloat16 where dialect == .keras3: break
    default: throw .unknownFloatx(name: dtype.name)
    }
    change { $0.floatx = dtype }
  }

  /// Sets the default floating-point dtype by its canonical name.
  ///
  /// - Throws: ``PolicyError/unknownFloatx(name:)``, also for the alias `half`. The state is then as before.
  public func setFloatx(_ name: String) throws(PolicyError) {
    guard let dtype = DType(rawValue: name) else { throw .unknownFloatx(name: name) }
    try setFloatx(dtype)
  }

  /// Whether dtypes behave as in TensorFlow 2, which is so at first.
  ///
  /// Without it, as after `tf.compat.v1.disable_v2_dtype_behavior()`: the default policy is ``DTypePolicy/infer``, layers
  /// cast no inputs, and the global policy cannot be set. One that was set before stays in effect.
  public var usesV2DTypeBehavior: Bool {
    get { state.withLock { $0.usesV2DTypeBehavior } }
    set {
      change { $0.usesV2DTypeBehavior = newValue }
    }
  }

  /// Whether models made from now on are strict, which they are not at first.
  ///
  /// In a strict model it is an error if the input of a layer would be cast without a layer that declares it, if integers
  /// are cast to a dtype that does not hold all of them, and if a constant vanishes, overflows or becomes another integer
  /// in the dtype that it is used in.
  public var isStrict: Bool {
    get { state.withLock { $0.isStrict } }
    set { state.withLock { $0.isStrict = newValue } }
  }

  /// Forgets what belongs to a session of Keras. As in TensorFlow 2.4, the global policy and `floatx` do not; in Keras 3
  /// the global policy does.
  public func clearSession() {
    guard dialect == .keras3 else { return }
    change { $0.explicit = nil }
  }

  private func requireV2DTypeBehavior() throws(PolicyError) {
    guard usesV2DTypeBehavior else { throw .globalPolicyNeedsV2Behavior }
  }

  private func requireAdmissible(_ policy: DTypePolicy) throws(PolicyError) {
    guard dialect == .keras3 || policy.computeDType?.isFloatingPoint ?? true else {
      throw .nonFloatingGlobalPolicy(name: policy.name)
    }
  }

  /// Keras 3 takes names of quantised policies here, and its constructor does not.
  private func policy(named name: String) throws(PolicyError) -> DTypePolicy {
    try dialect == .keras3 ? .get(.name(name), dialect: dialect) : DTypePolicy(name, dialect: dialect)
  }

  /// The policy of that name, if it may be the default of layers.
  func admissible(_ name: String) throws(PolicyError) -> DTypePolicy {
    try requireV2DTypeBehavior()
    let policy = try policy(named: name)
    try requireAdmissible(policy)
    return policy
  }
}

/// Runs `body` in `environment`: its global policy, `floatx` and dtype behaviour are those of this task and of the child
/// tasks that it starts. A `withPolicy` further out does not reach inside.
public func withPolicyEnvironment<R>(_ environment: PolicyEnvironment, _ body: () throws -> R) rethrows -> R {
  try PolicyScope.$current.withValue(PolicyScope(environment: environment), operation: body)
}

/// Runs `body` in `environment`, as the synchronous form does. It stays on the caller's actor.
public nonisolated(nonsending) func withPolicyEnvironment<R>(
  _ environment: PolicyEnvironment, _ body: nonisolated(nonsending) () async throws -> R
) async rethrows -> R {
  try await PolicyScope.$current.withValue(PolicyScope(environment: environment), operation: body)
}
