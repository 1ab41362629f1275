import MezzoBackend
import MezzoPolicy
import MezzoRuntime

/// What the front of a `.mezzocase` says of its operation, as JSON. Nothing of it is believed before it is checked.
struct CaseDocument: Codable {
  /// Changes with the meaning of the fields; a version that is not known is refused rather than guessed at.
  static let version = 1

  var version = Self.version
  var operation: String
  var attributes: [AttributeRecord]
  var inputs: [OperandRecord]
  var results: [OperandRecord]
  var epilogue: [StepRecord]
  var accumulator: DType
  var numerics: Numerics
  var source: CapturedCase.Source

  struct Version: Codable {
    var version: Int
  }

  /// One of the values.
  struct AttributeRecord: Codable {
    var name: String
    var int: Int?
    var float: Double?
    var ints: [Int]?
  }

  struct OperandRecord: Codable {
    var dtype: DType
    var shape: [Int]
    /// In elements.
    var strides: [Int]
    var constant: Bool
  }

  struct StepRecord: Codable {
    var step: String
    var operand: Int?
    var factor: Double?
    var dtype: DType?
  }

  /// Why a document says nothing that can be done.
  struct Defect: Error {
    var reason: String
  }
}

extension CaseDocument {
  init(_ found: CapturedCase) throws(Defect) {
    let request = found.request
    for operand in request.inputs + request.results where operand.quantization != nil || operand.packKey != nil {
      throw Defect(reason: "\(operand.type) is quantized or packed, which cases do not hold")
    }
    operation = request.code.name
    attributes = request.attributes.map { attribute in
      switch attribute.value {
      case .int(let value): AttributeRecord(name: attribute.name, int: value)
      case .float(let value): AttributeRecord(name: attribute.name, float: value)
      case .ints(let values): AttributeRecord(name: attribute.name, ints: values)
      }
    }
    inputs = request.inputs.map(OperandRecord.init)
    results = request.results.map(OperandRecord.init)
    epilogue = request.epilogue.map(StepRecord.init)
    accumulator = request.accumulator
    numerics = request.numerics
    source = found.source
  }

  /// - Throws: where it contradicts itself.
  func request() throws(Defect) -> OperationRequest {
    guard let code = OperationCode.allCases.first(where: { $0.name == operation }) else {
      throw Defect(reason: "there is no operation '\(operation)'")
    }
    var request = OperationRequest(code, inputs: [], results: [], accumulator: accumulator)
    for record in attributes { request.attributes.append(Attribute(record.name, try record.value())) }
    for record in inputs { request.inputs.append(try record.operand()) }
    for record in results { request.results.append(try record.operand()) }
    for record in epilogue { request.epilogue.append(try record.epilogueStep(inputs.indices)) }
    request.numerics = numerics
    return request
  }
}

extension CaseDocument.AttributeRecord {
  fileprivate func value() throws(CaseDocument.Defect) -> AttributeValue {
    switch (int, float, ints) {
    case (let value?, nil, nil): return .int(value)
    case (nil, let value?, nil): return .float(value)
    case (nil, nil, let values?): return .ints(values)
    default: throw .init(reason: "the attribute \(name) states none or several of int, float and ints")
    }
  }
}

extension CaseDocument.OperandRecord {
  /// Far more than a case has that anybody can look at.
  private static let elementLimit = 1 << 26
  private static let axisLimit = 16

  fileprivate init(_ operand: Operand) {
    (dtype, shape, strides, constant) = (operand.dtype, operand.shape, operand.strides, operand.isConstant)
  }

  fileprivate func operand() throws(CaseDocument.Defect) -> Operand {
    let operand = Operand(dtype: dtype, shape: shape, strides: strides, isConstant: constant)
    guard shape.count <= Self.axisLimit else {
      throw .init(reason: "\(operand.type) has \(shape.count) axes, expected at most \(Self.axisLimit)")
    }
    guard strides.count == shape.count else {
      throw .init(reason: "no elements lie as \(operand.type) with strides \(strides), expected one for each axis")
    }
    guard let count = operand.type.checkedCount, operand.checkedSpan != nil else {
      throw .init(reason: "no elements lie as \(operand.type) with strides \(strides)")
    }
    guard count <= Self.elementLimit else {
      throw .init(reason: "\(operand.type) has \(count) elements, expected at most \(Self.elementLimit)")
    }
    return operand
  }
}

extension CaseDocument.StepRecord {
  fileprivate init(_ step: EpilogueStep) {
    self.init(step: Self.name(step), operand: step.operand)
    switch step {
    case .scale(let factor): self.factor = factor
    case .cast(let dtype): self.dtype = dtype
    default: break
    }
  }

  private static func name(_ step: EpilogueStep) -> String {
    switch step {
    case .scale: "scale"
    case .cast: "cast"
    default: step.description
    }
  }

  /// - Parameter inputs: the places of the operands that it may name.
  fileprivate func epilogueStep(_ inputs: Range<Int>) throws(CaseDocument.Defect) -> EpilogueStep {
    let known: EpilogueStep?
    switch (step, operand, factor, dtype) {
    case ("bias", let operand?, nil, nil): known = .bias(operand: operand)
    case ("add", let operand?, nil, nil): known = .add(operand: operand)
    case ("multiply", let operand?, nil, nil): known = .multiply(operand: operand)
    case ("relu", nil, nil, nil): known = .relu
    case ("gelu", nil, nil, nil): known = .gelu(approximate: false)
    case ("gelu_tanh", nil, nil, nil): known = .gelu(approximate: true)
    case ("sigmoid", nil, nil, nil): known = .sigmoid
    case ("tanh", nil, nil, nil): known = .tanh
    case ("silu", nil, nil, nil): known = .silu
    case ("scale", nil, let factor?, nil): known = .scale(factor)
    case ("cast", nil, nil, let dtype?): known = .cast(dtype)
    default: known = nil
    }
    guard let known, known.operand.map(inputs.contains) ?? true else {
      throw .init(reason: "there is no step '\(step)' with what it states, of \(inputs.count) inputs")
    }
    return known
  }
}
