import Foundation
import MezzoPolicy
import Testing

@testable import MezzoLayers

/// What models save of their layers.
@Suite struct LayerRecordTests {
  private func record(_ layer: Dense, assigned: DTypePolicy) -> LayerRecord {
    LayerRecord(path: "dense", layer: layer, assigned: assigned)
  }

  private func read(_ record: LayerRecord, without key: String? = nil) throws -> LayerRecord {
    let written = try JSONEncoder().encode(record)
    var members = try #require(try JSONSerialization.jsonObject(with: written) as? [String: Any])
    if let key { #expect(members.removeValue(forKey: key) != nil) }
    return try JSONDecoder().decode(LayerRecord.self, from: try JSONSerialization.data(withJSONObject: members))
  }

  @Test(arguments: [PolicyOrigin.own, .scope, .global, .floatx])
  func whereTheRequestCameFromIsKept(origin: PolicyOrigin) throws {
    let record = record(Dense(1, policy: DTypePolicy.float16.from(origin)), assigned: DTypePolicy.float64.from(.map))
    let again = try read(record)
    #expect(again == record && again.requested.origin == origin && again.policy.origin == .map)
  }

  @Test func filesOfBeforeAreRead() throws {
    let own = record(Dense(1, policy: .float16), assigned: .float16)
    #expect(try read(own, without: "requested_origin").requested.origin == .own)
    // Nobody asked for a policy that a map took the place of.
    let mapped = record(Dense(1, policy: DTypePolicy.float16.from(.scope)), assigned: DTypePolicy.float64.from(.map))
    let again = try read(mapped, without: "requested_origin")
    #expect(again == mapped && again.requested.origin != .own)
  }
}
