import Foundation
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

/// Dropout inside of recurrent layers, against loops over double-precision numbers with the same random numbers.
@Suite struct RecurrentDropoutTests {
  enum Kind: String, CaseIterable, Sendable {
    case simple, lstm, gru, gruResetBefore

    var gates: Int { self == .simple ? 1 : self == .lstm ? 4 : 3 }

    func layer(_ rates: Rates, _ policy: DTypePolicy = .float64) -> any RecurrentLayer {
      let (input, state) = (rates.input, rates.state)
      return switch self {
      case .simple: SimpleRNN(2, returnSequences: true, dropout: input, recurrentDropout: state, policy: policy)
      case .lstm: LSTM(2, returnSequences: true, dropout: input, recurrentDropout: state, policy: policy)
      case .gru: GRU(2, returnSequences: true, dropout: input, recurrentDropout: state, policy: policy)
      case .gruResetBefore:
        GRU(2, returnSequences: true, dropout: input, recurrentDropout: state, resetAfter: false, policy: policy)
      }
    }
  }

  struct Rates: Sendable, CustomStringConvertible {
    var input: Double
    var state: Double
    var description: String { "\(input), \(state)" }
  }

  static let rates = [Rates(input: 0.5, state: 0), Rates(input: 0, state: 0.5), Rates(input: 0.25, state: 0.4)]
  private static let shape = [2, 3, 3]
  private static let numbers = (0..<18).map { (place: Int) -> Double in Double(place * 7 % 11) / 5 - 1 }

  /// A call in training, with all that its graph asks for by name.
  private struct Run {
    let plan: Plan
    let graph: Graph
    let variables: [VariableSpec]
    var values: [String: Tensor] = [:]
    private let first: String

    init(_ layer: any Layer, shape: [Int] = RecurrentDropoutTests.shape, gradients: Bool = false) throws {
      let runtime = Runtime.builtinOnly()
      let dtype = layer.policy.computeDType ?? .float32
      let call = try TracedCall(
        Model(layer, runtime: runtime), input: TensorType(dtype, shape), isTraining: true
      ) { _ in .constant }
      var outputs = [try call.output]
      if gradients {
        let loss = try (outputs[0] * outputs[0]).sum()
        let sources = call.inputs.leaves.compactMap { $0 } + call.variables.compactMap { call.symbol($0.path) }
        outputs = [loss] + (try call.trace.gradients(of: loss, by: sources))
      }
      variables = call.variables
      graph = call.trace.finish(outputs)
      plan = try runtime.plan(graph)
      first = graph.inputs[0].name
      values[first] = try Tensor(RecurrentDropoutTests.numbers, shape: shape, dtype: dtype)
      for spec in call.variables {
        let count = spec.type.shape.reduce(1, *)
        let weights = (0..<count).map { sin(Double($0 * 5 + spec.path.utf8.count)) / 1.5 }
        values[spec.path] = try Tensor(weights, shape: spec.type.shape, dtype: spec.type.dtype)
      }
    }

    func callAsFunction(step: Double) throws -> [Tensor] {
      try plan.run(
        graph.inputs.map { input in
          if input.name == "random key" { return try Tensor([7, step], shape: [2], dtype: .int64) }
          return try #require(values[input.name], "\(input.name)")
        })
    }

    var input: String { first }
  }

  /// What a layer that asks for random numbers of these shapes one after the other gets.
  private func random(_ shapes: [[Int]], step: Double) throws -> [[Double]] {
    guard !shapes.isEmpty else { return [] }
    let layer = CustomLayer { x, context in
      let all = try shapes.map { try context.randomUniform($0).reshaped([$0.reduce(1, *)]) }
      return try SymbolicTensor.concatenate(all, axis: 0)
    }
    var rest = try Run(layer)(step: step)[0].scalars()[...]
    return shapes.map { shape in
      defer { rest = rest.dropFirst(shape.reduce(1, *)) }
      return Array(rest.prefix(shape.reduce(1, *)))
    }
  }

