import MezzoGraph

/// Sees steps of a run with their operands and their results; for diagnosis, since it costs copies.
protocol StepObserver: AnyObject {
  /// Asked before each execution.
  func wants(_ step: StepLayout) -> Bool
  func look(_ step: StepLayout, _ operands: [Tensor], _ results: [Tensor])
}
