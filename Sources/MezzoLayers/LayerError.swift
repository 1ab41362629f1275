public import MezzoBackend
public import MezzoPolicy

/// What is wrong with a layer, its input or its configuration.
public enum LayerError: Error, Equatable, Sendable, CustomStringConvertible {
  case inputShape(layer: String, expected: String, found: [Int])
  case variableType(path: String, built: TensorType, asked: TensorType)
  case inputs(layer: String, expected: String, found: String)
  case outputs(layer: String, found: String)
  /// An axis of a model's inputs that cannot be filled up.
  case buckets(layer: String, axis: Int, expected: String, found: String)
  case loss(layer: String, found: TensorType)
  /// In strict mode: an input that would be cast although no layer says so.
  case undeclaredCast(layer: String, input: String, from: DType, to: DType)
  /// In strict mode: a number of the layer's configuration that is lost in the dtype that it is computed with in.
  case constant(layer: String, LayerConstant, ConstantFate)
  /// In strict mode: a policy has a rule for a kind of layers that there is none of.
  case unknownLayerRule(policy: String, className: String, nearest: String?)
  case nonFloatingPolicy(layer: String, policy: String)
  case quantizedPolicy(layer: String, policy: String)
  /// Weights in int8, which no gradient can change, where they are to be trained.
  case quantizedTraining(layer: String, policy: String)
  case nonFloatingVariable(path: String, dtype: String)
  case initializer(path: String, expected: String, found: String)
  case regularizer(path: String, expected: String, found: String)
  case constraint(path: String, expected: String, found: String)
  case assignment(path: String, expected: String, found: String)
  case invalidConfiguration(layer: String, expected: String, found: String)
  case sameName(container: String, name: String)
  /// What is wrong with how the layers of a ``Functional`` are connected.
  case functional(expected: String, found: String)
  case notBuilt(model: String)
  case unknownVariables(expected: [String], found: [String])
  /// Weights that do not fit the model, all of them.
  case weights(WeightsReport)
  case unknownPath(path: String, known: [String])
  case unknownClass(name: String, known: [String])
  case unknownFunction(name: String, known: [String])
  case nonFiniteInput(index: Int, value: String)

  public var description: String {
    switch self {
    case .inputShape(let layer, let expected, let found):
      "\(Self.named(layer)) expected an input of shape \(expected), got \(found)"
    case .variableType(let path, let built, let asked):
      "\(Self.named(Self.owner(path))): its variable \(path) was built as \(built), this input would need \(asked); "
        + "give inputs of the shape that the model was built with, or make a new model"
    case .inputs(let layer, let expected, let found): "\(Self.named(layer)) expected \(expected), got \(found)"
    case .outputs(let layer, let found): "\(Self.named(layer)) was expected to return one tensor, it returned \(found)"
    case .buckets(let layer, let axis, let expected, let found):
      "\(Self.named(layer)) in shape buckets: axis \(axis) of the inputs, which is filled up, was expected \(expected), got "
        + "\(found); leave the axis out of the buckets"
    case .loss(let layer, let found):
      "\(Self.named(layer)) may add a floating-point scalar to the loss, got \(found); sum over its elements"
    case .undeclaredCast(let layer, let input, let from, let to):
      "\(Self.named(layer)) is strict and computes in \(to), but its \(input) is \(from): put Cast(to: .\(to)) before it, "
        + "or give it a policy that computes in \(from)"
    case .constant(let layer, let constant, let fate):
      "\(Self.named(layer)): \(constant.name) \(constant.value) \(fate) in \(constant.dtype?.name ?? ""); "
        + "use another value, or a policy of more range"
    case .unknownLayerRule(let policy, let className, let nearest):
      "the policy \(policy) has a rule for the layer class \(className), which is neither registered nor in the model; "
        + (nearest.map { "write \($0), " } ?? "write the name of a class, ")
        + "or add one's own with LayerRegistry.register(_:)"
    case .nonFloatingPolicy(let layer, let policy):
      "\(Self.named(layer)) needs a floating-point policy, such as float32 or mixed_bfloat16, got \(policy)"
    case .quantizedPolicy(let layer, let policy):
      "\(Self.named(layer)) has the policy \(policy), but of quantized weights only those in int8 are computed with; "
        + "give the layer a policy that begins with int8_from_, or the part of the name behind \"_from_\""
    case .quantizedTraining(let layer, let policy):
      "\(Self.named(layer)) has the policy \(policy), and weights in int8 cannot be trained; train it under the part of the "
        + "name behind \"_from_\" and repolicy the model afterwards, or freeze the layer"
    case .nonFloatingVariable(let path, let dtype):
      "\(Self.named(Self.owner(path))): only floating-point variables are read in other dtypes than their own, "
        + "but \(path) is \(dtype)"
    case .initializer(let path, let expected, let found):
      "\(Self.named(Self.owner(path))): \(path) expected \(expected), got \(found)"
    case .regularizer(let path, let expected, let found):
      "\(Self.named(Self.owner(path))): the regularizer of \(path) expected \(expected), got \(found)"
    case .constraint(let path, let expected, let found):
      "\(Self.named(Self.owner(path))): the constraint of \(path) expected \(expected), got \(found)"
    case .assignment(let path, let expected, let found):
      "\(Self.named(Self.owner(path))): assigning to \(path) expected \(expected), got \(found)"
    case .invalidConfiguration(let layer, let expected, let found): "\(layer) expected \(expected), got \(found)"
    case .sameName(let container, let name):
      "\(Self.named(container)) expected layers of different names, since a name is the "
        + "path to a layer's variables, got two named \(name)"
    case .functional(let expected, let found): "a functional model expected \(expected), got \(found)"
    case .notBuilt(let model):
      "\(model) has no variables yet: call build(input:), fit or predict first, so that the input's shape is known"
    case .unknownVariables(let expected, let found):
      "expected the variables \(expected), got \(found)"
    case .weights(let report): "the weights do not fit the model: \(report)"
    case .unknownPath(let path, let known):
      "the model has no layer or variable \(path.isEmpty ? "with an empty path" : path); there are \(known)"
    case .unknownClass(let name, let known):
      "no layer class \(name) is registered; there are \(known). LayerRegistry.register(_:) adds one's own"
    case .unknownFunction(let name, let known):
      "no function \(name) is registered; there are \(known). Lambda.register(_:_:) adds one"
    case .nonFiniteInput(let index, let value):
      "the input has \(value) at element \(index); inputs must be finite"
    }
  }

  /// The only layer of a model has no path.
  private static func named(_ layer: String) -> String { layer.isEmpty ? "the model" : "layer \(layer)" }

  private static func owner(_ path: String) -> String {
    path.split(separator: ".").dropLast().joined(separator: ".")
  }
}
