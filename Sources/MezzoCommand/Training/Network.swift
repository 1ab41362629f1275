import ArgumentParser
import Mezzo

/// The network of the commands: a body of one kind, and logits.
struct Network: Sendable {
  enum Kind: String, ExpressibleByArgument, CaseIterable, Codable, Sendable {
    case dense, cnn, resnet, transformer
  }

  var kind = Kind.dense
  /// Units of the hidden layers, for ``Kind/dense`` alone.
  var hidden: [Int] = []
  /// Of what a hidden layer gives, in training.
  var dropout = 0.0
  /// The shape of one example.
  var example: [Int]
  var classes: Int
  var policy: DTypePolicy

  func model(seed: UInt64, runtime: Runtime = .shared) throws -> Model {
    try withPolicy(policy) {
      let body = try body()
      return Model(seed: seed, runtime: runtime) {
        for layer in body { layer }
        Dense(classes, policy: outputPolicy)
      }
    }
  }

  private func body() throws -> [any Layer] {
    switch kind {
    case .dense:
      var layers: [any Layer] = [Flatten()]
      for units in hidden {
        layers.append(Dense(units, activation: .relu))
        if dropout > 0 { layers.append(Dropout(dropout)) }
      }
      return layers
    case .cnn: return ConvolutionalNetwork.layers(try ImageShape(example, for: kind))
    case .resnet: return ResidualNetwork.layers(try ImageShape(example, for: kind))
    case .transformer: return TransformerNetwork.layers(try ImageShape(example, for: kind))
    }
  }

  /// A mistyped width must not end in the system's killing the process.
  func checkSize() throws {
    let inputs = example.reduce(1, *)
    let widths: [Int] =
      switch kind {
      case .dense: [inputs] + hidden + [classes]
      case .cnn:
        [ConvolutionalNetwork.features(try ImageShape(example, for: kind)), ConvolutionalNetwork.units, classes]
      case .resnet: [ResidualNetwork.widths.last ?? 1, classes]
      case .transformer: [try ImageShape(example, for: kind).rowElements, TransformerNetwork.width, classes]
      }
    let weights = zip(widths, widths.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 }
    guard weights <= Self.weightLimit else {
      let given = kind == .dense ? " and --layers \(LayerWidths(widths: hidden))" : " of a \(kind.rawValue)"
      throw ValidationError(
        "expected at most \(Format.grouped(Self.weightLimit)) weights, but with \(inputs) inputs, \(classes) classes"
          + "\(given) there are \(Format.grouped(weights)): choose fewer units or smaller images")
    }
  }

  private static let weightLimit = 1 << 28

  /// Logits in float32, since the loss is made of their small differences; in float64 where all is.
  private var outputPolicy: DTypePolicy { policy.computeDType == .float64 ? .float64 : .float32 }
}

/// What images are: rows of pixels of channels.
struct ImageShape: Sendable {
  var height: Int
  var width: Int
  var channels: Int

  var rowElements: Int { width * channels }
  /// As convolutions take it.
  var pixels: Reshape { Reshape([height, width, channels]) }
  /// As sequences.
  var rows: Reshape { Reshape([height, rowElements]) }

  /// - Parameter example: `[height, width]` or `[height, width, channels]`.
  init(_ example: [Int], for kind: Network.Kind) throws {
    guard example.count == 2 || example.count == 3, example.allSatisfy({ $0 > 0 }) else {
      throw ValidationError(
        "--model \(kind.rawValue) expects images of height, width and perhaps channels, such as 28,28; found examples "
          + "of \(ExampleShape(extents: example))")
    }
    (height, width, channels) = (example[0], example[1], example.count == 3 ? example[2] : 1)
  }
}
