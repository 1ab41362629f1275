import MezzoBackend
import MezzoGraph
import MezzoPlugins
import MezzoPolicy
import Testing

@testable import MezzoRuntime

/// Choices for whole regions, beside what each operation would choose for itself.
@Suite struct PlacementTests {
  private static let shape = [64, 64]

  /// One backend for float32, one for bfloat16, and one for casts; costs by operation.
  private func fakes(
    wide: [OperationCode: Double], narrow: [OperationCode: Double], cast: Double
  ) throws -> [FakeBackend] {
    func rules(_ costs: [OperationCode: Double], _ dtype: String) throws -> [Rule] {
      try costs.sorted { $0.key.rawValue < $1.key.rawValue }.map { code, cost in
        let result = code == .argMax ? "i32" : dtype
        let second = code == .add || code == .multiply || code == .maximum ? " y:\(dtype)" : ""
        return try .fake(code, "x:\(dtype)\(second) -> z:\(result)", nanoseconds: cost)
      }
    }
    return [
      FakeBackend("wide", try rules(wide, "f32")), FakeBackend("narrow", try rules(narrow, "bf16")),
      FakeBackend("casts", [try .fake(.cast, "x:T{bf16,f32,i32} -> y:U{bf16,f32,i32}", nanoseconds: cast)]),
    ]
  }

  private func plan(
    _ graph: Graph, _ fakes: [FakeBackend], _ words: String, _ method: Placement.Method = .region, pins: String = ""
  ) throws -> Plan {
    let runtime = Runtime(
      BackendRegistry(fakes), threads: 2, options: try RoutingOptions(parsing: words, pins: pins))
    return try Plan(graph, router: runtime.router, placement: method)
  }

  /// Nanoseconds of a run, conversions included.
  private func cost(_ plan: Plan) -> Double {
    plan.records.reduce(0) { $0 + ($1.isComputedOnce ? 0 : $1.estimatedNanoseconds) }
  }

  private func casts(_ plan: Plan) -> Int { plan.records.count { $0.operation == "cast" } }

  private func input(_ shape: [Int] = shape) throws -> Tensor {
    let values: [Double] = (0..<shape.reduce(1, *)).map { (place: Int) -> Double in Double(place * 7 % 37) / 8 - 2 }
    return try Tensor(values, shape: shape, dtype: .bfloat16)
  }

  /// What a conversion of a value of this shape between bfloat16 and float32 is taken to cost, without the call.
  private func conversion(_ shape: [Int]) -> Double {
    CostModel.conversion(.init(dtype: .bfloat16, shape: shape), to: .init(dtype: .float32, shape: shape)) - 2
  }

