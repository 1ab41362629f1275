import MezzoBackend
import MezzoGraph
import MezzoPolicy

/// Turns a graph into steps: routes every operation, inserts the conversions that the routes need (each once), decides what
/// is computed once from constants, and where every value lives.
struct Planner {
  private let graph: Graph
  private let router: Router
  private var work: Work
  private var constants: Set<Int>
  private var conversions: [Conversion: Int] = [:]
  /// Values that are there in float32 instead of their own dtype: which value holds them, and in which region it is.
  private var wide: [Int: (value: Int, region: Int)] = [:]
  private var regionCount = 0
  private var candidates: [OperationRequest: CandidateSet] = [:]
  private(set) var steps: [Step] = []
  private(set) var records: [RouteRecord] = []

  /// An operation whose route is decided. Values are places in `types`.
  struct Step {
    var operation: any PreparedOperation
    var name: String
    var backend: String
    var backendVersion: String
    var rule: String
    /// As the backend was asked, with the steps of the epilogue that it does and no others.
    var request: OperationRequest
    var origin: Graph.Origin
    var inputs: [ValueView]
    var results: [Int]
    var isConstant: Bool
    var allowsInPlace: Bool
    /// Whether its rule wants more than elements at multiples of their own size.
    var asksForAlignment: Bool
    /// Who takes over if the backend declines when it comes to it.
    var substitute: Substitute
  }

  private struct Conversion: Hashable {
    var view: ValueView
    var dtype: DType
    var isDense: Bool
  }

  init(_ graph: Graph, router: Router, placement method: Placement.Method = .region) throws(RuntimeError) {
    self.graph = graph
    self.router = router
    work = Work(graph)
    constants = Set(graph.inputs.filter { $0.role == .constant }.map(\.value))
    constants.formUnion(work.literals.keys)
    let items = work.items
    let preferred = method == .region ? placement(items).requests : [:]
    for (index, item) in items.enumerated() { try plan(item, preferring: preferred[index]) }
    try placeOutputs()
    try joinRoundings()
  }

  /// Chooses for all operations together in which dtypes and layouts they are asked for.
  private mutating func placement(_ items: [WorkItem]) -> Placement {
    let before = constants
    let wanted = items.map { item in
      let wanted = request(item)
      if !item.inputs.isEmpty, item.inputs.allSatisfy({ constants.contains($0.base) }) {
        constants.formUnion(item.results)
      }
      return wanted
    }
    constants = before
    let kept = Set((graph.outputs + graph.updates.map(\.value)).map { work.view(of: $0).base })
    let sets = zip(items, wanted).map { item, request in
      let set = candidates(for: request)
      return router.pin(for: item.code, in: item.origin.layer).map { router.restricted(set, to: $0) } ?? set
    }
    return Placement(
      items, wanted, sets, extended: router.options.extendedIntermediates, kept: kept)
  }

  /// The same request comes again and again: each layer's like the last one's.
  private mutating func candidates(for request: OperationRequest) -> CandidateSet {
    if let known = candidates[request] { return known }
    let set = router.candidates(request)
    candidates[request] = set
    return set
  }

  /// Whether the results of `item`, which `rule` makes in float32 where 16 bits were asked for, may stay as they are: what
  /// is left of the epilogue would otherwise be done on them and be rounded.
  static func staysWide(_ item: WorkItem, _ given: OperationRequest, _ rule: Rule) -> Bool {
    rule.epiloguePrefix(given) == item.epilogue.count && given.results.allSatisfy { $0.dtype == .float32 }
  }

  var types: [TensorType] { work.types }
  var literals: [Int: Double] { work.literals }
  func isConstant(_ value: Int) -> Bool { constants.contains(value) }
  func strides(of value: Int) -> [Int] { work.strides(of: value) }
  /// The value in whose memory a value of the graph lies.
  func base(of value: Int) -> Int { work.view(of: value).base }
  /// Where outputs and updates are found; each is a value of its own, dense, made by a step.
  private(set) var outputs: [Placed] = []
  private(set) var updates: [Placed] = []

  /// A value that the caller gets, and the type under which it does.
  struct Placed {
    var value: Int
    var type: TensorType
  }

