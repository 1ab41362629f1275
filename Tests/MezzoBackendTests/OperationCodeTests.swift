import CMezzoABI
import MezzoBackend
import Testing

@Suite struct OperationCodeTests {
  @Test(arguments: [
    (OperationCode.matmul, MEZZO_OP_MATMUL), (.cast, MEZZO_OP_CAST), (.add, MEZZO_OP_ADD),
    (.subtract, MEZZO_OP_SUBTRACT), (.multiply, MEZZO_OP_MULTIPLY), (.divide, MEZZO_OP_DIVIDE),
    (.maximum, MEZZO_OP_MAXIMUM), (.minimum, MEZZO_OP_MINIMUM), (.equal, MEZZO_OP_EQUAL), (.less, MEZZO_OP_LESS),
    (.lessEqual, MEZZO_OP_LESS_EQUAL), (.logicalAnd, MEZZO_OP_LOGICAL_AND), (.select, MEZZO_OP_SELECT),
    (.negate, MEZZO_OP_NEGATE), (.abs, MEZZO_OP_ABS), (.exp, MEZZO_OP_EXP), (.log, MEZZO_OP_LOG),
    (.sqrt, MEZZO_OP_SQRT), (.erf, MEZZO_OP_ERF), (.tanh, MEZZO_OP_TANH), (.sigmoid, MEZZO_OP_SIGMOID),
    (.relu, MEZZO_OP_RELU), (.reluGradient, MEZZO_OP_RELU_GRADIENT), (.gelu, MEZZO_OP_GELU),
    (.reduceSum, MEZZO_OP_REDUCE_SUM), (.reduceMean, MEZZO_OP_REDUCE_MEAN), (.reduceMax, MEZZO_OP_REDUCE_MAX),
    (.argMax, MEZZO_OP_ARG_MAX), (.allFinite, MEZZO_OP_ALL_FINITE), (.softmax, MEZZO_OP_SOFTMAX),
    (.logSoftmax, MEZZO_OP_LOG_SOFTMAX), (.oneHot, MEZZO_OP_ONE_HOT),
    (.sparseCrossEntropy, MEZZO_OP_SPARSE_CROSS_ENTROPY), (.randomUniform, MEZZO_OP_RANDOM_UNIFORM),
    (.gather, MEZZO_OP_GATHER), (.scatterAdd, MEZZO_OP_SCATTER_ADD),
    (.sgdUpdate, MEZZO_OP_SGD_UPDATE), (.adamUpdate, MEZZO_OP_ADAM_UPDATE), (.log1p, MEZZO_OP_LOG1P),
    (.expm1, MEZZO_OP_EXPM1), (.softplus, MEZZO_OP_SOFTPLUS), (.pad, MEZZO_OP_PAD), (.slice, MEZZO_OP_SLICE),
    (.concatenate, MEZZO_OP_CONCATENATE), (.windowSum, MEZZO_OP_WINDOW_SUM), (.layerNorm, MEZZO_OP_LAYER_NORM),
    (.layerNormGradient, MEZZO_OP_LAYER_NORM_GRADIENT), (.geluGradient, MEZZO_OP_GELU_GRADIENT),
    (.softmaxGradient, MEZZO_OP_SOFTMAX_GRADIENT), (.attention, MEZZO_OP_ATTENTION),
    (.attentionGradient, MEZZO_OP_ATTENTION_GRADIENT), (.quantize, MEZZO_OP_QUANTIZE),
    (.quantizedMatmul, MEZZO_OP_QUANTIZED_MATMUL),
    (.convolution, MEZZO_OP_CONVOLUTION), (.convolutionInputGradient, MEZZO_OP_CONVOLUTION_INPUT_GRADIENT),
    (.convolutionKernelGradient, MEZZO_OP_CONVOLUTION_KERNEL_GRADIENT), (.maxPool, MEZZO_OP_MAX_POOL),
    (.maxPoolGradient, MEZZO_OP_MAX_POOL_GRADIENT), (.averagePool, MEZZO_OP_AVERAGE_POOL),
    (.averagePoolGradient, MEZZO_OP_AVERAGE_POOL_GRADIENT),
  ])
  func numbersAreTheHeaders(code: OperationCode, number: Int) { #expect(Int(code.rawValue) == number) }

  @Test func namesAreUniqueAndInKerassSpelling() {
    let names = OperationCode.allCases.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.allSatisfy { $0.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "_" } })
    #expect(OperationCode.allCases.count == 60)
  }
}
