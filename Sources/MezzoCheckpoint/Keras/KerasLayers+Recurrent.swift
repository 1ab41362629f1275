import MezzoLayers
import MezzoPolicy

extension KerasLayers {
  static let recurrent: [String: Maker] = [
    "SimpleRNN": {
      SimpleRNN(
        $0.integer("units"), activation: $0.activation("activation", .tanh), useBias: $0.bool("use_bias", true),
        kernelInitializer: $0.initializer("kernel_initializer", .glorotUniform),
        recurrentInitializer: $0.initializer("recurrent_initializer", .orthogonal),
        biasInitializer: $0.initializer("bias_initializer", .zeros),
        kernelRegularizer: $0.regularizer("kernel_regularizer"),
        recurrentRegularizer: $0.regularizer("recurrent_regularizer"),
        biasRegularizer: $0.regularizer("bias_regularizer"), returnSequences: $0.bool("return_sequences", false),
        returnState: $0.bool("return_state", false), goBackwards: $0.bool("go_backwards", false), name: $0.name(),
        policy: $0.policy())
    },
    "LSTM": {
      LSTM(
        $0.integer("units"), activation: $0.activation("activation", .tanh),
        recurrentActivation: $0.activation("recurrent_activation", .sigmoid),
        useBias: $0.bool("use_bias", true), kernelInitializer: $0.initializer("kernel_initializer", .glorotUniform),
        recurrentInitializer: $0.initializer("recurrent_initializer", .orthogonal),
        biasInitializer: $0.initializer("bias_initializer", .zeros),
        unitForgetBias: $0.bool("unit_forget_bias", true), kernelRegularizer: $0.regularizer("kernel_regularizer"),
        recurrentRegularizer: $0.regularizer("recurrent_regularizer"),
        biasRegularizer: $0.regularizer("bias_regularizer"), returnSequences: $0.bool("return_sequences", false),
        returnState: $0.bool("return_state", false), goBackwards: $0.bool("go_backwards", false), name: $0.name(),
        policy: $0.policy())
    },
    "GRU": {
      GRU(
        $0.integer("units"), activation: $0.activation("activation", .tanh),
        recurrentActivation: $0.activation("recurrent_activation", .sigmoid),
        useBias: $0.bool("use_bias", true), kernelInitializer: $0.initializer("kernel_initializer", .glorotUniform),
        recurrentInitializer: $0.initializer("recurrent_initializer", .orthogonal),
        biasInitializer: $0.initializer("bias_initializer", .zeros),
        kernelRegularizer: $0.regularizer("kernel_regularizer"),
        recurrentRegularizer: $0.regularizer("recurrent_regularizer"),
        biasRegularizer: $0.regularizer("bias_regularizer"), returnSequences: $0.bool("return_sequences", false),
        returnState: $0.bool("return_state", false), goBackwards: $0.bool("go_backwards", false),
        resetAfter: $0.bool("reset_after", true), name: $0.name(), policy: $0.policy())
    },
    "Bidirectional": { c in
      let front = c.take("layer") ?? .null
      let back = c.take("backward_layer")
      if let back, !front.isSame(as: back, except: ["name", "go_backwards", "shared_object_id", "build_config"]) {
        c.add("backward_layer expected to be layer the other way round, found another one")
      }
      let mode = c.take("merge_mode", "concat, sum, mul or ave", Bidirectional.MergeMode?.none) {
        $0.string.flatMap(Bidirectional.MergeMode.init(rawValue:))
      }
      if mode == nil { c.add("merge_mode expected concat, sum, mul or ave, found none") }
      let inner = c.inner(front) as? any RecurrentLayer
      if inner == nil { c.add("layer expected a recurrent layer that Mezzo has") }
      return Bidirectional(
        inner ?? SimpleRNN(1, policy: .float32), mergeMode: mode ?? .concat, name: c.name(), policy: c.policy())
    },
    "TimeDistributed": { c in
      let inner = c.inner(c.take("layer") ?? .null)
      return TimeDistributed(inner ?? Flatten(policy: .float32), name: c.name(), policy: c.policy())
    },
  ]
}

extension KerasConfiguration {
  /// The layer that is inside of this one; `nil` after problems were added.
  fileprivate mutating func inner(_ value: JSONValue) -> (any Layer)? {
    var found: [String] = []
    let layer = KerasLayers.layer(value, policy: policyOverride, within: place, &found)
    add(problemsOf: found)
    return layer
  }
}

extension JSONValue {
  /// Whether two values say the same, but for members of these names at any depth.
  fileprivate func isSame(as other: JSONValue, except names: Set<String>) -> Bool {
    switch (self, other) {
    case (.array(let left), .array(let right)):
      left.count == right.count && zip(left, right).allSatisfy { $0.isSame(as: $1, except: names) }
    case (.object(let left), .object(let right)):
      Self.isSame(left.filter { !names.contains($0.name) }, right.filter { !names.contains($0.name) }, names)
    default: configuration == other.configuration
    }
  }

  private static func isSame(_ left: [Member], _ right: [Member], _ names: Set<String>) -> Bool {
    left.count == right.count
      && zip(left.sorted { $0.name < $1.name }, right.sorted { $0.name < $1.name }).allSatisfy {
        $0.name == $1.name && $0.value.isSame(as: $1.value, except: names)
      }
  }
}
