import Mezzo

/// `--model cnn`: convolutions and pooling in turn, then a dense layer, in the manner of LeNet-5 (LeCun et al., 1998), with
/// what came later: ReLU, maxima, batch normalisation and dropout.
enum ConvolutionalNetwork {
  static let filters = [16, 32]
  static let units = 128

  static func layers(_ image: ImageShape) -> [any Layer] {
    var layers: [any Layer] = [image.pixels]
    for filters in filters {
      // Pooled first, so that a quarter is left to normalise.
      layers += [
        Conv2D(filters, kernelSize: 5, padding: .same, useBias: false), MaxPooling2D(padding: .same),
        BatchNormalization(momentum: 0.9), Activation(.relu),
      ]
    }
    return layers + [Flatten(), Dense(units, activation: .relu), Dropout(0.3)]
  }

  /// What the dense layer takes.
  static func features(_ image: ImageShape) -> Int {
    func pooled(_ extent: Int) -> Int { filters.reduce(extent) { extent, _ in (extent + 1) / 2 } }
    return pooled(image.height) * pooled(image.width) * (filters.last ?? 1)
  }
}
