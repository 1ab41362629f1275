import CMezzoABI
import MezzoBackend
public import MezzoGraph
import MezzoPolicy

/// A graph made ready to run on the backends of one runtime: a list of prepared calls and the memory they share.
///
/// Safe to run on several threads at once; each run has a context of its own, and contexts are kept for the next run.
public final class Plan: Sendable {
  public let graph: Graph
  /// One record for each operation, in the order in which they run.
  public let records: [RouteRecord]
  public let memory: MemorySummary

  let steps: [StepLayout]
  let arenaBytes: Int
  let poolBytes: Int
  /// Places in the pool that hold literals.
  let literals: [(offset: Int, tensor: Tensor)]
  /// Types of what is made for the caller: the outputs, then updates that are not written in place.
  let made: [TensorType]
  /// For each update, its place in `made`; `nil` where it is written over the state.
  let madeUpdates: [Int?]
  let stateInputs: [Int]

  private let contexts = Locked<[ExecutionContext]>([])
  private let bound = Locked<ConstantPool?>(nil)

  init(_ graph: Graph, router: Router) throws(RuntimeError) {
    let planner = try Planner(graph, router: router)
    let memoryPlan = MemoryPlan(planner, graph)
    self.graph = graph
    records = planner.records
    memory = MemorySummary(planner, memoryPlan, graph)
    steps = planner.steps.indices.map { StepLayout($0, planner, memoryPlan) }
    arenaBytes = memoryPlan.arenaBytes
    poolBytes = memoryPlan.poolBytes
    var literals: [(offset: Int, tensor: Tensor)] = []
    for (value, content) in planner.literals.sorted(by: { $0.key < $1.key }) {
      guard case .pool(let offset)? = memoryPlan.locations[value],
        let tensor = try? Tensor(content, dtype: planner.types[value].dtype)
      else { continue }
      literals.append((offset, tensor))
    }
    self.literals = literals
    made = (planner.outputs + planner.updates).map(\.type)
    madeUpdates = planner.updates.map { update in
      if case .output(let index)? = memoryPlan.locations[update.value] { index } else { nil }
    }
    stateInputs = graph.inputs.indices.filter { graph.inputs[$0].role == .state }
  }

  /// Runs the plan.
  ///
  /// - Parameters:
  ///   - inputs: the graph's inputs of roles `argument` and `constant`, in their order.
  ///   - states: the inputs of role `state`, in their order; replaced by their updates. Written in place where nobody else
  ///     holds a copy.
  /// - Returns: the graph's outputs.
  public func run(_ inputs: [Tensor], states: inout [Tensor]) throws(RuntimeError) -> [Tensor] {
    try execute(inputs, states: &states, observer: nil)
  }

  /// Runs a plan without states.
  public func run(_ inputs: [Tensor]) throws(RuntimeError) -> [Tensor] {
    var states: [Tensor] = []
    return try execute(inputs, states: &states, observer: nil)
  }

  /// Sees each result of each step; for diagnosis, since it costs a copy.
  typealias Observer = (StepLayout, _ result: Int, Tensor) -> Void

  func execute(
    _ inputs: [Tensor], states: inout [Tensor], observer: Observer?
  ) throws(RuntimeError) -> [Tensor] {
    try check(inputs, states)
    let pool = try constantPool(inputs)
    let context = contexts.withLock { $0.popLast() } ?? ExecutionContext(self)
    defer { contexts.withLock { $0.append(context) } }

    var results: [Tensor] = []
    for (index, type) in made.enumerated() where index < graph.outputs.count || madeUpdates.contains(index) {
      results.append(try Self.allocate(type))
    }
    var places = [Int?](repeating: nil, count: made.count)
    var next = 0
    for index in made.indices where index < graph.outputs.count || madeUpdates.contains(index) {
      places[index] = next
      next += 1
    }
    var addresses = Addresses(pool: pool, inputs: [], outputs: [])
    addresses.outputs = places.map { $0.map { UnsafeMutableRawPointer(mutating: results[$0].storage.address) } }
    var nextInput = 0
    var nextState = 0
    for input in graph.inputs {
      if input.role == .state {
        addresses.inputs.append(states[nextState].uniqueStorage().address)
        nextState += 1
      } else {
        addresses.inputs.append(inputs[nextInput].storage.address)
        nextInput += 1
      }
    }
    // The tensors own the memory behind the addresses and must outlive the calls.
    try withExtendedLifetime((inputs, results, pool)) { () throws(RuntimeError) in
      try context.run(self, addresses, observer: observer)
    }
    for (update, place) in zip(graph.updates, madeUpdates) {
      guard let place, let result = places[place], let state = stateInputs.firstIndex(of: update.input) else { continue }
      states[state] = results[result]
    }
    return Array(results.prefix(graph.outputs.count))
  }

  private static func allocate(_ type: TensorType) throws(RuntimeError) -> Tensor {
    do throws(GraphError) {
      return try Tensor(type, storage: TensorStorage(byteCount: type.checkedByteCount ?? 0))
    } catch {
      throw .inputType(name: "result", expected: type, found: type)
    }
  }

  private func check(_ inputs: [Tensor], _ states: [Tensor]) throws(RuntimeError) {
    guard inputs.count + states.count == graph.inputs.count, states.count == stateInputs.count else {
      throw .inputCount(expected: graph.inputs.count, found: inputs.count + states.count)
    }
    var (nextInput, nextState) = (0, 0)
    for input in graph.inputs {
      let tensor: Tensor
      if input.role == .state {
        tensor = states[nextState]
        nextState += 1
      } else {
        tensor = inputs[nextInput]
        nextInput += 1
      }
      guard tensor.type == graph.values[input.value] else {
        throw .inputType(name: input.name, expected: graph.values[input.value], found: tensor.type)
      }
    }
  }

  /// What was computed from these very constants, made anew when one of them is another tensor than last time.
  private func constantPool(_ inputs: [Tensor]) throws(RuntimeError) -> ConstantPool {
    var constants: [TensorStorage] = []
    var next = 0
    for input in graph.inputs where input.role != .state {
      if input.role == .constant { constants.append(inputs[next].storage) }
      next += 1
    }
    if let pool = bound.withLock({ $0 }), pool.isOf(constants) { return pool }
    let pool = try ConstantPool(self, inputs: inputs, constants: constants)
    bound.withLock { $0 = pool }
    return pool
  }
}

extension TensorStorage {
  var address: UnsafeMutableRawPointer {
    // Storage always has at least one cache line, so its base address exists.
    bytes.baseAddress ?? UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped
  }
}
