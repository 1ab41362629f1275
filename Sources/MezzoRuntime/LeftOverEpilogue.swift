import MezzoBackend
import MezzoGraph
import MezzoPolicy

/// The steps of an epilogue that a backend did not do, as operations of their own behind it.
struct LeftOverEpilogue {
  private(set) var work: Work
  /// Values that hold the factors of scales.
  private(set) var literals: [Int] = []
  private let item: WorkItem
  private let type: TensorType
  private var current: Int
  private var items: [WorkItem] = []

  /// - Parameter made: what the backend made of `item`.
  init(_ work: Work, _ item: WorkItem, _ made: Int) {
    self.work = work
    self.item = item
    type = work.types[made]
    current = made
  }

  mutating func append(_ step: EpilogueStep) {
    switch step {
    case .bias(let operand):
      let vector = item.inputs[operand]
      let repeated = [Int](repeating: 0, count: type.rank - 1)
      add(.add, with: ValueView(base: vector.base, shape: type.shape, strides: repeated + vector.strides))
    case .add(let operand): add(.add, with: item.inputs[operand])
    case .multiply(let operand): add(.multiply, with: item.inputs[operand])
    case .scale(let factor):
      let literal = work.newLiteral(factor, type.dtype)
      literals.append(literal)
      let repeated = [Int](repeating: 0, count: type.rank)
      add(.multiply, with: ValueView(base: literal, shape: type.shape, strides: repeated))
    case .relu: add(.relu)
    case .gelu(let approximate): add(.gelu, [Attribute("approximate", .int(approximate ? 1 : 0))])
    case .sigmoid: add(.sigmoid)
    case .tanh: add(.tanh)
    case .silu:
      let input = work.view(of: current)
      add(.sigmoid)
      add(.multiply, with: input)
    case .cast(let dtype):
      let narrow = work.newValue(TensorType(dtype, type.shape))
      add(.cast, as: narrow)
      add(.cast)
    }
  }

  /// The last operation makes `result`.
  mutating func finished(as result: Int) -> [WorkItem] {
    if work.types[result] == type, let last = items.indices.last {
      items[last].results = [result]
    } else if items.last?.code == .relu, let activation = items.popLast() {
      // Rounding keeps order and 0, and half as many bytes are quicker passed through.
      current = activation.inputs[0].base
      let rounded = work.newValue(work.types[result])
      add(.cast, as: rounded)
      add(.relu, as: result)
    } else {
      add(.cast, as: result)
    }
    return items
  }

  private mutating func add(
    _ code: OperationCode, _ attributes: [Attribute] = [], with operand: ValueView? = nil, as result: Int? = nil
  ) {
    let result = result ?? work.newValue(type)
    let inputs = [work.view(of: current)] + (operand.map { [$0] } ?? [])
    items.append(WorkItem(code: code, attributes: attributes, inputs: inputs, results: [result], origin: item.origin))
    current = result
  }
}
