import CMezzoABI

/// The operations that a backend can be asked for; their meaning is written in `mezzo_backend.h`.
public enum OperationCode: UInt32, Sendable, Hashable, CaseIterable, CustomStringConvertible {
  case matmul = 1
  case cast = 16
  case add, subtract, multiply, divide, maximum, minimum, equal, less, lessEqual, logicalAnd, select
  case negate = 32
  case abs, exp, log, sqrt, erf, tanh, sigmoid, relu, reluGradient, gelu, log1p, expm1, softplus
  case reduceSum = 64
  case reduceMean, reduceMax, argMax, allFinite, softmax, logSoftmax
  case oneHot = 96
  case sparseCrossEntropy, gather, scatterAdd
  case randomUniform = 112
  case sgdUpdate = 128
  case adamUpdate
  case pad = 144
  case slice, concatenate, windowSum
  case convolution = 160
  case convolutionInputGradient, convolutionKernelGradient
  case maxPool, maxPoolGradient, averagePool, averagePoolGradient
  case layerNorm = 176
  case layerNormGradient, geluGradient, softmaxGradient, attention, attentionGradient
  case quantize, quantizedMatmul

  /// The name in Keras's spelling: `reduce_sum`, `softmax`.
  public var name: String {
    switch self {
    case .lessEqual: "less_equal"
    case .logicalAnd: "logical_and"
    case .reluGradient: "relu_gradient"
    case .reduceSum: "reduce_sum"
    case .reduceMean: "reduce_mean"
    case .reduceMax: "reduce_max"
    case .argMax: "arg_max"
    case .allFinite: "all_finite"
    case .logSoftmax: "log_softmax"
    case .oneHot: "one_hot"
    case .sparseCrossEntropy: "sparse_cross_entropy"
    case .scatterAdd: "scatter_add"
    case .randomUniform: "random_uniform"
    case .sgdUpdate: "sgd_update"
    case .adamUpdate: "adam_update"
    case .windowSum: "window_sum"
    case .convolution: "convolution"
    case .convolutionInputGradient: "convolution_input_gradient"
    case .convolutionKernelGradient: "convolution_kernel_gradient"
    case .maxPool: "max_pool"
    case .maxPoolGradient: "max_pool_gradient"
    case .averagePool: "average_pool"
    case .averagePoolGradient: "average_pool_gradient"
    case .layerNorm: "layer_norm"
    case .layerNormGradient: "layer_norm_gradient"
    case .geluGradient: "gelu_gradient"
    case .softmaxGradient: "softmax_gradient"
    case .attention: "attention"
    case .attentionGradient: "attention_gradient"
    case .quantizedMatmul: "quantized_matmul"
    case .matmul: "matmul"
    case .cast: "cast"
    case .add: "add"
    case .subtract: "subtract"
    case .multiply: "multiply"
    case .divide: "divide"
    case .maximum: "maximum"
    case .minimum: "minimum"
    case .equal: "equal"
    case .less: "less"
    case .select: "select"
    case .negate: "negate"
    case .abs: "abs"
    case .exp: "exp"
    case .log: "log"
    case .sqrt: "sqrt"
    case .erf: "erf"
    case .tanh: "tanh"
    case .sigmoid: "sigmoid"
    case .relu: "relu"
    case .gelu: "gelu"
    case .softmax: "softmax"
    case .gather: "gather"
    case .log1p: "log1p"
    case .expm1: "expm1"
    case .softplus: "softplus"
    case .pad: "pad"
    case .slice: "slice"
    case .concatenate: "concatenate"
    case .quantize: "quantize"
    }
  }

  public var description: String { name }
}
