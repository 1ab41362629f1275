import Mezzo
import Synchronization

/// The loss of a training as it went: means over stretches of its steps that are so long that a picture can show them.
final class LossCurve: TrainingCallback {
  struct Point: Encodable, Sendable {
    /// The middle of the stretch, in epochs from the beginning.
    var epoch: Double
    var loss: Double
  }

  private struct Stretch {
    var sum = 0.0
    var steps = 0
  }

  private let epochs: Int
  private let steps: Int
  private let stretches: Mutex<[Stretch]>

  private static let limit = 60

  /// - Parameter steps: of one epoch.
  init(epochs: Int, steps: Int) {
    self.epochs = epochs
    self.steps = max(steps, 1)
    // Epochs are as long as each other, so that a stretch is a part of one or several whole ones.
    let count = epochs * max(min(Self.limit / epochs, self.steps), 1)
    stretches = Mutex(Array(repeating: Stretch(), count: count))
  }

  func onTrainBatchEnd(_ training: inout TrainingSession) {
    guard let outcome = training.outcome, outcome.isApplied else { return }
    let step = (training.epoch - 1) * steps + training.step - 1
    stretches.withLock { stretches in
      let place = step * stretches.count / (epochs * steps)
      guard stretches.indices.contains(place) else { return }
      stretches[place].sum += outcome.loss
      stretches[place].steps += 1
    }
  }

  var points: [Point] {
    stretches.withLock { stretches in
      stretches.enumerated().compactMap { place, stretch in
        guard stretch.steps > 0 else { return nil }
        return Point(
          epoch: (Double(place) + 0.5) * Double(epochs) / Double(stretches.count),
          loss: stretch.sum / Double(stretch.steps))
      }
    }
  }
}
