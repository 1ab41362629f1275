import Mezzo

/// `--model resnet`: blocks that add to what they are given (He et al., CVPR 2016), on ever fewer and deeper pixels.
enum ResidualNetwork {
  static let widths = [16, 32, 64]

  static func layers(_ image: ImageShape) -> [any Layer] {
    var layers: [any Layer] = [
      image.pixels, Conv2D(widths[0], kernelSize: 3, strides: 2, padding: .same, useBias: false),
      BatchNormalization(momentum: 0.9), Activation(.relu),
    ]
    for (index, width) in widths.enumerated() {
      layers.append(ResidualBlock(width: width, strides: index == 0 ? 1 : 2))
    }
    return layers + [GlobalAveragePooling2D()]
  }
}

/// `relu(x + f(x))`, where `f` is two normalised convolutions; where they change the shape, so does a product with `x`.
struct ResidualBlock: Layer {
  var width: Int
  var strides: Int
  var policy = globalPolicy()

  func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    func convolved(_ x: SymbolicTensor, _ size: Int, _ strides: Int, _ name: String) throws -> SymbolicTensor {
      let layer = Conv2D(
        width, kernelSize: [size], strides: [strides], padding: .same, useBias: false, policy: policy)
      return try context.call(
        BatchNormalization(momentum: 0.9, policy: policy), context.call(layer, x, name: name), name: "\(name)_norm")
    }
    let inner = try convolved(convolved(input, 3, strides, "first").relu(), 3, 1, "second")
    let isSame = strides == 1 && input.shape.last == width
    return try (isSame ? input + inner : convolved(input, 1, strides, "shortcut") + inner).relu()
  }
}
