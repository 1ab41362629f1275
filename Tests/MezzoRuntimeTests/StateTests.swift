import MezzoBackend
import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite struct StateTests {
  private let type = TensorType(.float32, [4])
  private let trace = Trace()

  private func tensor(_ scalars: [Double]) throws -> Tensor { try Tensor(scalars, shape: [4], dtype: .float32) }

  private func plan(
    _ outputs: [SymbolicTensor] = [], _ updates: [(state: SymbolicTensor, value: SymbolicTensor)]
  ) throws -> Plan {
    try Runtime.builtinOnly().plan(trace.finish(outputs, updates: updates))
  }

  @Test func aStateOfItsOwnIsWrittenInPlace() throws {
    let w = trace.input(type, name: "w", role: .state)
    let plan = try plan([], [(w, try w * 2)])
    var states = [try tensor([1, 2, 3, 4])]
    let before = ObjectIdentifier(states[0].storage)
    #expect(try plan.run([], states: &states).isEmpty)
    #expect(states[0].scalars() == [2, 4, 6, 8])
    #expect(ObjectIdentifier(states[0].storage) == before)
  }

  @Test func aSharedStateIsCopiedFirst() throws {
    let w = trace.input(type, name: "w", role: .state)
    let plan = try plan([], [(w, try w * 2)])
    let mine = try tensor([1, 2, 3, 4])
    var states = [mine]
    _ = try plan.run([], states: &states)
    #expect(mine.scalars() == [1, 2, 3, 4])
    #expect(states[0].scalars() == [2, 4, 6, 8])
    // Two holders of one array share its tensors as well.
    let snapshot = states
    _ = try plan.run([], states: &states)
    #expect(snapshot[0].scalars() == [2, 4, 6, 8])
    #expect(states[0].scalars() == [4, 8, 12, 16])
  }

  @Test func aStateThatIsAlsoAnInputIsReadBeforeItIsWritten() throws {
    let w = trace.input(type, name: "w", role: .state)
    let x = trace.input(type, name: "x")
    let plan = try plan([try x + 0], [(w, try w + x)])
    let both = try tensor([1, 2, 3, 4])
    var states = [both]
    #expect(try plan.run([both], states: &states)[0].scalars() == [1, 2, 3, 4])
    #expect(states[0].scalars() == [2, 4, 6, 8])
    #expect(both.scalars() == [1, 2, 3, 4])
  }

  @Test func oneTensorAsTwoStatesBecomesTwo() throws {
    let a = trace.input(type, name: "a", role: .state)
    let b = trace.input(type, name: "b", role: .state)
    let plan = try plan([], [(a, try a + 1), (b, try b * 10)])
    let both = try tensor([1, 2, 3, 4])
    var states = [both, both]
    _ = try plan.run([], states: &states)
    #expect(states.map { $0.scalars() } == [[2, 3, 4, 5], [10, 20, 30, 40]])
  }

  @Test func theOldValueCanStillBeReadAfterTheUpdate() throws {
    let w = trace.input(type, name: "w", role: .state)
    let updated = try w * 2
    let later = try updated - w
    let plan = try plan([later, w], [(w, updated)])
    var states = [try tensor([1, 2, 3, 4])]
    let outputs = try plan.run([], states: &states)
    #expect(outputs.map { $0.scalars() } == [[1, 2, 3, 4], [1, 2, 3, 4]])
    #expect(states[0].scalars() == [2, 4, 6, 8])
  }

  @Test func statesMayBeExchanged() throws {
    let a = trace.input(type, name: "a", role: .state)
    let b = trace.input(type, name: "b", role: .state)
    let plan = try plan([], [(a, b), (b, a)])
    var states = [try tensor([1, 2, 3, 4]), try tensor([5, 6, 7, 8])]
    for round in 0..<2 {
      _ = try plan.run([], states: &states)
      #expect(states[0].scalars() == (round == 0 ? [5, 6, 7, 8] : [1, 2, 3, 4]))
      #expect(states[1].scalars() == (round == 0 ? [1, 2, 3, 4] : [5, 6, 7, 8]))
    }
  }

  @Test func updatesThatCannotBeInPlace() throws {
    let square = TensorType(.float32, [2, 2])
    let m = trace.input(square, name: "m", role: .state)
    let n = trace.input(square, name: "n", role: .state)
    let same = trace.input(square, name: "same", role: .state)
    let literal = trace.input(square, name: "literal", role: .state)
    let x = trace.input(square, name: "x")
    let doubled = try n.matmul(n)
    let plan = try plan(
      [doubled],
      [
        (m, try m.transposed()), (n, doubled), (same, x),
        (literal, try trace.constant(3, dtype: .float32).broadcast(to: [2, 2])),
      ])
    func matrix(_ scalars: [Double]) throws -> Tensor { try Tensor(scalars, shape: [2, 2], dtype: .float32) }
    let input = try matrix([9, 8, 7, 6])
    var states = try (0..<4).map { _ in try matrix([1, 2, 3, 4]) }
    let outputs = try plan.run([input], states: &states)
    #expect(states.map { $0.scalars() } == [[1, 3, 2, 4], [7, 10, 15, 22], [9, 8, 7, 6], [3, 3, 3, 3]])
    #expect(outputs[0] == states[1])
    #expect(outputs[0].storage !== states[1].storage)
    #expect(states[2].storage !== input.storage)
  }

  /// In place, the elements of the first half would be new when the transposed second operand reads them.
  @Test func aStateThatIsReadInTwoOrdersIsNotWrittenInPlace() throws {
    let m = trace.input(TensorType(.float32, [3, 3]), name: "m", role: .state)
    let plan = try plan([], [(m, try m + m.transposed())])
    var states = [try Tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], shape: [3, 3], dtype: .float32)]
    _ = try plan.run([], states: &states)
    #expect(states[0].scalars() == [2, 6, 10, 6, 10, 14, 10, 14, 18])
  }

  @Test func optimizersWriteAllTheirStatesInPlace() throws {
    let states = ["w", "m", "v"].map { trace.input(type, name: $0, role: .state) }
    let g = trace.input(type, name: "g")
    let rate = trace.input(TensorType(.float64, []), name: "rate")
    let step = trace.input(TensorType(.int64, []), name: "step")
    let apply = trace.input(TensorType(.bool, []), name: "apply")
    let update = AdamUpdate(beta1: 0.5, beta2: 0.5, epsilon: 0, weightDecay: 0)
    let results = try trace.apply(update, states + [g, rate, step, apply])
    let plan = try plan([], zip(states, results).map { ($0, $1) })
    var tensors = [try tensor([1, 1, 1, 1]), try tensor([0, 0, 0, 0]), try tensor([0, 0, 0, 0])]
    let before = tensors.map { ObjectIdentifier($0.storage) }
    let arguments = [try tensor([1, -1, 2, 4]), try Tensor(0.25, dtype: .float64), try Tensor(1, dtype: .int64)]
    _ = try plan.run(arguments + [try Tensor(1, dtype: .bool)], states: &tensors)
    // The first step of Adam is the learning rate long, against the gradient's sign.
    #expect(tensors[0].scalars() == [0.75, 1.25, 0.75, 0.75])
    #expect(tensors.map { ObjectIdentifier($0.storage) } == before)
    let kept = tensors
    _ = try plan.run(arguments + [try Tensor(0, dtype: .bool)], states: &tensors)
    #expect(tensors == kept)
  }

  @Test func anUpdateOfAnotherTypeIsRefused() throws {
    let w = trace.input(type, name: "w", role: .state)
    // In place it would write twice the bytes that the state has.
    let error = #expect(throws: RuntimeError.self) { try plan([], [(w, try w.cast(to: .float64))]) }
    #expect(error.map { "\($0)" } == "input w, as its update is planned as float32[4], float64[4] came")
  }

  @Test func statesWithoutAnUpdateStay() throws {
    let w = trace.input(type, name: "w", role: .state)
    let plan = try plan([try w.sum()], [])
    let mine = try tensor([1, 2, 3, 4])
    var states = [mine]
    #expect(try plan.run([], states: &states)[0].scalar() == 10)
    #expect(states[0] == mine)
  }
}
