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
  private let recorder: CaseRecorder?
  private let profiler: Profiler?
  /// Of the plans of this process.
  let number: Int
  private static let count = Locked(0)
  let arenaBytes: Int
  let poolBytes: Int
  let scratchBytes: Int
  /// For each step, the inputs that nobody reads any more once it has been computed or its operand packed.
  let settled: [[Int]]
  /// Inputs that a step reads whose rule asks for more than elements at multiples of their size.
  private let alignedInputs: Set<Int>
  /// Places in the pool that hold literals.
  let literals: [(offset: Int, tensor: Tensor)]
  /// The graph's inputs by their role: for each tensor, its place in the graph.
  let stateInputs, argumentInputs, constantInputs: [Int]
  /// Where arguments and constants come among the tensors of a run that takes both.
  let argumentPlaces, constantPlaces: [Int]
  /// Values that are the gradients of the graph's inputs, by the place in the graph of the input.
  let gradients: [Int: Int]
  /// Values that replace states, likewise.
  let updates: [Int: Int]
  /// What a run makes for the caller: all outputs, then updates that are not written over their state.
  private let made: [(location: Int, type: TensorType)]
  /// Updates that a run made: the place of the state, and the place in `made`.
  private let replaced: [(state: Int, result: Int)]

  private let contexts = Locked<[ExecutionContext]>([])
  private let bound = Locked<ConstantPool?>(nil)

  init(_ graph: Graph, router: Router, placement: Placement.Method = .region) throws(RuntimeError) {
    for update in graph.updates {
      let input = graph.inputs[update.input]
      let (expected, found) = (graph.values[input.value], graph.values[update.value])
      guard expected == found else {
        throw .inputType(name: "\(input.name), as its update", expected: expected, found: found)
      }
    }
    let planner = try Planner(graph, router: router, placement: placement)
    let memoryPlan = MemoryPlan(planner, graph)
    self.graph = graph
    records = planner.records
    memory = MemorySummary(planner, memoryPlan, graph)
    steps = planner.steps.indices.map { StepLayout($0, planner, memoryPlan, router) }
    recorder = router.recorder
    profiler = router.profiler
    number = Self.count.withLock { count in
      count += 1
      return count
    }
    arenaBytes = memoryPlan.arenaBytes
    poolBytes = memoryPlan.poolBytes
    scratchBytes = memoryPlan.scratchBytes
    settled = memoryPlan.settled
    var alignedInputs: Set<Int> = []
    for step in planner.steps where step.asksForAlignment {
      for view in step.inputs {
        if case .input(let index)? = memoryPlan.locations[view.base] { alignedInputs.insert(index) }
      }
    }
    self.alignedInputs = alignedInputs
    var literals: [(offset: Int, tensor: Tensor)] = []
    for (value, content) in planner.literals.sorted(by: { $0.key < $1.key }) {
      let type = planner.types[value]
      guard case .pool(let offset)? = memoryPlan.locations[value], let tensor = try? Tensor(content, dtype: type.dtype)
      else {
        // Left out, its place would be read with whatever the memory holds.
        throw .outOfMemory(bytes: type.checkedByteCount ?? 0, for: "the literal \(content) of \(type)")
      }
      literals.append((offset, tensor))
    }
    self.literals = literals
    let stateInputs = graph.inputs.indices.filter { graph.inputs[$0].role == .state }
    self.stateInputs = stateInputs
    argumentInputs = graph.inputs.indices.filter { graph.inputs[$0].role == .argument }
    constantInputs = graph.inputs.indices.filter { graph.inputs[$0].role == .constant }
    let given = graph.inputs.filter { $0.role != .state }
    argumentPlaces = given.indices.filter { given[$0].role == .argument }
    constantPlaces = given.indices.filter { given[$0].role == .constant }
    gradients = Dictionary(graph.gradients.map { (planner.base(of: $0.value), $0.input) }) { first, _ in first }
    updates = Dictionary(graph.updates.map { (planner.base(of: $0.value), $0.input) }) { first, _ in first }

    var made = planner.outputs.enumerated().map { (location: $0, type: $1.type) }
    var replaced: [(state: Int, result: Int)] = []
    for (update, placed) in zip(graph.updates, planner.updates) {
      guard case .output(let location)? = memoryPlan.locations[placed.value],
        let state = stateInputs.firstIndex(of: update.input)
      else { continue }
      replaced.append((state, made.count))
      made.append((location, placed.type))
    }
    self.made = made
    self.replaced = replaced
  }

  /// Runs the plan.
  ///
  /// - Parameters:
  ///   - inputs: the graph's inputs of roles `argument` and `constant`, in their order.
  ///   - states: the inputs of role `state`, in their order; replaced by their updates. Written in place where nobody else
  ///     holds a copy.
  /// - Returns: the graph's outputs.
  public func run(_ inputs: [Tensor], states: inout [Tensor]) throws(RuntimeError) -> [Tensor] {
    try execute(inputs, states: &states, observer: currentRecorder)
  }

  /// Runs a plan without states.
  public func run(_ inputs: [Tensor]) throws(RuntimeError) -> [Tensor] {
    var states: [Tensor] = []
    return try execute(inputs, states: &states, observer: currentRecorder)
  }

  /// Checks constants and does once what depends on them alone, for runs that all have the same.
  package func bind(_ constants: [Tensor]) throws(RuntimeError) -> ConstantPool {
    guard constants.count == constantInputs.count else {
      throw .inputCount(expected: constantInputs.count, found: constants.count)
    }
    for (tensor, index) in zip(constants, constantInputs) { try check(tensor, index) }
    return try ConstantPool(self, constants: constants)
  }

  /// Runs a plan without states with the constants that were bound to it: what this takes does not depend on how many they are.
  ///
  /// - Parameter arguments: the graph's inputs of role `argument`, in their order.
  package func run(_ arguments: [Tensor], with constants: ConstantPool) throws(RuntimeError) -> [Tensor] {
    guard arguments.count == argumentInputs.count, stateInputs.isEmpty else {
      throw .inputCount(expected: argumentInputs.count + stateInputs.count, found: arguments.count)
    }
    for (tensor, index) in zip(arguments, argumentInputs) { try check(tensor, index) }
    let begin = profiler == nil ? nil : ContinuousClock.now
    defer { if let begin { profiler?.noteRun(of: self, since: begin) } }
    var pool = constants
    // An observer wants to see it made.
    let observer = currentRecorder
    if let observer { pool = try ConstantPool(self, constants: constants.constants, observer: observer) }
    var states: [Tensor] = []
    return try execute(arguments, at: arguments.indices, pool, &states, observer)
  }

  private var currentRecorder: CaseRecorder? {
    guard let recorder, !recorder.isFull else { return nil }
    return recorder
  }

  func execute(
    _ inputs: [Tensor], states: inout [Tensor], observer: (any StepObserver)?
  ) throws(RuntimeError) -> [Tensor] {
    let begin = profiler == nil ? nil : ContinuousClock.now
    defer { if let begin { profiler?.noteRun(of: self, since: begin) } }
    try check(inputs, states)
    return try execute(inputs, at: argumentPlaces, constantPool(inputs, observer: observer), &states, observer)
  }

  /// - Parameter places: where the arguments are among `inputs`.
  private func execute(
    _ inputs: [Tensor], at places: some Collection<Int>, _ pool: ConstantPool, _ states: inout [Tensor],
    _ observer: (any StepObserver)?
  ) throws(RuntimeError) -> [Tensor] {
    let context = if let kept = contexts.withLock({ $0.popLast() }) { kept } else { try ExecutionContext(self) }
    defer { contexts.withLock { $0.append(context) } }

    var results: [Tensor] = []
    results.reserveCapacity(made.count)
    for (location, type) in made {
      let result = try Self.allocate(type)
      context.setOutput(location, result.storage)
      results.append(result)
    }
    var copies: [TensorStorage] = []
    for (place, input) in zip(places, argumentInputs) {
      let storage = try aligned(inputs[place].storage, input)
      if storage !== inputs[place].storage { copies.append(storage) }
      context.setInput(input, storage)
    }
    for (place, input) in stateInputs.enumerated() { context.setInput(input, states[place].uniqueStorage()) }
    // The tensors own the memory behind the addresses and must outlive the calls.
    try withExtendedLifetime((inputs, copies, results, pool)) { () throws(RuntimeError) in
      try context.run(pool, observer: observer)
    }
    for (state, result) in replaced { states[state] = results[result] }
    results.removeLast(made.count - graph.outputs.count)
    return results
  }

  private static func allocate(_ type: TensorType) throws(RuntimeError) -> Tensor {
    let bytes = type.checkedByteCount ?? 0
    guard let storage = TensorStorage.allocate(byteCount: bytes), let tensor = try? Tensor(type, storage: storage)
    else {
      throw .outOfMemory(bytes: bytes, for: "a result \(type)")
    }
    return tensor
  }

  /// A copy, where a step asks for data aligned as that of an input that lies in a file is not.
  func aligned(_ storage: TensorStorage, _ input: Int) throws(RuntimeError) -> TensorStorage {
    guard !storage.isAligned, alignedInputs.contains(input) else { return storage }
    guard let copy = storage.copy() else {
      throw .outOfMemory(bytes: storage.bytes.count, for: "an aligned copy of \(graph.inputs[input].name)")
    }
    return copy
  }

  private func check(_ inputs: [Tensor], _ states: [Tensor]) throws(RuntimeError) {
    guard inputs.count == argumentInputs.count + constantInputs.count, states.count == stateInputs.count else {
      throw .inputCount(expected: graph.inputs.count, found: inputs.count + states.count)
    }
    for (place, index) in zip(argumentPlaces, argumentInputs) { try check(inputs[place], index) }
    for (place, index) in zip(constantPlaces, constantInputs) { try check(inputs[place], index) }
    for (tensor, index) in zip(states, stateInputs) { try check(tensor, index) }
  }

  private func check(_ tensor: Tensor, _ index: Int) throws(RuntimeError) {
    let input = graph.inputs[index]
    guard tensor.type == graph.values[input.value] else {
      throw .inputType(name: input.name, expected: graph.values[input.value], found: tensor.type)
    }
  }

  /// What was computed from these very constants, made anew when one of them is another tensor than last time, and for an
  /// observer, who wants to see it made.
  private func constantPool(_ inputs: [Tensor], observer: (any StepObserver)?) throws(RuntimeError) -> ConstantPool {
    if observer == nil, let pool = bound.withLock({ $0 }), pool.isMade(from: inputs, self) { return pool }
    let pool = try ConstantPool(self, constants: constantPlaces.map { inputs[$0] }, observer: observer)
    bound.withLock { $0 = pool }
    return pool
  }
}

extension TensorStorage {
  var address: UnsafeMutableRawPointer? { bytes.baseAddress }
}