  /// None of four operations would pay for the conversion of x alone; together they do.
  @Test func aConversionIsSharedByAllWhoWantIt() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.bfloat16, Self.shape), name: "x")
    let graph = trace.finish(try (0..<4).map { try ($0 % 2 == 0 ? x : x.transposed()).argMax() })
    let fakes = try fakes(wide: [.argMax: 100], narrow: [.argMax: 1000], cast: conversion(Self.shape))
    let (alone, region) = (try plan(graph, fakes, "", .alone), try plan(graph, fakes, ""))
    #expect(casts(alone) == 0 && casts(region) == 1)
    #expect(region.records.filter { $0.operation == "arg_max" }.allSatisfy { $0.backend == "wide" })
    #expect(cost(region) < cost(alone) / 2)
    let expected = try Runtime.builtinOnly().plan(graph).run([input()])
    #expect(try alone.run([input()]) == expected)
    #expect(try region.run([input()]) == expected)
  }

  /// The middle operation alone is better off in bfloat16; there, each of its neighbours pays for two conversions more.
  @Test func neighboursDoNotPlayPingPong() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.bfloat16, Self.shape), name: "x")
    let graph = trace.finish([try x.exp().tanh().exp()])
    let fakes = try fakes(
      wide: [.exp: 100, .tanh: 300], narrow: [.exp: 9000, .tanh: 200], cast: conversion(Self.shape))
    let (alone, region) = (try plan(graph, fakes, "extended", .alone), try plan(graph, fakes, "extended"))
    #expect(alone.records.map(\.operation) == ["cast", "exp", "cast", "tanh", "cast", "exp", "cast"])
    #expect(region.records.map(\.operation) == ["cast", "exp", "tanh", "exp", "cast"])
    #expect(region.records[1...3].allSatisfy { $0.region == 0 && $0.casts.contains("result stays float32") })
    #expect(cost(region) < cost(alone))
    // In float32 all the way, and rounded once.
    let expected = try Runtime.builtinOnly().evaluate([input()]) { symbols in
      [try symbols[0].cast(to: .float32).exp().tanh().exp().cast(to: .bfloat16)]
    }
    #expect(try region.run([input()]) == expected)
  }

  /// Without extended intermediates each result is rounded, and routes change no bit.
  @Test func everyResultIsRoundedUnlessToldOtherwise() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.bfloat16, Self.shape), name: "x")
    let graph = trace.finish([try x.exp().tanh().exp()])
    let fakes = try fakes(
      wide: [.exp: 100, .tanh: 300], narrow: [.exp: 9000, .tanh: 9000], cast: conversion(Self.shape))
    let found = try plan(graph, fakes, "")
    #expect(found.records.count { $0.backend == "wide" } == 3 && casts(found) == 6)
    #expect(found.records.allSatisfy { $0.region == nil })
    #expect(try found.run([input()]) == Runtime.builtinOnly().plan(graph).run([input()]))
  }

  /// Constants are converted when they are bound, so that their conversions cost a run nothing.
  @Test func conversionsOfConstantsCostNothing() throws {
    for (role, winner) in [(Graph.Role.constant, "wide"), (.argument, "narrow")] {
      let trace = Trace()
      let x = trace.input(TensorType(.bfloat16, Self.shape), name: "x", role: role)
      let y = trace.input(TensorType(.int32, [2]), name: "y")
      let fakes = try fakes(wide: [.argMax: 100], narrow: [.argMax: 1000], cast: conversion(Self.shape))
      let found = try plan(trace.finish([try x.argMax(), y]), fakes, "")
      #expect(found.records.first { $0.operation == "arg_max" }?.backend == winner)
      let casts = found.records.filter { $0.operation == "cast" && $0.dtypes.hasPrefix("bfloat16") }
      #expect(casts.allSatisfy { $0.isComputedOnce })
    }
  }

  /// Whatever the costs and the graph: no assignment of backends to operations is cheaper than the region's.
  @Test(arguments: ["", "extended"], Sample.every(5, of: 1...5)) func noOtherAssignmentIsCheaper(
    _ words: String, _ seed: Int
  ) throws {
    var generator = Xorshift(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1)
    let shape = [4, 4]
    let codes: [OperationCode] = [.exp, .tanh, .abs, .add, .multiply, .maximum]
    func costs() -> [OperationCode: Double] {
      Dictionary(uniqueKeysWithValues: codes.map { ($0, Double(20 + generator.next(700))) })
    }
    let fakes = try fakes(wide: costs(), narrow: costs(), cast: conversion(shape))
    let trace = Trace()
    var values = [trace.input(TensorType(.bfloat16, shape), name: "x")]
    let count = 5
    for index in 0..<count {
      let (x, y) = (values[generator.next(values.count)], values[generator.next(values.count)])
      values.append(
        try trace.tagged(Graph.Origin(layer: "o\(index)", phase: .forward)) {
          switch codes[generator.next(codes.count)] {
          case .exp: try x.exp()
          case .tanh: try x.tanh()
          case .abs: try x.abs()
          case .add: try x + y
          case .multiply: try x * y
          default: try x.maximum(y)
          }
        })
    }
    // All operations are live.
    let graph = trace.finish(Array(values[1...]))
    let region = try plan(graph, fakes, words)
    var best = Double.infinity
    for assignment in 0..<(1 << count) {
      let pins = (0..<count).map { "o\($0)=\(assignment >> $0 & 1 == 0 ? "wide" : "narrow")" }
      best = min(best, cost(try plan(graph, fakes, words, pins: pins.joined(separator: ","))))
    }
    #expect(cost(region) <= best + 1)
    #expect(cost(region) <= cost(try plan(graph, fakes, words, .alone)) + 1)
    let outputs = try region.run([input(shape)])
    #expect(outputs.count == count)
    if words.isEmpty { #expect(try outputs == Runtime.builtinOnly().plan(graph).run([input(shape)])) }
  }

  @Test func aCastThereAndBackIsTheValueItself() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.bfloat16, [4, 3]), name: "x")
    let back = try x.exp().cast(to: .float32).transposed().cast(to: .bfloat16).tanh()
    let plan = try Runtime.builtinOnly().plan(trace.finish([back]))
    #expect(plan.records.map(\.operation) == ["exp", "tanh"])
    let found = try plan.run([input([4, 3])])[0]
    let step = try Runtime.builtinOnly().evaluate([input([4, 3])]) { [try $0[0].exp()] }
    #expect(try found == Runtime.builtinOnly().evaluate(step) { [try $0[0].transposed().tanh()] }[0])
  }

  /// What was rounded and cast back has lost its digits, and that is meant.
  @Test func aRoundingThereAndBackStays() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2]), name: "x")
    let plan = try Runtime.builtinOnly().plan(
      trace.finish([try x.exp().cast(to: .bfloat16).cast(to: .float32).tanh()]))
    #expect(plan.records.map(\.operation) == ["exp", "cast+cast(bfloat16)", "tanh"])
    let wide = trace.input(TensorType(.bfloat16, [2]), name: "wide")
    let both = try wide.cast(to: .float32)
    let kept = try Runtime.builtinOnly().plan(trace.finish([both, try both.cast(to: .bfloat16)]))
    #expect(kept.records.count == 2, "the cast that is an output stays, and the other is a copy of the input")
  }
}
