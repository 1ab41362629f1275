import Testing

@testable import MezzoPolicy

/// What an environment keeps so that readers need no lock.
@Suite struct PublishedPolicyTests {
  @Test func equalPoliciesAreKeptOnce() throws {
    let environment = PolicyEnvironment()
    var storages: [ObjectIdentifier] = []
    for _ in 0..<100 {
      for name in ["mixed_float16", "c=bf16,o=f32", "params=float32,compute=bfloat16,output=float32"] {
        // Read anew each time, so that no two of them share what they are made of.
        try environment.setGlobalPolicy(DTypePolicy(name))
        let storage = ObjectIdentifier(environment.globalPolicy.storage)
        if !storages.contains(storage) { storages.append(storage) }
      }
      try environment.setGlobalPolicy(nil)
    }
    #expect(storages.count == 2)
  }

  @Test func originsAreKeptApart() throws {
    let environment = PolicyEnvironment()
    #expect(environment.globalPolicy == .float32 && environment.globalPolicy.origin == .floatx)
    try environment.setGlobalPolicy(.float32)
    #expect(environment.globalPolicy == .float32 && environment.globalPolicy.origin == .global)
  }
}
