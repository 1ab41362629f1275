/// An attribute of an operation: its name, its kind, and what it is where a request does not say.
public struct AttributeMeaning: Sendable, Hashable {
  public enum Kind: String, Sendable { case int, float, ints }

  public var name: String
  public var kind: Kind
  /// `nil`: every request has to say.
  public var `default`: AttributeValue?

  init(_ name: String, _ kind: Kind, default value: AttributeValue? = nil) {
    self.name = name
    self.kind = kind
    self.default = value
  }
}

extension OperationCode {
  /// The attributes that rules may ask for by name.
  public var attributes: [AttributeMeaning] {
    switch self {
    case .matmul: [.init("alpha", .float, default: .float(1)), .init("beta", .float, default: .float(0))]
    case .gelu, .geluGradient: [.init("approximate", .int)]
    case .reduceSum, .reduceMean, .reduceMax: [.init("axes", .ints)]
    case .argMax, .softmax, .logSoftmax, .softmaxGradient: [.init("axis", .int)]
    case .randomUniform: [.init("stream", .int)]
    case .sgdUpdate: [.init("momentum", .float), .init("nesterov", .int)]
    case .adamUpdate:
      [.init("beta1", .float), .init("beta2", .float), .init("epsilon", .float), .init("weight_decay", .float)]
    case .pad: [.init("low", .ints), .init("high", .ints), .init("interior", .ints), .init("value", .float)]
    case .slice: [.init("start", .ints), .init("step", .ints)]
    case .concatenate: [.init("axis", .int)]
    case .windowSum: [.init("strides", .ints), .init("dilations", .ints)]
    case .convolution, .convolutionInputGradient, .convolutionKernelGradient:
      [
        .init("strides", .ints), .init("low", .ints), .init("high", .ints), .init("dilations", .ints),
        .init("groups", .int),
      ]
    case .maxPool, .maxPoolGradient, .averagePool, .averagePoolGradient:
      [.init("size", .ints), .init("strides", .ints), .init("low", .ints), .init("high", .ints)]
    case .layerNorm, .layerNormGradient: [.init("epsilon", .float), .init("centered", .int)]
    case .attention, .attentionGradient: [.init("scale", .float), .init("causal", .int)]
    default: []
    }
  }

  /// How many operands and results the operation has.
  public var arity: (inputs: Int, results: Int) {
    switch self {
    case .matmul, .add, .subtract, .multiply, .divide, .maximum, .minimum, .equal, .less, .lessEqual, .logicalAnd,
      .reluGradient, .sparseCrossEntropy, .gather, .scatterAdd, .concatenate, .convolution, .convolutionInputGradient,
      .convolutionKernelGradient, .geluGradient, .softmaxGradient:
      (2, 1)
    case .select, .maxPoolGradient: (3, 1)
    case .cast, .negate, .abs, .exp, .log, .sqrt, .erf, .tanh, .sigmoid, .relu, .gelu, .reduceSum, .reduceMean,
      .reduceMax, .argMax, .allFinite, .softmax, .logSoftmax, .oneHot, .randomUniform, .log1p, .expm1,
      .softplus, .pad, .slice, .windowSum, .maxPool, .averagePool, .averagePoolGradient:
      (1, 1)
    case .sgdUpdate: (5, 2)
    case .adamUpdate: (7, 3)
    case .layerNorm: (4, 1)
    case .layerNormGradient: (3, 3)
    case .attention: (4, 2)
    case .quantize: (2, 3)
    case .quantizedMatmul: (5, 1)
    case .attentionGradient: (7, 3)
    }
  }

  /// Whether a bias, an activation and what else can be done on its accumulator may follow as steps of its epilogue.
  package var takesEpilogue: Bool { self == .matmul || self == .quantizedMatmul || self == .convolution }

  /// The operation of a name in Keras's spelling, `nil` where there is none.
  public init?(name: String) {
    guard let code = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = code
  }
}

extension OperationRequest {
  /// Whether what the results hold before is part of the operation: executing it twice is not executing it once.
  package var readsResults: Bool {
    guard code == .matmul else { return false }
    switch attribute("beta") {
    case .float(let beta): return beta != 0
    case .int(let beta): return beta != 0
    default: return false
    }
  }

  /// The value of an attribute, or its default; `nil` where neither is there.
  public func attribute(_ name: String) -> AttributeValue? {
    attributes.first { $0.name == name }?.value ?? code.attributes.first { $0.name == name }?.default
  }
}
