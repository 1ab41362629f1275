import MezzoBackend
import MezzoGraph
import MezzoPlugins
import MezzoPolicy
import Testing

@testable import MezzoRuntime

@Suite struct CostModelTests {
  private let request = OperationRequest(
    .add, inputs: [.init(dtype: .float32, shape: [4]), .init(dtype: .float32, shape: [4])],
    results: [.init(dtype: .float32, shape: [4])])

  @Test func measurementsCorrectWhatIsDeclared() throws {
    var rule = try Rule.fake(.add, "x:f32 y:f32 -> z:f32", nanoseconds: 1000)
    let declared = CostModel.estimate(request, rule, .direct)
    rule.measured = MeasuredCost(declaredNanoseconds: 500, measuredNanoseconds: 1500)
    #expect(CostModel.estimate(request, rule, .direct) == declared + 2000)
  }

  @Test func aMeasuredBackendLosesItsPlace() throws {
    var boasting = try Rule.fake(.add, "x:f32 y:f32 -> z:f32", nanoseconds: 1)
    boasting.measured = MeasuredCost(declaredNanoseconds: 1, measuredNanoseconds: 60)
    let honest = try Rule.fake(.add, "x:f32 y:f32 -> z:f32", nanoseconds: 30)
    let runtime = Runtime.with([FakeBackend("boasting", [boasting]), FakeBackend("honest", [honest])])
    let route = try runtime.router.route(request, origin: .init(layer: "", phase: .forward))
    #expect(route.record.backend == "honest")
  }

  @Test func theWayToTheFunctionCounts() throws {
    let rule = try Rule.fake(.add, "x:f32 y:f32 -> z:f32", nanoseconds: 1)
    let direct = CostModel.estimate(request, rule, .direct)
    let native = CostModel.estimate(request, rule, .foreign(arguments: 2))
    let manifest = CostModel.estimate(request, rule, .foreign(arguments: 14))
    #expect(direct < native && native <= manifest)
  }
}
