import Testing
@testable import MezzoPlugins
@Suite struct ProbeTests {
  @Test func placeholder() {}
}
