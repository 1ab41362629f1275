import MezzoBackend
import MezzoGraph
import MezzoPolicy

/// A way to look at a value: the value as it lies in memory, without gaps, and strides over it.
struct ValueView: Hashable {
  var base: Int
  var shape: [Int]
  var strides: [Int]
}

/// One request on its way to a backend, with the values it reads and writes.
struct WorkItem {
  var code: OperationCode
  var attributes: [Attribute]
  var inputs: [ValueView]
  /// Inputs of epilogue steps, which may be made later than the operation's own.
  var epilogueValues: [Int] = []
  var results: [Int]
  var epilogue: [EpilogueStep] = []
  var origin: Graph.Origin
}

/// A graph as work: views resolved, dead operations gone, epilogues and widening casts drawn into the operation before them.
struct Work {
  var types: [TensorType]
  var items: [WorkItem] = []
  /// Values that are literals, with their content.
  var literals: [Int: Double] = [:]
  /// Strides of values that do not lie in row-major order.
  private var layouts: [Int: [Int]] = [:]
  private var views: [Int: ValueView] = [:]
  /// Results of operations that round a wider accumulator at their end.
  private var accumulating: Set<Int> = []
  /// Results of casts that lose nothing, and what was cast.
  private var exactCasts: [Int: ValueView] = [:]

  init(_ graph: Graph) {
    types = graph.values
    chooseLayouts(graph)
    var fusion = EpilogueFusion(graph)
    var waiting: [Int: WorkItem] = [:]
    for (index, node) in graph.nodes.enumerated() where fusion.isLive(index) {
      switch node.operation.lowering {
      case .constant(let value): literals[node.results[0]] = value
      case .view(let view): addView(view, of: node.operands[0], as: node.results[0], origin: node.origin)
      case .backend(.cast, _) where absorbs(node, fusion): views[node.results[0]] = view(of: node.operands[0])
      case .backend(.cast, _) where undoes(node): break
      case .backend(let code, let attributes):
        guard let fused = fusion.take(index) else { break }
        waiting[fused.position] = WorkItem(
          code: code, attributes: attributes, inputs: (fused.own ?? node.operands).map { view(of: $0) },
          epilogueValues: fused.operands,
          results: code.takesEpilogue ? [fused.result] : node.results, epilogue: fused.steps, origin: node.origin)
      }
      if var item = waiting.removeValue(forKey: index) {
        item.inputs += item.epilogueValues.map { view(of: $0) }
        append(item)
      }
    }
    removeUnread(graph)
  }

  /// Casts whose results nobody reads, because later ones went back behind them.
  private mutating func removeUnread(_ graph: Graph) {
    guard !exactCasts.isEmpty else { return }
    var read = Set((graph.outputs + graph.updates.map(\.value)).map { view(of: $0).base })
    var kept: [WorkItem] = []
    for item in items.reversed() {
      if item.code == .cast, let result = item.results.first, !read.contains(result), exactCasts[result] != nil {
        continue
      }
      read.formUnion(item.inputs.map(\.base))
      kept.append(item)
    }
    items = kept.reversed()
  }

  /// Whether a cast to float32 can be left to the 16-bit sum or product before it, which is in float32 until its end.
  private mutating func absorbs(_ node: Graph.Node, _ fusion: EpilogueFusion) -> Bool {
    let (operand, result) = (node.operands[0], node.results[0])
    let base = view(of: operand).base
    let narrow = types[base].dtype == .float16 || types[base].dtype == .bfloat16
    guard narrow, types[result].dtype == .float32, accumulating.contains(base),
      fusion.isReadOnce(from: base, to: operand)
    else { return false }
    types[base].dtype = .float32
    return true
  }

  /// Whether a cast goes back to the dtype that its operand came from by an exact cast: then it is the first value again,
  /// bit for bit. The other way round, a value that was rounded and cast back, stays as it is: the rounding is meant.
  private mutating func undoes(_ node: Graph.Node) -> Bool {
    let operand = view(of: node.operands[0])
    guard let source = exactCasts[operand.base], types[source.base].dtype == types[node.results[0]].dtype,
      isDense(source)
    else { return false }
    views[node.results[0]] = ValueView(base: source.base, shape: operand.shape, strides: operand.strides)
    return true
  }

