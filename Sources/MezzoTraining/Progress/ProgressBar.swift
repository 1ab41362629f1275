/// How far a training is, on standard error: on a terminal one line that is drawn anew, elsewhere (in a pipe, a file, on a
/// CI machine) one plain line an epoch.
///
/// ```swift
/// try await model.fit(train, epochs: 5, callbacks: [ProgressBar()])
/// ```
public struct ProgressBar: TrainingCallback {
  private let label: String
  private let isDrawn: Bool
  private let style: Style
  private let clock = ContinuousClock()
  private var pace = Pace()
  private var drawn: ContinuousClock.Instant?
  private var isLineOpen = false

  private static let barWidth = 12
  /// A terminal shows no more, and drawing costs time.
  private static let interval = Duration.milliseconds(60)

  /// - Parameter label: what stands in front, to tell trainings apart.
  public init(_ label: String = "") {
    self.label = label
    style = Style(for: .error)
    // A machine that builds may claim a terminal that nobody looks at and that keeps every line.
    isDrawn =
      Console.Stream.error.isTerminal && Console.environment("TERM") != "dumb"
      && (Console.environment("CI") ?? "").isEmpty
  }

  /// The time of the steps of an epoch behind its first, which also makes plans.
  private struct Pace {
    private var start: (time: ContinuousClock.Instant, step: Int)?
    /// Of a step.
    private(set) var milliseconds: Double?

    mutating func note(_ step: Int, at time: ContinuousClock.Instant) {
      guard let start else {
        start = (time, step)
        return
      }
      milliseconds = (time - start.time).milliseconds / Double(step - start.step)
    }
  }

  public mutating func onTrainBegin(_ training: inout TrainingSession) {
    pace = Pace()
    drawn = nil
  }

  public mutating func onTrainBatchEnd(_ training: inout TrainingSession) {
    let progress = training.progress
    let now = clock.now
    pace.note(progress.step, at: now)
    guard isDrawn else { return }
    if progress.step != progress.steps, let drawn, now - drawn < Self.interval { return }
    drawn = now
    isLineOpen = true
    Console.error("\r" + bar(progress, pace.milliseconds) + "\u{1B}[K")
  }

  public mutating func onEpochEnd(_ training: inout TrainingSession) {
    // What was measured is in the record by now, and the trainer measures anew.
    var progress = training.progress
    let record = training.history.epochs.last
    progress.loss = record?.loss ?? .nan
    progress.accuracy = record?.accuracy
    if !isDrawn { Console.error(plain(progress, pace.milliseconds) + "\n") }
    pace = Pace()
    drawn = nil
  }

  public mutating func onTrainEnd(_ training: inout TrainingSession) {
    if isLineOpen { Console.error("\n") }
    isLineOpen = false
  }

  private func plain(_ progress: TrainingProgress, _ pace: Double?) -> String {
    let parts = [
      label.isEmpty ? nil : label, "epoch \(progress.epoch)/\(progress.epochs)", measures(progress),
      pace.map { "\(Format.fixed($0, 2)) ms/step" },
    ]
    return parts.compactMap { $0 }.joined(separator: "  ")
  }

  private func bar(_ progress: TrainingProgress, _ pace: Double?) -> String {
    var drawing = ""
    var parts = ["epoch \("\(progress.epoch)".paddedLeft(to: String(progress.epochs).count))/\(progress.epochs)"]
    var left: Double?
    if let steps = progress.steps {
      let (done, total) = ((progress.epoch - 1) * steps + progress.step, progress.epochs * steps)
      let filled = total == 0 ? 0 : min(Self.barWidth * done / total, Self.barWidth)
      drawing =
        style.green(String(repeating: "━", count: filled))
        + style.dim(String(repeating: "─", count: Self.barWidth - filled)) + "  "
      parts.append("\("\(progress.step)".paddedLeft(to: String(steps).count))/\(steps)")
      if done < total { left = pace.map { $0 * Double(total - done) / 1000 } }
    } else {
      parts.append("step \(progress.step)")
    }
    parts.append(measures(progress))
    if let left { parts.append("ETA \(Format.seconds(left))") }
    if let pace { parts.append("\(Format.fixed(pace, 2)) ms/step") }
    // A line that wraps could not be drawn over, so what does not fit is left out.
    var free = Console.columns(of: .error) - label.count - Self.barWidth - 2
    let fitting = parts.prefix { part in
      free -= part.count + 2
      return free >= 0
    }
    return (label.isEmpty ? "" : style.bold(label) + " ") + drawing + fitting.joined(separator: "  ")
  }

  private func measures(_ progress: TrainingProgress) -> String {
    var text = "loss \(Format.fixed(progress.loss, 4))"
    if let accuracy = progress.accuracy { text += "  accuracy \(Format.fixed(accuracy, 4))" }
    if progress.skippedSteps > 0 { text += "  skipped \(progress.skippedSteps)" }
    return text
  }
}