  /// `[batch, steps, units]` by loops.
  private func expected(
    _ kind: Kind, _ rates: Rates, _ run: Run, prefix: String = "", draws: [[Double]], batch: Int = 2, steps: Int = 3
  ) throws -> [Double] {
    let (units, features, gates) = (2, 3, kind.gates)
    func weights(_ name: String) throws -> [Double] { try #require(run.values[prefix + name]).scalars() }
    let (kernel, recurrent, bias) = (try weights("kernel"), try weights("recurrent_kernel"), try weights("bias"))
    let x = try #require(run.values[run.input]).scalars()
    let inputCount = rates.input > 0 ? (rates.state > 0 ? gates : 1) : 0
    func factor(_ draw: Double, _ rate: Double) -> Double { Float(draw) >= Float(rate) ? 1 / (1 - rate) : 0 }
    func inputFactor(_ gate: Int, _ row: Int, _ feature: Int) -> Double {
      inputCount == 0 ? 1 : factor(draws[inputCount == 1 ? 0 : gate][row * features + feature], rates.input)
    }
    func stateFactor(_ gate: Int, _ row: Int, _ unit: Int) -> Double {
      rates.state == 0 ? 1 : factor(draws[inputCount + gate][row * units + unit], rates.state)
    }
    func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
    var output: [Double] = []
    for row in 0..<batch {
      var (h, c) = ([0.0, 0.0], [0.0, 0.0])
      for step in 0..<steps {
        func left(_ gate: Int, _ unit: Int) -> Double {
          let column = gate * units + unit
          return (0..<features).reduce(bias[column]) { (sum: Double, feature: Int) -> Double in
            let value: Double = x[(row * steps + step) * features + feature]
            return sum + value * inputFactor(gate, row, feature) * kernel[feature * gates * units + column]
          }
        }
        func right(_ gate: Int, _ unit: Int, _ reset: [Double] = [1, 1]) -> Double {
          let column = gate * units + unit
          let first: Double = kind == .gru ? bias[gates * units + column] : 0
          return (0..<units).reduce(first) { (sum: Double, from: Int) -> Double in
            let value: Double = reset[from] * h[from] * stateFactor(gate, row, from)
            return sum + value * recurrent[from * gates * units + column]
          }
        }
        func gate(_ gate: Int) -> [Double] { (0..<units).map { sigmoid(left(gate, $0) + right(gate, $0)) } }
        switch kind {
        case .simple: h = (0..<units).map { tanh(left(0, $0) + right(0, $0)) }
        case .lstm:
          let (input, forget, out) = (gate(0), gate(1), gate(3))
          c = (0..<units).map { (unit: Int) -> Double in
            let candidate: Double = tanh(left(2, unit) + right(2, unit))
            return forget[unit] * c[unit] + input[unit] * candidate
          }
          h = (0..<units).map { (unit: Int) -> Double in out[unit] * tanh(c[unit]) }
        case .gru, .gruResetBefore:
          let (update, reset) = (gate(0), gate(1))
          let candidate = (0..<units).map { (unit: Int) -> Double in
            let state: Double = kind == .gru ? reset[unit] * right(2, unit) : right(2, unit, reset)
            return tanh(left(2, unit) + state)
          }
          h = (0..<units).map { (unit: Int) -> Double in update[unit] * h[unit] + (1 - update[unit]) * candidate[unit] }
        }
        output += h
      }
    }
    return output
  }

  private func shapes(_ kind: Kind, _ rates: Rates, batch: Int = 2) -> [[Int]] {
    let inputs = rates.input > 0 ? (rates.state > 0 ? kind.gates : 1) : 0
    return Array(repeating: [batch, 1, 3], count: inputs)
      + Array(repeating: [batch, 2], count: rates.state > 0 ? kind.gates : 0)
  }

  private func same(_ found: [Double], _ expected: [Double], within tolerance: Double = 1e-12) -> Bool {
    found.count == expected.count && zip(found, expected).allSatisfy { abs($0 - $1) < tolerance }
  }

  @Test(arguments: Kind.allCases, rates) func allStepsLeaveOutTheSame(kind: Kind, rates: Rates) throws {
    let run = try Run(kind.layer(rates))
    let first = try run(step: 1)[0].scalars()
    let draws = try random(shapes(kind, rates), step: 1)
    #expect(same(first, try expected(kind, rates, run, draws: draws)))
    #expect(try run(step: 1)[0].scalars() == first)
    let others = try [2.0, 3, 4].map { try run(step: $0)[0].scalars() }
    #expect(others.contains { $0 != first })
  }

  @Test(arguments: Kind.allCases) func inferenceLeavesOutNothing(kind: Kind) throws {
    let input = try Tensor(Self.numbers, shape: Self.shape, dtype: .float64)
    let plain = Model(kind.layer(Rates(input: 0, state: 0)), seed: 1, runtime: .builtinOnly())
    #expect(try Model(kind.layer(Self.rates[2]), seed: 1, runtime: .builtinOnly())(input) == plain(input))
  }

  /// By central differences, with the same elements left out at every run.
  @Test(arguments: Kind.allCases) func gradientsGoAroundWhatIsLeftOut(kind: Kind) throws {
    var run = try Run(kind.layer(Self.rates[2]), gradients: true)
    let gradients = try run(step: 2).dropFirst()
    for (name, gradient) in zip([run.input] + run.variables.map(\.path), gradients) {
      let tensor = try #require(run.values[name])
      let numbers = tensor.scalars()
      for index in stride(from: 0, to: numbers.count, by: 2) {
        func loss(_ offset: Double) throws -> Double {
          var moved = numbers
          moved[index] += offset
          run.values[name] = try Tensor(moved, shape: tensor.shape, dtype: .float64)
          defer { run.values[name] = tensor }
          return try run(step: 2)[0].scalar()
        }
        let difference = try (loss(1e-5) - loss(-1e-5)) / 2e-5
        #expect(abs(gradient.scalars()[index] - difference) < 1e-8, "\(name) \(index)")
      }
    }
  }

  /// Masks are made in the compute dtype, whatever that is.
  @Test(arguments: Kind.allCases, [DTypePolicy.mixedFloat16, .mixedBFloat16, .float32])
  func everyPolicyIsFollowed(kind: Kind, policy: DTypePolicy) throws {
    let run = try Run(kind.layer(Self.rates[2], policy))
    let output = try run(step: 1)[0]
    #expect(output.dtype == policy.computeDType)
    let draws = try random(shapes(kind, Self.rates[2]), step: 1)
    #expect(
      same(
        output.scalars(), try expected(kind, Self.rates[2], run, draws: draws),
        within: policy == .float32 ? 1e-6 : policy == .mixedFloat16 ? 5e-3 : 5e-2))
  }

