public import MezzoBackend
public import MezzoRuntime

/// Why a training or an evaluation cannot begin, or had to end.
public enum TrainingError: Error, Equatable, Sendable, CustomStringConvertible {
  case emptyDataSet(name: String)
  case batchTooLarge(batch: Int, examples: Int)
  case invalidOption(name: String, expected: String, found: String)
  case countMismatch(features: Int, targets: Int)
  case unsupportedTargets(TensorType)
  case unsupportedFeatures(TensorType)
  case exampleShape(expected: [Int], found: [Int])
  case labelOutOfRange(label: Int, index: Int, classes: Int)
  case nonFiniteTarget(example: Int, value: String)
  case nonFiniteFeature(example: Int, element: Int, value: String)
  case nonFiniteLoss(step: Int, loss: String, first: NonFiniteReport?)
  case frozen
  case nestedLossScaling
  case unknownOptimizer(name: String, known: [String])
  case unknownLoss(name: String)
  case unknownMetric(name: String)
  case gradientCount(expected: Int, found: Int)
  case gradientType(variable: Int, expected: TensorType, found: TensorType)
  case noGradients
  case batchesDiffer(expected: String, found: String)
  case unknownMonitor(name: String, known: [String])
  case otherTraining(path: String, what: String, expected: String, found: String)
  case malformedCheckpoint(path: String, reason: String)
  case otherVariables(expected: [TensorType], found: [TensorType])

  public var description: String {
    switch self {
    case .emptyDataSet(let name): "the \(name) data set is empty; at least one example is needed"
    case .batchTooLarge(let batch, let examples):
      "a batch of \(batch) was asked for, but the data set has only \(examples) examples; choose a batch of at most that"
    case .invalidOption(let name, let expected, let found): "\(name) must be \(expected), got \(found)"
    case .countMismatch(let features, let targets):
      "features and targets must have as many examples as each other, got \(features) and \(targets)"
    case .unsupportedTargets(let type):
      "this loss expects targets of int32[examples] labels, or float[examples, …] values, got \(type)"
    case .unsupportedFeatures(let type):
      "features must be float16, bfloat16, float32, float64 or uint8 with the examples in front and no empty axis, got \(type)"
    case .exampleShape(let expected, let found):
      "examples for validation or testing must have the shape of those for training, \(expected), got \(found)"
    case .labelOutOfRange(let label, let index, let classes):
      "example \(index) has the label \(label), but the model's output has the classes 0 to \(classes - 1)"
    case .nonFiniteTarget(let example, let value):
      "example \(example) of the data set has the target \(value); targets must be finite"
    case .nonFiniteFeature(let example, let element, let value):
      "example \(example) of the data set has \(value) at element \(element); features must be finite"
    case .nonFiniteLoss(let step, let loss, let first):
      (loss == "NaN" || loss.contains("inf")
        ? "the loss became \(loss) at step \(step)"
        : "the gradients of step \(step) are not finite, at a loss of \(loss)") + "; the step was not applied. "
        + (first.map { "First non-finite value: \($0). " } ?? "")
        + "Lower the learning rate, or compute that layer in a wider dtype"
    case .frozen: "the model has no variable to train"
    case .nestedLossScaling:
      "a LossScaleOptimizer must wrap an optimizer that does not scale the loss already, or it would be scaled twice"
    case .unknownOptimizer(let name, let known):
      "no optimizer class \(name) is registered; there are \(known). OptimizerRegistry.register(_:) adds one's own"
    case .unknownLoss(let name): "expected the class of a loss of Keras such as MeanSquaredError, got \(name)"
    case .unknownMetric(let name): "expected the class of a metric of Keras such as BinaryAccuracy, got \(name)"
    case .gradientCount(let expected, let found):
      "expected one gradient, or nil, for each of \(expected) variables, got \(found)"
    case .gradientType(let variable, let expected, let found):
      "the gradient of variable \(variable) must be \(expected), in a floating-point dtype, got \(found)"
    case .batchesDiffer(let expected, let found):
      "the batches of a stream must differ in nothing but the number of their examples: expected \(expected), got \(found)"
    case .unknownMonitor(let name, let known):
      "expected a measure of the training to monitor, got \(name); this one has \(known.joined(separator: ", "))"
        + (name.hasPrefix("val_") ? ". Measures that begin with val_ need validation data" : "")
    case .otherTraining(let path, let what, let expected, let found):
      "\(path) is the checkpoint of another training: expected \(what) \(expected), found \(found). Go on with the settings "
        + "that it was written with, or begin a new training elsewhere"
    case .malformedCheckpoint(let path, let reason):
      "\(path) is not a checkpoint of a training: \(reason)"
    case .noGradients: "no variable has a gradient: the loss depends on none of them"
    case .otherVariables(let expected, let found):
      "this optimizer keeps slots of \(expected) for the variables of its first step, these would need \(found)"
    }
  }
}
