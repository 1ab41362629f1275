public import MezzoLayers
public import MezzoPolicy

/// A layer to be checked: how it is made, and what it is called with.
///
/// ```swift
/// LayerRegistry.register(Scale.self)
/// let specimen = LayerSpecimen("Scale", [[[3, 5]], [[2, 1, 4]]]) { Scale(policy: $0) }
/// ```
public struct LayerSpecimen: Sendable {
  public var name: String
  /// Shapes of the inputs, each with the batch in front; one list a check.
  public var shapes: [[[Int]]]
  /// All inputs in one array, instead of one argument each.
  public var takesArray: Bool
  /// What the inputs are, if not floating-point numbers: integers from 0 up to this.
  public var integersBelow: Int?
  /// Whether it brings its inputs to a scale, so that it must take any.
  public var isNormalization: Bool
  /// The named argument that masks steps or the keys of an attention: `[batch, keys]`, or `[batch, queries, keys]` if
  /// `isSquare`.
  public var mask: (name: String, isSquare: Bool)?
  public var make: @Sendable (DTypePolicy) throws -> any Layer

  /// - Parameters:
  ///   - shapes: of the inputs, each with the batch in front; one list a check.
  ///   - takesArray: whether all inputs come in one array.
  ///   - integersBelow: what the inputs are below, if they are integers.
  ///   - isNormalization: whether it must take inputs of any scale.
  ///   - mask: the named argument that masks.
  ///   - make: the layer under a policy.
  public init(
    _ name: String, _ shapes: [[[Int]]], takesArray: Bool = false, integersBelow: Int? = nil,
    isNormalization: Bool = false,
    mask: (name: String, isSquare: Bool)? = nil, make: @escaping @Sendable (DTypePolicy) throws -> any Layer
  ) {
    self.name = name
    self.shapes = shapes
    self.takesArray = takesArray
    self.integersBelow = integersBelow
    self.isNormalization = isNormalization
    self.mask = mask
    self.make = make
  }

  /// The layers that Mezzo has.
  public static let all: [LayerSpecimen] = shapewise + windowed + weighted + sequential + normalizing

  private static func one(_ name: String, _ shapes: [Int]..., make: @escaping @Sendable (DTypePolicy) -> any Layer)
    -> LayerSpecimen
  {
    LayerSpecimen(name, shapes.map { [$0] }, make: make)
  }

  private static func masked(
    _ name: String, _ shapes: [Int]..., make: @escaping @Sendable (DTypePolicy) -> any Layer
  ) -> LayerSpecimen {
    LayerSpecimen(name, shapes.map { [$0] }, mask: ("mask", false), make: make)
  }

  private static func pair(
    _ name: String, _ shapes: [[Int]]..., make: @escaping @Sendable (DTypePolicy) -> any Layer
  ) -> LayerSpecimen {
    LayerSpecimen(name, shapes, takesArray: true, make: make)
  }

