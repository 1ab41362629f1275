import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime

/// A layer as golden cases name it, and how it is called.
struct GoldenLayer {
  var layer: any Layer
  /// Of each input, where the case does not say.
  var shapes: [[Int]] = [[2, 3]]
  /// One array with all inputs, instead of one argument each.
  var takesArray = false
  var isTraining = false
  /// A mask over the values of an attention, all true.
  var isMasked = false

  /// The layers of `layer.dtypes`; nil for one that this version does not have.
  init?(named name: String, _ policy: DTypePolicy) {
    let sequence = [[2, 4, 3]]
    let image = [[2, 6, 6, 2]]
    let volume = [[1, 4, 4, 4, 2]]
    let pair = [[2, 3], [2, 3]]
    switch name {
    case "ActivityRegularization": self.init(ActivityRegularization(l1: 0.1, policy: policy))
    case "Add": self.init(Add(policy: policy), pair, takesArray: true)
    case "AdditiveAttention": self.init(AdditiveAttention(policy: policy), sequence + sequence, takesArray: true)
    case "Attention": self.init(Attention(policy: policy), sequence + sequence, takesArray: true)
    case "Attention_masked":
      self.init(Attention(policy: policy), sequence + sequence, takesArray: true, isMasked: true)
    case "Average": self.init(Average(policy: policy), pair, takesArray: true)
    case "AlphaDropout", "AlphaDropout_train":
      self.init(AlphaDropout(0.5, policy: policy), isTraining: name.hasSuffix("_train"))
    case "AveragePooling1D": self.init(AveragePooling1D(policy: policy), sequence)
    case "AveragePooling2D": self.init(AveragePooling2D(policy: policy), image)
    case "AveragePooling3D": self.init(AveragePooling3D(policy: policy), volume)
    case "BatchNormalization", "BatchNormalization_train":
      self.init(BatchNormalization(policy: policy), isTraining: name.hasSuffix("_train"))
    case "BatchNormalization4D", "BatchNormalization4D_train":
      self.init(BatchNormalization(policy: policy), image, isTraining: name.hasSuffix("_train"))
    case "Bidirectional_LSTM": self.init(Bidirectional(LSTM(2, policy: policy), policy: policy), sequence)
    case "Bidirectional_GRU": self.init(Bidirectional(GRU(2, policy: policy), policy: policy), sequence)
    case "Concatenate": self.init(Concatenate(policy: policy), pair, takesArray: true)
    case "Conv1D": self.init(Conv1D(2, kernelSize: 2, policy: policy), sequence)
    case "Conv1DTranspose": self.init(Conv1DTranspose(2, kernelSize: 2, policy: policy), sequence)
    case "Conv2D": self.init(Conv2D(2, kernelSize: 2, policy: policy), image)
    case "Conv2DTranspose": self.init(Conv2DTranspose(2, kernelSize: 2, policy: policy), image)
    case "Conv3D": self.init(Conv3D(2, kernelSize: 2, policy: policy), [[1, 3, 3, 3, 2]])
    case "Conv3DTranspose": self.init(Conv3DTranspose(2, kernelSize: 2, policy: policy), volume)
    case "Cropping1D": self.init(Cropping1D(policy: policy), sequence)
    case "Cropping2D": self.init(Cropping2D(policy: policy), image)
    case "Cropping3D": self.init(Cropping3D(policy: policy), volume)
    case "Dense": self.init(Dense(2, policy: policy))
    case "Dense_l2": self.init(Dense(2, kernelRegularizer: .l2(), policy: policy))
    case "Dense_nobias": self.init(Dense(2, useBias: false, policy: policy))
    case "Dense_softmax": self.init(Dense(2, activation: .softmax, policy: policy))
    case "DepthwiseConv1D": self.init(DepthwiseConv1D(kernelSize: 2, policy: policy), sequence)
    case "DepthwiseConv2D": self.init(DepthwiseConv2D(kernelSize: 2, policy: policy), image)
    case "Dot": self.init(Dot(axes: [1], policy: policy), pair, takesArray: true)
    case "Dropout", "Dropout_train": self.init(Dropout(0.5, policy: policy), isTraining: name.hasSuffix("_train"))
    case "ELU": self.init(ELU(policy: policy))
    case "EinsumDense": self.init(EinsumDense("ab,bc->ac", outputShape: [2], biasAxes: "c", policy: policy))
    case "Embedding": self.init(Embedding(inputDim: 4, outputDim: 2, policy: policy))
    case "Flatten": self.init(Flatten(policy: policy), sequence)
    case "GRU": self.init(GRU(2, policy: policy), sequence)
    case "GaussianDropout", "GaussianDropout_train":
      self.init(GaussianDropout(0.5, policy: policy), isTraining: name.hasSuffix("_train"))
    case "GaussianNoise", "GaussianNoise_train":
      self.init(GaussianNoise(0.5, policy: policy), isTraining: name.hasSuffix("_train"))
    case "GlobalAveragePooling1D": self.init(GlobalAveragePooling1D(policy: policy), sequence)
    case "GlobalAveragePooling2D": self.init(GlobalAveragePooling2D(policy: policy), image)
    case "GlobalAveragePooling3D": self.init(GlobalAveragePooling3D(policy: policy), volume)
    case "GlobalMaxPooling1D": self.init(GlobalMaxPooling1D(policy: policy), sequence)
    case "GlobalMaxPooling2D": self.init(GlobalMaxPooling2D(policy: policy), image)
    case "GlobalMaxPooling3D": self.init(GlobalMaxPooling3D(policy: policy), volume)
    case "GroupQueryAttention":
      self.init(
        GroupedQueryAttention(headDim: 2, numQueryHeads: 2, numKeyValueHeads: 1, policy: policy), sequence + sequence)
    case "GroupNormalization": self.init(GroupNormalization(groups: 2, policy: policy), [[2, 4, 4]])
    case "LSTM": self.init(LSTM(2, policy: policy), sequence)
    case "Lambda_identity": self.init(GoldenIdentity(policy: policy))
    case "LayerNormalization": self.init(LayerNormalization(policy: policy))
    case "LayerNormalization_axis1": self.init(LayerNormalization(axis: [1], policy: policy), sequence)
    case "LayerNormalization_eps1e-6": self.init(LayerNormalization(epsilon: 1e-6, policy: policy))
    case "LeakyReLU": self.init(LeakyReLU(policy: policy))
    case "Masking": self.init(Masking(policy: policy), sequence)
    case "MaxPooling1D": self.init(MaxPooling1D(policy: policy), sequence)
    case "MaxPooling2D": self.init(MaxPooling2D(policy: policy), image)
    case "MaxPooling3D": self.init(MaxPooling3D(policy: policy), volume)
    case "Maximum": self.init(Maximum(policy: policy), pair, takesArray: true)
    case "Minimum": self.init(Minimum(policy: policy), pair, takesArray: true)
    case "MultiHeadAttention":
      self.init(MultiHeadAttention(numHeads: 2, keyDim: 2, policy: policy), sequence + sequence)
    case "Multiply": self.init(Multiply(policy: policy), pair, takesArray: true)
    case "Normalization": self.init(Normalization(mean: [0.5], variance: [2], policy: policy))
    case "PReLU": self.init(PReLU(policy: policy))
    case "Permute": self.init(Permute([2, 1], policy: policy), sequence)
    case "RMSNormalization": self.init(RMSNormalization(policy: policy))
    case "ReLU": self.init(ReLU(policy: policy))
    case "RepeatVector": self.init(RepeatVector(2, policy: policy))
    case "Rescaling": self.init(Rescaling(0.5, policy: policy))
    case "Reshape": self.init(Reshape([3, 1], policy: policy))
    case "SeparableConv1D": self.init(SeparableConv1D(2, kernelSize: 2, policy: policy), sequence)
    case "SeparableConv2D": self.init(SeparableConv2D(2, kernelSize: 2, policy: policy), image)
    case "SimpleRNN": self.init(SimpleRNN(2, policy: policy), sequence)
    case "Softmax": self.init(Softmax(policy: policy))
    case "SpatialDropout1D_train": self.init(SpatialDropout1D(0.5, policy: policy), sequence, isTraining: true)
    case "SpatialDropout3D_train": self.init(SpatialDropout3D(0.5, policy: policy), volume, isTraining: true)
    case "SpatialDropout2D_train": self.init(SpatialDropout2D(0.5, policy: policy), image, isTraining: true)
    case "Subtract": self.init(Subtract(policy: policy), pair, takesArray: true)
    case "TimeDistributed_Dense": self.init(TimeDistributed(Dense(2, policy: policy), policy: policy), sequence)
    case "TimeDistributed_inner_float32":
      self.init(TimeDistributed(Dense(2, policy: .float32), policy: policy), sequence)
    case "UnitNormalization": self.init(UnitNormalization(policy: policy))
    case "UpSampling1D": self.init(UpSampling1D(policy: policy), sequence)
    case "UpSampling3D": self.init(UpSampling3D(policy: policy), volume)
    case "ZeroPadding1D": self.init(ZeroPadding1D(policy: policy), sequence)
    case "ZeroPadding3D": self.init(ZeroPadding3D(policy: policy), volume)
    case "UpSampling2D": self.init(UpSampling2D(policy: policy), image)
    case "UpSampling2D_bilinear": self.init(UpSampling2D(interpolation: .bilinear, policy: policy), image)
    case "ZeroPadding2D": self.init(ZeroPadding2D(policy: policy), image)
    default:
      guard let function = ActivationFunction(golden: name) else { return nil }
      self.init(Activation(function, policy: policy))
    }
  }

