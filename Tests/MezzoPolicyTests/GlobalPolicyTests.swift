import MezzoPolicy
import Testing

/// No test writes the state of its process, which all the others follow: these write that of an environment, or of a child.
@Suite struct GlobalPolicyTests {
  private func onCleanState(_ body: () async throws -> Void) async throws {
    try await withPolicyEnvironment(PolicyEnvironment()) { try await body() }
  }

  @Test func unsetItFollowsFloatxLive() async throws {
    try await onCleanState {
      #expect(globalPolicy() == .float32 && floatx() == .float32)
      try setFloatx("float16")
      #expect(globalPolicy() == .float16 && floatx() == .float16)
      try setFloatx(.float64)
      #expect(globalPolicy() == .float64)
    }
  }

  @Test func setItNoLongerFollowsFloatx() async throws {
    try await onCleanState {
      try setFloatx("float16")
      try setGlobalPolicy("float16")
      try setFloatx("float64")
      #expect(globalPolicy() == .float16)
      try setGlobalPolicy(nil)
      #expect(globalPolicy() == .float64)
    }
  }

  @Test(arguments: [
    "float16", "bfloat16", "float32", "float64", "half", "float", "double", "mixed_float16", "mixed_bfloat16", "_infer",
    "float8_e4m3fn",
  ])
  func accepts(name: String) async throws {
    try await onCleanState {
      try setGlobalPolicy(name)
      #expect(globalPolicy().name == name)
      try setGlobalPolicy(nil)
      try setGlobalPolicy(DTypePolicy(name))
      #expect(try globalPolicy() == DTypePolicy(name))
    }
  }

  @Test(arguments: ["int32", "int4", "bool", "string", "complex64", "complex128", "qint8", "resource"])
  func refusesWhatIsNotFloating(name: String) async throws {
    try await onCleanState {
      try setGlobalPolicy(.mixedFloat16)
      #expect(throws: PolicyError.nonFloatingGlobalPolicy(name: name)) { try setGlobalPolicy(name) }
      #expect(throws: PolicyError.nonFloatingGlobalPolicy(name: name)) { try setGlobalPolicy(DTypePolicy(name)) }
      #expect(globalPolicy() == .mixedFloat16)
    }
  }

  @Test func errorsOfTheNameLeaveTheStateUnchanged() async throws {
    try await onCleanState {
      try setGlobalPolicy("mixed_bfloat16")
      #expect(throws: PolicyError.unknownPolicy(name: "abc")) { try setGlobalPolicy("abc") }
      #expect(throws: PolicyError.removedPolicy(name: "_float32_vars", suggestion: nil)) {
        try setGlobalPolicy("_float32_vars")
      }
      #expect(globalPolicy() == .mixedBFloat16)
    }
  }

  @Test(arguments: ["", "nope", "bfloat16", "half", "mixed_float16", "Float32", "int32", "float8_e5m2"])
  func floatxRefuses(name: String) async throws {
    try await onCleanState {
      try setFloatx("float64")
      #expect(throws: PolicyError.unknownFloatx(name: name)) { try setFloatx(name) }
      if let dtype = DType(rawValue: name) {
        #expect(throws: PolicyError.unknownFloatx(name: name)) { try setFloatx(dtype) }
      }
      #expect(floatx() == .float64 && globalPolicy() == .float64)
    }
  }

  @Test func clearingTheSessionUnsetsItInKeras3Alone() async throws {
    try await onCleanState {
      try setFloatx(.float64)
      try setGlobalPolicy(.mixedFloat16)
      clearSession()
      #expect(globalPolicy() == .mixedFloat16 && floatx() == .float64)
    }
    try withPolicyEnvironment(PolicyEnvironment(dialect: .keras3)) {
      try setFloatx(.float64)
      try setGlobalPolicy(.mixedFloat16)
      clearSession()
      #expect(globalPolicy() == .float64 && globalPolicy().origin == .floatx)
    }
  }

  @Test func otherTasksSeeIt() async throws {
    await #expect(processExitsWith: .success) {
      try setGlobalPolicy(.mixedFloat16)
      #expect(await Task.detached { globalPolicy() }.value == .mixedFloat16)
      await Task.detached { try? setGlobalPolicy(.float64) }.value
      #expect(globalPolicy() == .float64)
    }
  }

  @Test func aScopeIsInFrontOfIt() async throws {
    try await onCleanState {
      try setGlobalPolicy(.float64)
      try withPolicy(.mixedBFloat16) {
        try setGlobalPolicy(.float16)
        try setFloatx(.float16)
        #expect(globalPolicy() == .mixedBFloat16)
      }
      #expect(globalPolicy() == .float16)
    }
  }

  @Test func detachedTasksAreOutsideTheScope() async throws {
    await #expect(processExitsWith: .success) {
      try setGlobalPolicy(.float64)
      let seen = await withPolicy(.mixedFloat16) { await Task.detached { globalPolicy() }.value }
      #expect(seen == .float64)
    }
  }

  @Test func aFailedScopeChangesNothing() async throws {
    try await onCleanState {
      #expect(throws: PolicyError.unknownPolicy(name: "abc")) { try withPolicy("abc") {} }
      #expect(throws: PolicyError.nonFloatingGlobalPolicy(name: "int32")) { try withPolicy("int32") {} }
      #expect(globalPolicy() == .float32)
    }
  }

  @Test func concurrentWritesAreNeverTorn() async throws {
    try await onCleanState {
      let policies: [DTypePolicy] = [.float32, .mixedFloat16, .mixedBFloat16, .float64]
      let allWhole = await withTaskGroup(of: Bool.self) { group in
        for index in 0..<200 {
          group.addTask {
            try? setGlobalPolicy(policies[index % policies.count])
            await Task.yield()
            return policies.contains(globalPolicy())
          }
        }
        return await group.allSatisfy { $0 }
      }
      #expect(allWhole)
    }
  }
}
