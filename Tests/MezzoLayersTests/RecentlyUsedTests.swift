import MezzoLayers
import Testing

@Suite struct RecentlyUsedTests {
  @Test func theOneNotUsedForLongestMakesRoom() {
    var kept = RecentlyUsed<String, Int>(limit: 2)
    kept["a"] = 1
    kept["b"] = 2
    #expect(kept["a"] == 1)
    kept["c"] = 3
    #expect(kept.latest == 3)
    #expect(kept["b"] == nil && kept["a"] == 1 && kept["c"] == 3)
  }

  @Test func replacingIsUsing() {
    var kept = RecentlyUsed<String, Int>(limit: 2)
    kept["a"] = 1
    kept["b"] = 2
    kept["a"] = 4
    kept["c"] = 3
    #expect(kept["a"] == 4 && kept["b"] == nil)
  }

  @Test func whatIsTakenOutLeavesRoom() {
    var kept = RecentlyUsed<String, Int>(limit: 2)
    kept["a"] = 1
    kept["b"] = 2
    kept["a"] = nil
    kept["c"] = 3
    #expect(kept["a"] == nil && kept["b"] == 2 && kept["c"] == 3)
    kept.removeAll()
    #expect(kept["b"] == nil && kept.latest == nil)
  }

  @Test func aLimitOfNoneKeepsNothing() {
    var kept = RecentlyUsed<String, Int>(limit: 0)
    kept["a"] = 1
    #expect(kept["a"] == nil)
  }
}