  init(
    _ layer: any Layer, _ shapes: [[Int]] = [[2, 3]], takesArray: Bool = false, isTraining: Bool = false,
    isMasked: Bool = false
  ) {
    self.layer = layer
    self.shapes = shapes
    self.takesArray = takesArray
    self.isTraining = isTraining
    self.isMasked = isMasked
  }

  /// What it is called with.
  func arguments<Leaf>(_ leaves: [Leaf], named: [String: Leaf] = [:]) -> Arguments<Leaf> {
    let trees = leaves.map { Tree.tensor($0) }
    return Arguments(positional: takesArray ? [.array(trees)] : trees, named: named.mapValues { .tensor($0) })
  }
}

/// What `Lambda(lambda x: x)` is here: a layer of one's own.
struct GoldenIdentity: Layer {
  var policy: DTypePolicy

  func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor { input }
}

extension ActivationFunction {
  /// From `Activation_elu`.
  init?(golden name: String) {
    guard name.hasPrefix("Activation_") else { return nil }
    let function = String(name.dropFirst("Activation_".count))
    self.init(rawValue: function == "swish" ? "silu" : function == "hard_swish" ? "hard_silu" : function)
  }
}

extension TracedCall {
  /// Keras's names for the variables, in their order.
  func weightNames(_ layer: any Layer, _ dialect: PolicyDialect?) -> [String] {
    variables.map { spec in
      let name = spec.path.split(separator: ".").last.map(String.init) ?? spec.path
      let isDepthwise = type(of: layer).className.hasPrefix("Depthwise")
      return isDepthwise && name == "kernel" && dialect != .keras3 ? "depthwise_kernel" : name
    }
  }
}
