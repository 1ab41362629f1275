import MezzoLayers
import MezzoPolicy

extension KerasLayers {
  static let recurrent: [String: Maker] = [
    "SimpleRNN": { c in
      common(SimpleRNN(c.integer("units"), name: c.name(), policy: c.policy()), &c)
    },
    "LSTM": { c in
      let layer = LSTM(
        c.integer("units"), recurrentActivation: c.activation("recurrent_activation", .sigmoid),
        unitForgetBias: c.bool("unit_forget_bias", true), name: c.name(), policy: c.policy())
      return common(layer, &c)
    },
    "GRU": { c in
      let layer = GRU(
        c.integer("units"), recurrentActivation: c.activation("recurrent_activation", .sigmoid),
        resetAfter: c.bool("reset_after", true), name: c.name(), policy: c.policy())
      return common(layer, &c)
    },
    "ConvLSTM1D": { convolutional(OneAxis.self, &$0) },
    "ConvLSTM2D": { convolutional(TwoAxes.self, &$0) },
    "ConvLSTM3D": { convolutional(ThreeAxes.self, &$0) },
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

  private static func convolutional<Axes: SpatialAxes>(_: Axes.Type, _ c: inout KerasConfiguration) -> any Layer {
    let layer = ConvolutionalLSTM<Axes>(
      c.integer("filters"), kernelSize: c.extents("kernel_size"), strides: c.extents("strides"),
      padding: c.choice("padding", .valid), dataFormat: c.choice("data_format", .channelsLast),
      dilationRate: c.extents("dilation_rate"), recurrentActivation: c.activation("recurrent_activation", .sigmoid),
      unitForgetBias: c.bool("unit_forget_bias", true), name: c.name(), policy: c.policy())
    return common(layer, &c)
  }

  /// The layer with what a configuration says of all recurrent layers.
  private static func common<Cell: RecurrentSettings>(_ cell: Cell, _ c: inout KerasConfiguration)
    -> Cell
  {
    var cell = cell
    cell.activation = c.activation("activation", .tanh)
    cell.useBias = c.bool("use_bias", true)
    cell.kernelInitializer = c.initializer("kernel_initializer", .glorotUniform)
    cell.recurrentInitializer = c.initializer("recurrent_initializer", .orthogonal)
    cell.biasInitializer = c.initializer("bias_initializer", .zeros)
    cell.kernelRegularizer = c.regularizer("kernel_regularizer")
    cell.recurrentRegularizer = c.regularizer("recurrent_regularizer")
    cell.biasRegularizer = c.regularizer("bias_regularizer")
    cell.kernelConstraint = c.constraint("kernel_constraint")
    cell.recurrentConstraint = c.constraint("recurrent_constraint")
    cell.biasConstraint = c.constraint("bias_constraint")
    cell.returnSequences = c.bool("return_sequences", false)
    cell.returnState = c.bool("return_state", false)
    cell.goBackwards = c.bool("go_backwards", false)
    cell.stateful = c.bool("stateful", false)
    cell.dropout = c.number("dropout", 0)
    cell.recurrentDropout = c.number("recurrent_dropout", 0)
    return cell
  }
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