  private mutating func plan(_ item: WorkItem, preferring preferred: OperationRequest? = nil) throws(RuntimeError) {
    let request = request(item)
    var route = try router.route(request, candidates(for: request), preferring: preferred, origin: item.origin)
    var inputs: [ValueView] = []
    for (view, (wanted, given)) in zip(item.inputs, zip(request.inputs, route.request.inputs)) {
      if wanted == given {
        try makeOwnForm(of: view.base, origin: item.origin)
        inputs.append(view)
      } else {
        if let region = wide[view.base]?.region, given.dtype == .float32 {
          route.record.region = min(region, route.record.region ?? region)
        }
        inputs.append(try converted(view, to: given, origin: item.origin))
      }
    }
    let consumed = route.operation.consumedEpilogue
    let leftOver = Array(item.epilogue[consumed...])
    var results: [Int] = []
    var after: [WorkItem] = []
    for (result, (wanted, given)) in zip(item.results, zip(request.results, route.request.results)) {
      var made = result
      if router.options.extendedIntermediates, wanted.dtype != given.dtype, wanted.strides == given.strides,
        consumed == item.epilogue.count, Self.staysWide(item, route.request, route.rule)
      {
        made = work.newValue(given.type, strides: given.strides)
        let region = route.record.region ?? regionCount
        regionCount = max(regionCount, region + 1)
        route.record.region = region
        route.record.casts.removeAll { $0.hasPrefix("result ") }
        route.record.casts.append("result stays \(given.dtype.name)")
        wide[result] = (made, region)
      } else if wanted != given || !leftOver.isEmpty {
        made = work.newValue(given.type, strides: given.strides)
        after += finish(made, as: result, leftOver, item)
      }
      results.append(made)
    }
    var asked = route.request
    asked.inputs = trimmed(asked.inputs, item, consumed: consumed)
    asked.epilogue = Array(asked.epilogue.prefix(consumed))
    try append(
      Step(
        operation: route.operation, name: route.record.operation, backend: route.record.backend,
        backendVersion: route.record.backendVersion, rule: route.record.rule, request: asked, origin: item.origin,
        inputs: trimmed(inputs, item, consumed: consumed), results: results, isConstant: false,
        allowsInPlace: route.rule.traits.contains(.inPlace), asksForAlignment: route.rule.asksForAlignment,
        substitute: Substitute(
          router, asked, declined: route.record.backend, layer: item.origin.layer,
          isInPlace: route.rule.traits.contains(.inPlace))))
    route.record.isComputedOnce = steps[steps.count - 1].isConstant
    records.append(route.record)
    // The value is known to be constant whichever form it has.
    for (result, made) in zip(item.results, results) where constants.contains(made) { constants.insert(result) }
    for item in after { try plan(item) }
  }

  /// Operands of epilogue steps that the backend left over are not its inputs.
  private func trimmed<Input>(_ inputs: [Input], _ item: WorkItem, consumed: Int) -> [Input] {
    let unused = item.epilogue[consumed...].compactMap(\.operand)
    return unused.isEmpty ? inputs : Array(inputs[..<(unused.min() ?? inputs.count)])
  }

  /// No machine addresses more; below it, sums of sizes cannot overflow.
  private static let largestResult = 1 << 46

  private mutating func append(_ step: Step) throws(RuntimeError) {
    for type in step.results.map({ types[$0] }) {
      let bytes = type.checkedByteCount ?? .max
      if bytes > Self.largestResult {
        throw .outOfMemory(bytes: bytes, for: "a result \(type)", layer: step.origin.layer, operation: step.name)
      }
    }
    var step = step
    step.isConstant = step.inputs.allSatisfy { constants.contains($0.base) } && !step.inputs.isEmpty
    if step.isConstant { constants.formUnion(step.results) }
    steps.append(step)
  }

  private func request(_ item: WorkItem) -> OperationRequest {
    router.wanting(
      OperationRequest(
        item.code, attributes: item.attributes,
        inputs: item.inputs.map { work.operand($0, isConstant: constants.contains($0.base)) },
        results: item.results.map {
          Operand(dtype: work.types[$0].dtype, shape: work.types[$0].shape, strides: work.strides(of: $0))
        },
        epilogue: item.epilogue))
  }

  /// The steps of an epilogue that the backend did not do, and the cast back to the dtype that was asked for.
  private mutating func finish(
    _ made: Int, as result: Int, _ steps: [EpilogueStep], _ item: WorkItem
  ) -> [WorkItem] {
    var rest = LeftOverEpilogue(work, item, made)
    for step in steps { rest.append(step) }
    let items = rest.finished(as: result)
    work = rest.work
    constants.formUnion(rest.literals)
    return items
  }

  /// The view in another dtype, or made dense; the same conversion of the same value is done once.
  private mutating func converted(
    _ view: ValueView, to given: Operand, origin: Graph.Origin
  ) throws(RuntimeError) -> ValueView {
    let keepsLayout = view.strides == given.strides
    if let wide = wide[view.base], given.dtype == work.types[wide.value].dtype {
      let source = ValueView(base: wide.value, shape: view.shape, strides: view.strides)
      if keepsLayout { return source }
      return try converted(source, to: given, origin: origin)
    }
    try makeOwnForm(of: view.base, origin: origin)
    // A cast that keeps the layout converts the whole value, so that its other views can use it too.
    let source = keepsLayout ? work.view(of: view.base) : view
    let key = Conversion(view: source, dtype: given.dtype, isDense: !keepsLayout)
    let value: Int
    if let known = conversions[key] {
      value = known
    } else {
      value = work.newValue(TensorType(given.dtype, source.shape), strides: keepsLayout ? source.strides : nil)
      conversions[key] = value
      try plan(WorkItem(code: .cast, attributes: [], inputs: [source], results: [value], origin: origin))
    }
    return ValueView(base: value, shape: view.shape, strides: given.strides)
  }