  private static let shapewise: [LayerSpecimen] =
    ActivationFunction.allCases.map { function in
      one("Activation \(function.rawValue)", [3, 6]) { Activation(function, policy: $0) }
    } + [
      one("ReLU", [3, 5], [2, 1, 3]) { ReLU(maxValue: 1, negativeSlope: 0.5, threshold: 0.25, policy: $0) },
      one("LeakyReLU", [3, 5]) { LeakyReLU(policy: $0) }, one("ELU", [3, 5]) { ELU(alpha: 0.5, policy: $0) },
      one("PReLU", [3, 2, 5]) { PReLU(alphaInitializer: .constant(0.25), sharedAxes: [1], policy: $0) },
      one("Softmax", [3, 5], [2, 3, 1]) { Softmax(policy: $0) },
      pair("Add", [[3, 5], [3, 5]], [[2, 1, 4], [2, 3, 4]]) { Add(policy: $0) },
      pair("Subtract", [[3, 5], [3, 5]]) { Subtract(policy: $0) },
      pair("Multiply", [[3, 5], [3, 5], [3, 1]]) { Multiply(policy: $0) },
      pair("Average", [[3, 5], [3, 5]]) { Average(policy: $0) },
      pair("Maximum", [[3, 5], [3, 5]]) { Maximum(policy: $0) },
      pair("Minimum", [[3, 5], [3, 5]]) { Minimum(policy: $0) },
      pair("Concatenate", [[3, 5], [3, 2], [3, 1]]) { Concatenate(policy: $0) },
      pair("Dot", [[3, 5], [3, 5]]) { Dot(axes: [1], normalize: true, policy: $0) },
      one("Flatten", [3, 5], [2, 3, 1, 2]) { Flatten(policy: $0) },
      one("Reshape", [3, 6]) { Reshape([-1, 2], policy: $0) },
      one("Permute", [2, 3, 5]) { Permute([2, 1], policy: $0) },
      one("RepeatVector", [3, 5]) { RepeatVector(3, policy: $0) },
      one("Masking", [2, 3, 5]) { Masking(policy: $0) },
      one("Rescaling", [3, 5]) { Rescaling(0.5, offset: 1, policy: $0) },
      LayerSpecimen("Normalization", [[[3, 2]]], isNormalization: true) {
        Normalization(mean: [0.5, 1], variance: [4, 0.25], policy: $0)
      },
      LayerSpecimen("Normalization, learnt", [[[3, 2]]], isNormalization: true) { Normalization(policy: $0) },
      one("Dropout", [3, 5]) { Dropout(0.5, policy: $0) },
      one("GaussianDropout", [3, 5]) { GaussianDropout(0.5, policy: $0) },
      one("AlphaDropout", [3, 5]) { AlphaDropout(0.5, policy: $0) },
      one("GaussianNoise", [3, 5]) { GaussianNoise(0.5, policy: $0) },
      one("ActivityRegularization", [3, 5]) { ActivityRegularization(l1: 0.1, policy: $0) },
      one("SpatialDropout1D", [2, 3, 2]) { SpatialDropout1D(0.5, policy: $0) },
      one("SpatialDropout2D", [2, 3, 3, 2]) { SpatialDropout2D(0.5, policy: $0) },
      one("SpatialDropout3D", [1, 2, 3, 2, 2]) { SpatialDropout3D(0.5, policy: $0) },
      one("Identity", [3, 5]) { Identity(policy: $0) },
    ]