  @Test func theTwoDirectionsLeaveOutTheirOwn() throws {
    let rates = Self.rates[2]
    let run = try Run(Bidirectional(Kind.simple.layer(rates), mergeMode: .sum, policy: .float64))
    let draws = try random(shapes(.simple, rates) + shapes(.simple, rates), step: 1)
    let front = try expected(.simple, rates, run, prefix: "forward_layer.", draws: Array(draws[..<2]))
    // From the back: the input turned around, and what comes out too.
    var turned = run
    turned.values[run.input] = try reversed(#require(run.values[run.input]))
    let back = try expected(.simple, rates, turned, prefix: "backward_layer.", draws: Array(draws[2...]))
    let backward = try reversed(Tensor(back, shape: [2, 3, 2], dtype: .float64)).scalars()
    #expect(same(try run(step: 1)[0].scalars(), zip(front, backward).map { $0 + $1 }))
  }

  private func reversed(_ tensor: Tensor) throws -> Tensor {
    let (steps, width) = (tensor.shape[1], tensor.shape[2])
    let numbers = tensor.scalars()
    let turned = (0..<tensor.shape[0]).flatMap { row in
      (0..<steps).reversed().flatMap { Array(numbers[((row * steps + $0) * width)...].prefix(width)) }
    }
    return try Tensor(turned, shape: tensor.shape, dtype: tensor.dtype)
  }

  /// The outer steps are a batch, so that each leaves out its own.
  @Test func sequencesOfSequences() throws {
    let run = try Run(TimeDistributed(Kind.lstm.layer(Self.rates[2]), policy: .float64), shape: [1, 2, 3, 3])
    let draws = try random(shapes(.lstm, Self.rates[2]), step: 1)
    #expect(
      same(try run(step: 1)[0].scalars(), try expected(.lstm, Self.rates[2], run, prefix: "lstm.", draws: draws)))
  }

  @Test(arguments: Kind.allCases) func configurationsRoundTrip(kind: Kind) throws {
    let layer = kind.layer(Self.rates[2])
    let read = try JSONDecoder().decode(AnyLayer.self, from: JSONEncoder().encode(AnyLayer(layer))).layer
    #expect((read as? any Hashable).map { AnyHashable($0) } == (layer as? any Hashable).map { AnyHashable($0) })
  }

  @Test(arguments: [-0.1, 1, .nan]) func ratesOutsideAreRefused(rate: Double) throws {
    for rates in [Rates(input: rate, state: 0), Rates(input: 0, state: rate)] {
      #expect(throws: LayerError.self) { try Run(Kind.lstm.layer(rates)) }
    }
  }
}