  /// Rounds a value that has stayed in float32 so far, for the first who wants it in its own dtype.
  private mutating func makeOwnForm(of value: Int, origin: Graph.Origin) throws(RuntimeError) {
    guard let wide = wide[value], !steps.contains(where: { $0.results.contains(value) }) else { return }
    try plan(
      WorkItem(
        code: .cast, attributes: [], inputs: [work.view(of: wide.value)], results: [value], origin: origin))
  }

  /// Every output becomes the result of a step of this plan, under another shape at most: inputs, literals, constants,
  /// strided views and repeated outputs are copied.
  private mutating func placeOutputs() throws(RuntimeError) {
    var taken: Set<Int> = []
    for value in graph.outputs { outputs.append(try placed(value, &taken)) }
    for update in graph.updates { updates.append(try placed(update.value, &taken)) }
  }

  private mutating func placed(_ value: Int, _ taken: inout Set<Int>) throws(RuntimeError) -> Placed {
    let view = work.view(of: value)
    let type = TensorType(work.types[view.base].dtype, view.shape)
    try makeOwnForm(of: view.base, origin: Graph.Origin(layer: "", phase: .forward))
    let isOwn = work.isDense(view) && steps.contains { !$0.isConstant && $0.results.contains(view.base) }
    if isOwn, taken.insert(view.base).inserted { return Placed(value: view.base, type: type) }
    let copy = work.newValue(type)
    try plan(
      WorkItem(
        code: .cast, attributes: [], inputs: [view], results: [copy], origin: Graph.Origin(layer: "", phase: .forward)))
    // Outputs are written at every run, so even a copy of a constant is no constant.
    constants.remove(copy)
    steps[steps.count - 1].isConstant = false
    records[records.count - 1].isComputedOnce = false
    taken.insert(copy)
    return Placed(value: copy, type: type)
  }
}

extension Planner {
  /// What is rounded to 16 bits only to be read in float32 is rounded in one pass.
  private mutating func joinRoundings() throws(RuntimeError) {
    var readers: [Int: Int] = [:]
    for base in steps.flatMap({ $0.inputs.map(\.base) }) + (outputs + updates).map(\.value) {
      readers[base, default: 0] += 1
    }
    var narrowing: [Int: Int] = [:]
    var joined: [(first: Int, second: Int)] = []
    for (index, step) in steps.enumerated() where isPlainCast(step) {
      let (from, to) = (types[step.inputs[0].base].dtype, types[step.results[0]].dtype)
      if from == .float32, to == .float16 || to == .bfloat16 {
        narrowing[step.results[0]] = index
      } else if to == .float32, readers[step.inputs[0].base] == 1, let first = narrowing[step.inputs[0].base] {
        joined.append((first, index))
      }
    }
    var dropped: Set<Int> = []
    for (first, second) in joined {
      let narrow = types[steps[second].inputs[0].base].dtype
      let count = steps.count
      try plan(
        WorkItem(
          code: .cast, attributes: [], inputs: [whole(steps[first].inputs[0].base, as: steps[second].results[0])],
          results: steps[second].results,
          epilogue: [.cast(narrow)], origin: steps[second].origin))
      // Where no backend does the step, the two casts stay as they were.
      if steps.count == count + 1 {
        let (isConstant, isComputedOnce) = (steps[second].isConstant, records[second].isComputedOnce)
        steps[second] = steps[count]
        records[second] = records[count]
        steps[second].isConstant = isConstant
        records[second].isComputedOnce = isComputedOnce
        dropped.insert(first)
      }
      steps.removeSubrange(count...)
      records.removeSubrange(count...)
    }
    steps = steps.indices.filter { !dropped.contains($0) }.map { steps[$0] }
    records = records.indices.filter { !dropped.contains($0) }.map { records[$0] }
  }

  /// A value in the shape of another with as many elements.
  private func whole(_ base: Int, as other: Int) -> ValueView {
    let shape = types[other].shape
    return ValueView(base: base, shape: shape, strides: rowMajorStrides(shape))
  }

  /// Of a whole value as it lies in memory.
  private func isPlainCast(_ step: Step) -> Bool {
    step.request.code == .cast && step.request.epilogue.isEmpty && step.inputs.count == 1
      && work.isDense(step.inputs[0]) && step.request.results[0].isDense
  }
}
