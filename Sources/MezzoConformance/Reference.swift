import MezzoBackend

/// The operations in plain loops over Doubles: the truth that backends are compared with, written from the meaning in
/// `mezzo_backend.h` and from no backend.
enum Reference {
  /// The results of `request` for inputs in row-major order.
  /// - Parameter old: what the results held before, where the operation reads that.
  static func results(
    _ request: OperationRequest, _ inputs: [[Double]], old: [[Double]] = []
  ) -> [Expectation] {
    let roundoff = Roundoff(accumulator: request.accumulator)
    switch request.code {
    case .matmul: return [product(request, inputs, old.first, roundoff)]
    case .reduceSum, .reduceMean, .reduceMax: return [reduction(request, inputs[0], roundoff)]
    case .argMax: return [largestIndex(request, inputs[0])]
    case .allFinite: return [Expectation(values: [inputs[0].allSatisfy(\.isFinite) ? 1 : 0])]
    case .softmax, .logSoftmax: return [softmax(request, inputs[0], roundoff)]
    case .oneHot: return [oneHot(request, inputs[0])]
    case .sparseCrossEntropy: return [crossEntropy(request, inputs, roundoff)]
    case .gather: return [gather(request, inputs)]
    case .scatterAdd: return [scatterAdd(request, inputs, roundoff)]
    case .randomUniform: return [randomUniform(request, inputs[0])]
    case .sgdUpdate: return sgd(request, inputs, roundoff)
    case .adamUpdate: return adam(request, inputs, roundoff)
    case .pad: return [pad(request, inputs[0])]
    case .slice: return [slice(request, inputs[0])]
    case .concatenate: return [concatenate(request, inputs)]
    case .windowSum: return [windowSum(request, inputs[0], roundoff)]
    case .convolution, .convolutionInputGradient, .convolutionKernelGradient:
      return [convolution(request, inputs, roundoff)]
    case .maxPool, .averagePool: return [pool(request, inputs[0], roundoff)]
    case .maxPoolGradient, .averagePoolGradient: return [poolGradient(request, inputs, roundoff)]
    case .layerNorm: return [layerNorm(request, inputs, roundoff)]
    case .layerNormGradient: return layerNormGradient(request, inputs, roundoff)
    case .attention: return attention(request, inputs, roundoff)
    case .attentionGradient: return attentionGradient(request, inputs, roundoff)
    case .quantize: return quantize(request, inputs, roundoff)
    case .quantizedMatmul: return [quantizedProduct(request, inputs, roundoff)]
    case .softmaxGradient: return [softmaxGradient(request, inputs, roundoff)]
    default: return [elementwise(request, inputs, roundoff)]
    }
  }
}

extension OperationRequest {
  func int(_ name: String) -> Int {
    if case .int(let value)? = attribute(name) { value } else { 0 }
  }

  func float(_ name: String) -> Double {
    if case .float(let value)? = attribute(name) { value } else { 0 }
  }

  func ints(_ name: String) -> [Int] {
    if case .ints(let values)? = attribute(name) { values } else { [] }
  }

  private func attribute(_ name: String) -> AttributeValue? { attributes.first { $0.name == name }?.value }
}
