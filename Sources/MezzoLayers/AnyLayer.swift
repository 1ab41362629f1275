import MezzoPolicy

/// A layer of any kind in a configuration: `{"class_name": "Dense", "config": {…}}`.
public struct AnyLayer: Codable, Sendable {
  public var layer: any Layer

  public init(_ layer: any Layer) { self.layer = layer }

  private enum Key: String, CodingKey {
    case className = "class_name"
    case config
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let type = try LayerRegistry.type(named: try container.decode(String.self, forKey: .className))
    layer = try type.init(from: try container.superDecoder(forKey: .config))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(type(of: layer).className, forKey: .className)
    try layer.encode(to: container.superEncoder(forKey: .config))
  }
}

/// The layer classes that configurations can name.
public enum LayerRegistry {
  private static let builtin: [any Layer.Type] = [
    Activation.self, ActivityRegularization.self, AdaptiveAveragePooling1D.self, AdaptiveAveragePooling2D.self,
    AdaptiveAveragePooling3D.self, AdaptiveMaxPooling1D.self, AdaptiveMaxPooling2D.self, AdaptiveMaxPooling3D.self,
    Add.self, AdditiveAttention.self, AlphaDropout.self,
    Attention.self,
    Average.self, AveragePooling1D.self, AveragePooling2D.self, AveragePooling3D.self, BatchNormalization.self,
    Bidirectional.self, Cast.self, Concatenate.self, Conv1D.self, Conv1DTranspose.self, Conv2D.self,
    Conv2DTranspose.self, Conv3D.self, Conv3DTranspose.self, ConvLSTM1D.self,
    ConvLSTM2D.self, ConvLSTM3D.self, Cropping1D.self, Cropping2D.self, Cropping3D.self,
    Dense.self, DepthwiseConv1D.self, DepthwiseConv2D.self, Dot.self, Dropout.self, EinsumDense.self, ELU.self,
    Embedding.self, Flatten.self, Functional.self, GaussianDropout.self, GaussianNoise.self,
    GlobalAveragePooling1D.self,
    GlobalAveragePooling2D.self, GlobalAveragePooling3D.self, GlobalMaxPooling1D.self, GlobalMaxPooling2D.self,
    GlobalMaxPooling3D.self, GroupedQueryAttention.self, GroupNormalization.self, GRU.self,
    Identity.self, Lambda.self, LayerNormalization.self,
    LeakyReLU.self, LSTM.self, Masking.self, Maximum.self, MaxPooling1D.self, MaxPooling2D.self, MaxPooling3D.self,
    Minimum.self, MultiHeadAttention.self, Multiply.self, Normalization.self, Permute.self, PReLU.self, ReLU.self,
    RepeatVector.self, Rescaling.self, Reshape.self, ReversibleEmbedding.self, RMSNormalization.self,
    SeparableConv1D.self, SeparableConv2D.self, Sequential.self, SimpleRNN.self, Softmax.self, SpatialDropout1D.self,
    SpatialDropout2D.self, SpatialDropout3D.self, Subtract.self, TimeDistributed.self, UnitNormalization.self,
    UpSampling1D.self, UpSampling2D.self, UpSampling3D.self, ZeroPadding1D.self, ZeroPadding2D.self,
    ZeroPadding3D.self,
  ]

  private static let types = Locked<[String: any Layer.Type]>(
    Dictionary(uniqueKeysWithValues: builtin.map { ($0.className, $0) }))

  /// The classes that Mezzo has.
  public static var builtinClassNames: [String] { builtin.map { $0.className }.sorted() }

  /// Adds a layer class of one's own, or replaces one of the same name.
  public static func register(_ type: (some Layer).Type) {
    types.withLock { $0[type.className] = type }
  }

  /// The classes that Mezzo has and those that were added.
  static var classNames: Set<String> { Set(types.withLock { $0.keys }) }

  static func type(named name: String) throws(LayerError) -> any Layer.Type {
    let known = types.withLock { $0 }
    guard let type = known[name] else { throw .unknownClass(name: name, known: known.keys.sorted()) }
    return type
  }
}