  private static let windowed: [LayerSpecimen] = [
    one("Conv1D", [2, 7, 3], [1, 5, 1]) {
      Conv1D(2, kernelSize: 3, padding: .causal, dilationRate: 2, policy: $0)
    },
    one("Conv2D", [2, 5, 4, 3], [1, 3, 3, 1]) {
      Conv2D(2, kernelSize: [3, 2], strides: 2, padding: .same, activation: .tanh, policy: $0)
    },
    one("Conv2D in groups", [2, 4, 4, 4]) { Conv2D(6, kernelSize: 2, groups: 2, policy: $0) },
    one("Conv2D, channels first", [2, 3, 5, 4]) { Conv2D(2, kernelSize: 2, dataFormat: .channelsFirst, policy: $0) },
    one("Conv3D", [1, 3, 4, 3, 2]) { Conv3D(2, kernelSize: 2, policy: $0) },
    one("Conv3D in groups", [1, 3, 3, 3, 4]) { Conv3D(2, kernelSize: 2, groups: 2, policy: $0) },
    one("Conv1DTranspose", [2, 4, 3]) { Conv1DTranspose(2, kernelSize: 3, strides: 2, policy: $0) },
    one("Conv2DTranspose", [2, 3, 4, 2]) {
      Conv2DTranspose(3, kernelSize: 3, strides: 2, padding: .same, policy: $0)
    },
    one("Conv3DTranspose", [1, 2, 2, 2, 2]) { Conv3DTranspose(2, kernelSize: 2, strides: 2, policy: $0) },
    one("DepthwiseConv1D", [2, 5, 3]) { DepthwiseConv1D(kernelSize: 2, policy: $0) },
    one("DepthwiseConv2D", [2, 4, 4, 3]) { DepthwiseConv2D(kernelSize: 2, depthMultiplier: 2, policy: $0) },
    one("SeparableConv1D", [2, 5, 3]) { SeparableConv1D(2, kernelSize: 2, policy: $0) },
    one("SeparableConv2D", [2, 4, 4, 3]) { SeparableConv2D(2, kernelSize: 3, padding: .same, policy: $0) },
    one("MaxPooling1D", [2, 5, 3]) { MaxPooling1D(policy: $0) },
    one("MaxPooling2D", [2, 5, 4, 3]) { MaxPooling2D(poolSize: 3, strides: 2, padding: .same, policy: $0) },
    one("MaxPooling3D", [1, 4, 2, 3, 2]) { MaxPooling3D(policy: $0) },
    one("AveragePooling1D", [2, 5, 3]) { AveragePooling1D(policy: $0) },
    one("AveragePooling2D", [2, 5, 4, 3]) { AveragePooling2D(poolSize: 3, strides: 2, padding: .same, policy: $0) },
    one("AveragePooling3D", [1, 4, 2, 3, 2]) { AveragePooling3D(policy: $0) },
    one("AdaptiveMaxPooling1D", [2, 5, 3]) { AdaptiveMaxPooling1D(outputSize: 3, policy: $0) },
    one("AdaptiveMaxPooling2D", [2, 5, 4, 3]) { AdaptiveMaxPooling2D(outputSize: [2, 3], policy: $0) },
    one("AdaptiveMaxPooling3D", [1, 3, 2, 3, 2]) { AdaptiveMaxPooling3D(outputSize: 2, policy: $0) },
    one("AdaptiveAveragePooling1D", [2, 5, 3]) { AdaptiveAveragePooling1D(outputSize: 3, policy: $0) },
    one("AdaptiveAveragePooling2D", [2, 5, 4, 3]) { AdaptiveAveragePooling2D(outputSize: [2, 3], policy: $0) },
    one("AdaptiveAveragePooling3D", [1, 3, 2, 3, 2]) { AdaptiveAveragePooling3D(outputSize: 2, policy: $0) },
    one("GlobalAveragePooling1D", [2, 5, 3]) { GlobalAveragePooling1D(policy: $0) },
    one("GlobalAveragePooling2D", [2, 3, 4, 3]) { GlobalAveragePooling2D(keepDims: true, policy: $0) },
    one("GlobalAveragePooling3D", [2, 2, 3, 2, 3]) { GlobalAveragePooling3D(policy: $0) },
    one("GlobalMaxPooling1D", [2, 5, 3]) { GlobalMaxPooling1D(policy: $0) },
    one("GlobalMaxPooling2D", [2, 3, 4, 3]) { GlobalMaxPooling2D(dataFormat: .channelsFirst, policy: $0) },
    one("GlobalMaxPooling3D", [2, 2, 3, 2, 3]) { GlobalMaxPooling3D(policy: $0) },
    one("ZeroPadding1D", [2, 3, 2]) { ZeroPadding1D(padding: 2, policy: $0) },
    one("ZeroPadding2D", [2, 3, 2, 2]) { ZeroPadding2D(padding: [[1, 2], [0, 3]], policy: $0) },
    one("ZeroPadding3D", [1, 2, 2, 2, 2]) { ZeroPadding3D(policy: $0) },
    one("Cropping1D", [2, 5, 2]) { Cropping1D(policy: $0) },
    one("Cropping2D", [2, 5, 4, 2]) { Cropping2D(cropping: [[1, 2], [0, 3]], policy: $0) },
    one("Cropping3D", [1, 3, 3, 4, 2]) { Cropping3D(policy: $0) },
    one("UpSampling1D", [2, 3, 2]) { UpSampling1D(size: 3, policy: $0) },
    one("UpSampling2D", [2, 3, 2, 2]) { UpSampling2D(size: [2, 3], policy: $0) },
    one("UpSampling2D bilinear", [2, 3, 1, 2]) { UpSampling2D(size: [2, 3], interpolation: .bilinear, policy: $0) },
    one("UpSampling3D", [1, 2, 2, 2, 2]) { UpSampling3D(policy: $0) },
  ]