  private mutating func append(_ item: WorkItem) {
    if item.code == .cast, let source = item.inputs.first, let result = item.results.first,
      types[result].dtype.holdsExactly(types[source.base].dtype)
    {
      exactCasts[result] = source
    }
    switch item.code {
    case .matmul, .quantizedMatmul, .reduceSum, .reduceMean, .convolution, .convolutionInputGradient,
      .convolutionKernelGradient:
      accumulating.formUnion(item.results)
    default: break
    }
    items.append(item)
  }

  /// How a value of the graph lies over the value that holds its elements.
  func view(of value: Int) -> ValueView {
    views[value] ?? ValueView(base: value, shape: types[value].shape, strides: strides(of: value))
  }

  /// How the elements of a value lie that is no view.
  func strides(of value: Int) -> [Int] { layouts[value] ?? rowMajorStrides(types[value].shape) }

  func operand(_ view: ValueView, isConstant: Bool) -> Operand {
    Operand(dtype: types[view.base].dtype, shape: view.shape, strides: view.strides, isConstant: isConstant)
  }

  func isDense(_ view: ValueView) -> Bool {
    operand(view, isConstant: false).isDense
      && TensorType(types[view.base].dtype, view.shape).checkedCount == types[view.base].checkedCount
  }

  /// A value that the graph does not have, for conversions.
  mutating func newValue(_ type: TensorType, strides: [Int]? = nil) -> Int {
    types.append(type)
    if let strides, strides != rowMajorStrides(type.shape) { layouts[types.count - 1] = strides }
    return types.count - 1
  }

  /// A scalar that the graph does not have.
  mutating func newLiteral(_ content: Double, _ dtype: DType) -> Int {
    let value = newValue(TensorType(dtype, []))
    literals[value] = content
    return value
  }

  /// What an attention makes of its heads is put side by side again: its results lie as they are then, which saves a copy.
  private mutating func chooseLayouts(_ graph: Graph) {
    var permutations: [Int: (base: Int, permutation: [Int])] = [:]
    for node in graph.nodes {
      switch node.operation.lowering {
      case .backend(.attention, _), .backend(.attentionGradient, _):
        for result in node.results { permutations[result] = (result, Array(types[result].shape.indices)) }
      case .view(.transpose(let permutation)):
        guard let source = permutations[node.operands[0]] else { break }
        permutations[node.results[0]] = (source.base, permutation.map { source.permutation[$0] })
      case .view(.reshape):
        let shape = types[node.operands[0]].shape
        guard let source = permutations[node.operands[0]], source.base != node.operands[0], layouts[source.base] == nil
        else { break }
        var strides = rowMajorStrides(shape)
        for (axis, stride) in zip(source.permutation, rowMajorStrides(shape)) { strides[axis] = stride }
        if strides != rowMajorStrides(types[source.base].shape) { layouts[source.base] = strides }
      default: break
      }
    }
  }

  private mutating func addView(_ kind: Lowering.View, of operand: Int, as result: Int, origin: Graph.Origin) {
    let source = view(of: operand)
    let shape = types[result].shape
    switch kind {
    case .transpose(let permutation):
      views[result] = ValueView(base: source.base, shape: shape, strides: permutation.map { source.strides[$0] })
    case .broadcast:
      let added = shape.count - source.shape.count
      let strides = shape.indices.map { axis in
        axis < added || source.shape[axis - added] != shape[axis] ? 0 : source.strides[axis - added]
      }
      views[result] = ValueView(base: source.base, shape: shape, strides: strides)
    case .windows(let steps, let dilations):
      let moved = source.strides[1...steps.count]
      views[result] = ValueView(
        base: source.base, shape: shape,
        strides: source.strides[..<1] + zip(moved, steps).map { $0 * $1 } + zip(moved, dilations).map { $0 * $1 }
          + source.strides[(steps.count + 1)...])
    case .reshape:
      if isDense(source) {
        views[result] = ValueView(base: source.base, shape: shape, strides: rowMajorStrides(shape))
      } else {
        // Gaps and repetitions have no strides under another shape: the elements are laid out first.
        let copy = newValue(TensorType(types[source.base].dtype, source.shape))
        items.append(WorkItem(code: .cast, attributes: [], inputs: [source], results: [copy], origin: origin))
        views[result] = ValueView(base: copy, shape: shape, strides: rowMajorStrides(shape))
      }
    }
  }
}

extension DType {
  /// Whether each value of a narrower float is one of this dtype.
  fileprivate func holdsExactly(_ other: DType) -> Bool {
    guard other.isFloatingPoint, let width = other.bitWidth else { return false }
    return (self == .float32 && width < 32) || (self == .float64 && width < 64)
  }
}
