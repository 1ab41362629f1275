import MezzoBackend
import Testing

@testable import MezzoPlugins

@Suite struct CallOverheadTests {
  @Test func itIsPositiveAndGrowsWithTheArguments() {
    let kinds: [CallKind] = [.direct, .foreign(arguments: 2), .foreign(arguments: 8), .foreign(arguments: 14)]
    let costs = kinds.map { CallOverhead.nanoseconds($0) }
    #expect(costs == costs.sorted() && costs[0] > 0)
    #expect(costs == kinds.map { CallOverhead.nanoseconds($0) }, "measured once")
    #expect(CallOverhead.nanoseconds(.foreign(arguments: 0)) == costs[1])
  }

  @Test func smallDisturbancesChangeNothing() {
    #expect(CallOverhead.stepped(60) == CallOverhead.stepped(66))
    #expect(CallOverhead.stepped(20) < CallOverhead.stepped(40))
    #expect(CallOverhead.stepped(.infinity).isFinite && CallOverhead.stepped(-1) == 4)
  }

  @Test func topicsOfTheDebugTrace() {
    #expect(DebugTopic.parse("") == [])
    #expect(DebugTopic.parse("route, call") == [.route, .call])
    #expect(DebugTopic.parse("loader,everything") == [.loader])
  }
}
