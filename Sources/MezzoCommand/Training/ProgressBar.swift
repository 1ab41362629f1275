import Mezzo
import Synchronization

/// How far a training is, on standard error: on a terminal one line drawn anew, elsewhere one plain line an epoch.
final class ProgressBar: Sendable {
  private struct State {
    var epochStart: ContinuousClock.Instant?
    var drawn: ContinuousClock.Instant?
    var last: TrainingProgress?
  }

  private let label: String
  private let isTerminal = Console.Stream.error.isTerminal
  private let style = Style(for: .error)
  private let clock = ContinuousClock()
  private let state = Mutex(State())

  private static let barWidth = 12
  /// A terminal shows no more, and drawing costs time.
  private static let interval = Duration.milliseconds(60)

  init(_ label: String) { self.label = label }

  func show(_ progress: TrainingProgress) {
    state.withLock { state in
      let now = clock.now
      if state.last?.epoch != progress.epoch {
        // The first step of all also makes the plan; the clock that tells the rest starts behind it.
        state.epochStart = now
        state.drawn = nil
      }
      state.last = progress
      let isLast = progress.step == progress.steps
      guard isTerminal else {
        if isLast { Console.error(plain(progress, since: state.epochStart) + "\n") }
        return
      }
      if !isLast, let drawn = state.drawn, now - drawn < Self.interval { return }
      state.drawn = now
      Console.error("\r" + bar(progress, since: state.epochStart) + "\u{1B}[K")
    }
  }

  /// Leaves the last line where it is.
  func finish() {
    if isTerminal { Console.error("\n") }
  }

  private func millisecondsPerStep(_ progress: TrainingProgress, since start: ContinuousClock.Instant?) -> Double? {
    guard let start, progress.step > 1 else { return nil }
    return (clock.now - start).milliseconds / Double(progress.step - 1)
  }

  private func plain(_ progress: TrainingProgress, since start: ContinuousClock.Instant?) -> String {
    let parts = [
      "\(label)  epoch \(progress.epoch)/\(progress.epochs)", measures(progress),
      millisecondsPerStep(progress, since: start).map { "\(Format.fixed($0, 2)) ms/step" },
    ]
    return parts.compactMap { $0 }.joined(separator: "  ")
  }

  private func bar(_ progress: TrainingProgress, since start: ContinuousClock.Instant?) -> String {
    let pace = millisecondsPerStep(progress, since: start)
    let total = progress.epochs * progress.steps
    let done = (progress.epoch - 1) * progress.steps + progress.step
    let filled = total == 0 ? 0 : Self.barWidth * done / total
    let drawn =
      style.green(String(repeating: "━", count: filled))
      + style.dim(String(repeating: "─", count: Self.barWidth - filled))
    var parts = [
      "epoch \("\(progress.epoch)".paddedLeft(to: String(progress.epochs).count))/\(progress.epochs)",
      "\("\(progress.step)".paddedLeft(to: String(progress.steps).count))/\(progress.steps)", measures(progress),
    ]
    if let pace {
      if done < total { parts.append("ETA \(Format.seconds(pace * Double(total - done) / 1000))") }
      parts.append("\(Format.fixed(pace, 2)) ms/step")
    }
    // A line that wraps could not be drawn over, so what does not fit is left out.
    var free = Console.columns(of: .error) - label.count - Self.barWidth - 2
    let fitting = parts.prefix { part in
      free -= part.count + 2
      return free >= 0
    }
    return "\(style.bold(label)) \(drawn)  \(fitting.joined(separator: "  "))"
  }

  private func measures(_ progress: TrainingProgress) -> String {
    var text = "loss \(Format.fixed(progress.loss, 4))"
    if let accuracy = progress.accuracy { text += "  accuracy \(Format.fixed(accuracy, 4))" }
    if progress.skippedSteps > 0 { text += "  skipped \(progress.skippedSteps)" }
    return text
  }
}

extension Duration {
  var milliseconds: Double {
    Double(components.seconds) * 1e3 + Double(components.attoseconds) * 1e-15
  }
}
