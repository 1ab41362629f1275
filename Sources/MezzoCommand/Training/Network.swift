import ArgumentParser
import Mezzo

/// Dense layers over flattened images.
struct Network: Sendable {
  var hidden: [Int]
  /// Of what a hidden layer gives, in training.
  var dropout = 0.0
  var classes: Int
  var policy: DTypePolicy

  func model(seed: UInt64, runtime: Runtime = .shared) -> Model {
    withPolicy(policy) {
      Model(seed: seed, runtime: runtime) {
        Flatten()
        for units in hidden {
          Dense(units, activation: .relu)
          if dropout > 0 { Dropout(dropout) }
        }
        Dense(classes, policy: outputPolicy)
      }
    }
  }

  /// A mistyped width must not end in the system's killing the process.
  func checkSize(inputs: Int) throws {
    let widths = [inputs] + hidden + [classes]
    let weights = zip(widths, widths.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 }
    guard weights <= Self.weightLimit else {
      throw ValidationError(
        "expected at most \(Format.grouped(Self.weightLimit)) weights, but with \(inputs) inputs, \(classes) classes "
          + "and --layers \(LayerWidths(widths: hidden)) there are \(Format.grouped(weights)): choose fewer units")
    }
  }

  private static let weightLimit = 1 << 28

  /// Logits in float32, since the loss is made of their small differences; in float64 where all is.
  private var outputPolicy: DTypePolicy { policy.computeDType == .float64 ? .float64 : .float32 }
}