  private static let weighted: [LayerSpecimen] = [
    one("Dense", [3, 5], [2, 3, 4]) { Dense(3, activation: .tanh, policy: $0) },
    one("EinsumDense", [2, 3, 4]) { EinsumDense("...c,cde->...de", outputShape: [2, 3], biasAxes: "de", policy: $0) },
    LayerSpecimen("Embedding", [[[3, 2]]], integersBelow: 5) {
      Embedding(inputDim: 5, outputDim: 3, maskZero: true, policy: $0)
    },
    LayerSpecimen("ReversibleEmbedding", [[[3, 2]]], integersBelow: 5) {
      ReversibleEmbedding(inputDim: 5, outputDim: 3, tieWeights: false, policy: $0)
    },
    one("ReversibleEmbedding, back", [2, 4, 3]) {
      ReversibleEmbedding(inputDim: 5, outputDim: 3, logitSoftCap: 2, policy: $0)
    },
    LayerSpecimen("Attention", [[[2, 3, 4], [2, 5, 4]]], takesArray: true, mask: ("value_mask", false)) {
      Attention(useScale: true, policy: $0)
    },
    LayerSpecimen("Attention, concat", [[[2, 3, 4], [2, 5, 4]]], takesArray: true, mask: ("value_mask", false)) {
      Attention(useScale: true, scoreMode: .concat, policy: $0)
    },
    LayerSpecimen("AdditiveAttention", [[[2, 3, 4], [2, 5, 4]]], takesArray: true, mask: ("value_mask", false)) {
      AdditiveAttention(policy: $0)
    },
    LayerSpecimen(
      "MultiHeadAttention", [[[2, 3, 4], [2, 5, 4]], [[1, 1, 3], [1, 1, 3]]], mask: ("attention_mask", true)
    ) { MultiHeadAttention(numHeads: 2, keyDim: 3, valueDim: 2, policy: $0) },
    LayerSpecimen("MultiHeadAttention, causal", [[[2, 4, 4], [2, 4, 4]]], mask: ("attention_mask", true)) {
      MultiHeadAttention(numHeads: 2, keyDim: 3, isCausal: true, policy: $0)
    },
    LayerSpecimen("GroupedQueryAttention", [[[2, 3, 4], [2, 5, 4]]], mask: ("attention_mask", true)) {
      GroupedQueryAttention(headDim: 2, numQueryHeads: 4, numKeyValueHeads: 2, policy: $0)
    },
  ]

  private static let sequential: [LayerSpecimen] = [
    masked("SimpleRNN", [2, 4, 3]) { SimpleRNN(3, policy: $0) },
    masked("LSTM", [2, 4, 3], [1, 1, 1]) { LSTM(2, returnSequences: true, policy: $0) },
    masked("GRU", [2, 4, 3]) { GRU(2, goBackwards: true, policy: $0) },
    // Without training, what it is without.
    masked("LSTM with dropout", [2, 4, 3]) { LSTM(2, dropout: 0.25, recurrentDropout: 0.5, policy: $0) },
    masked("GRU, reset before", [2, 4, 3]) { GRU(2, resetAfter: false, policy: $0) },
    masked("ConvLSTM1D", [2, 3, 4, 2]) { ConvLSTM1D(2, kernelSize: 2, padding: .same, policy: $0) },
    masked("ConvLSTM2D", [1, 3, 4, 3, 2]) {
      ConvLSTM2D(1, kernelSize: 2, strides: 2, dataFormat: .channelsFirst, returnSequences: true, policy: $0)
    },
    masked("ConvLSTM3D", [1, 2, 2, 3, 2, 1]) { ConvLSTM3D(1, kernelSize: 2, policy: $0) },
    masked("Bidirectional", [2, 3, 3]) { Bidirectional(LSTM(2, returnSequences: true, policy: $0), policy: $0) },
    one("TimeDistributed", [2, 3, 4]) { TimeDistributed(Dense(3, policy: $0), policy: $0) },
    one("Sequential", [3, 5]) { policy in
      Sequential([Dense(4, activation: .tanh, policy: policy), Dense(2, policy: policy)], policy: policy)
    },
    LayerSpecimen("Functional", [[[3, 5], [3, 5]]]) { policy in
      let (x, y) = (LayerOutput.input("x", shape: [5]), LayerOutput.input("y", shape: [5]))
      let shared = Dense(3, activation: .tanh, name: "shared", policy: policy)
      return try Functional(inputs: [x, y], outputs: Add(policy: policy)(shared(x), shared(y)), policy: policy)
    },
  ]

  private static let normalizing: [LayerSpecimen] = [
    LayerSpecimen("BatchNormalization", [[[4, 5]], [[2, 3, 3, 2]]], isNormalization: true) {
      BatchNormalization(policy: $0)
    },
    LayerSpecimen("LayerNormalization", [[[3, 5]], [[2, 3, 4]]], isNormalization: true) {
      LayerNormalization(policy: $0)
    },
    LayerSpecimen("GroupNormalization", [[[2, 3, 4]]], isNormalization: true) {
      GroupNormalization(groups: 2, policy: $0)
    },
    LayerSpecimen("RMSNormalization", [[[3, 5]]], isNormalization: true) { RMSNormalization(policy: $0) },
    LayerSpecimen("UnitNormalization", [[[3, 5]]], isNormalization: true) { UnitNormalization(policy: $0) },
  ]
}
