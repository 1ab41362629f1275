public import MezzoPolicy

/// The value of an operation's attribute.
public enum AttributeValue: Hashable, Sendable, CustomStringConvertible {
  case int(Int)
  case float(Double)
  case ints([Int])

  public var description: String {
    switch self {
    case .int(let value): "\(value)"
    case .float(let value): "\(value)"
    case .ints(let values): "\(values)"
    }
  }
}

public struct Attribute: Hashable, Sendable {
  public var name: String
  public var value: AttributeValue

  public init(_ name: String, _ value: AttributeValue) {
    self.name = name
    self.value = value
  }
}

/// One step behind an operation's own arithmetic, done on its accumulator before the one rounding to the result.
public enum EpilogueStep: Hashable, Sendable, CustomStringConvertible {
  /// Adds the request's input of this index, a vector along the last axis.
  case bias(operand: Int)
  case relu
  case gelu(approximate: Bool)
  case sigmoid
  case tanh
  /// `x · sigmoid(x)`.
  case silu
  /// Multiplies by a number.
  case scale(Double)
  /// Adds the request's input of this index, which has the result's shape.
  case add(operand: Int)
  /// Multiplies by the request's input of this index, which has the result's shape.
  case multiply(operand: Int)
  /// Rounds to a float dtype and goes on in the accumulator.
  case cast(DType)

  /// Index of the input that the step reads.
  public var operand: Int? {
    switch self {
    case .bias(let operand), .add(let operand), .multiply(let operand): operand
    case .relu, .gelu, .sigmoid, .tanh, .silu, .scale, .cast: nil
    }
  }

  public var description: String {
    switch self {
    case .bias: "bias"
    case .relu: "relu"
    case .gelu(let approximate): approximate ? "gelu_tanh" : "gelu"
    case .sigmoid: "sigmoid"
    case .tanh: "tanh"
    case .silu: "silu"
    case .scale(let factor): "scale(\(factor))"
    case .add: "add"
    case .multiply: "multiply"
    case .cast(let dtype): "cast(\(dtype.name))"
    }
  }
}

/// What is asked of a backend: an operation with its attributes, operands, epilogue and the numerics wanted.
public struct OperationRequest: Hashable, Sendable, CustomStringConvertible {
  public var code: OperationCode
  public var attributes: [Attribute]
  /// The operation's own inputs, then those of the epilogue.
  public var inputs: [Operand]
  public var results: [Operand]
  public var epilogue: [EpilogueStep]
  /// The narrowest dtype in which sums may be kept.
  public var accumulator: DType
  public var numerics = Numerics.usual

  public init(
    _ code: OperationCode, attributes: [Attribute] = [], inputs: [Operand], results: [Operand],
    epilogue: [EpilogueStep] = [], accumulator: DType? = nil
  ) {
    self.code = code
    self.attributes = attributes
    self.inputs = inputs
    self.results = results
    self.epilogue = epilogue
    // At least float32 whatever the policy, float64 for float64 data; scalars such as a learning rate are no data.
    let data = [inputs.first, results.first].compactMap { $0?.dtype }
    self.accumulator = accumulator ?? (data.contains(.float64) ? .float64 : .float32)
  }

  /// The inputs that the operation itself has, without those of its epilogue.
  public var ownInputCount: Int {
    inputs.count - epilogue.count { $0.operand != nil }
  }

  public var ownInputs: ArraySlice<Operand> { inputs.prefix(ownInputCount) }

  /// The dtypes alone, for tables: `bfloat16, bfloat16 -> float32`.
  public var dtypes: String {
    "\(ownInputs.map(\.dtype.name).joined(separator: ", ")) -> \(results.map(\.dtype.name).joined(separator: ", "))"
  }

  /// `matmul+bias+relu bfloat16[128, 784] bfloat16[784, 512] -> bfloat16[128, 512]`
  public var description: String {
    let name = ([code.name] + epilogue.map(\.description)).joined(separator: "+")
    let operands = ownInputs.map(\.type.description).joined(separator: " ")
    return "\(name) \(operands) -> \(results.map(\.type.description).joined(separator: " "))"
  }
}
