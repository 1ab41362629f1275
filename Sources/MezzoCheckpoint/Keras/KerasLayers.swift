import MezzoLayers
import MezzoPolicy

/// Makes Mezzo's layers of Keras's configurations.
///
/// A class of Keras is made here and nowhere else; what of its configuration is not taken is reported by
/// ``KerasConfiguration``.
enum KerasLayers {
  typealias Maker = @Sendable (inout KerasConfiguration) -> any Layer

  static let makers: [String: Maker] = dense.merging(convolutions) { $1 }.merging(recurrent) { $1 }
    .merging(shapes) { $1 }.merging(normalizations) { $1 }.merging(others) { $1 }

  /// The layer of a configuration; `nil` after problems were added that say why not.
  static func layer(
    _ value: JSONValue, policy: DTypePolicy?, within container: String = "", _ problems: inout [String]
  ) -> (any Layer)? {
    var configuration = KerasConfiguration(value, policy: policy, within: container)
    guard configuration.problems.isEmpty else {
      problems += configuration.problems
      return nil
    }
    guard let make = makers[configuration.className] else {
      configuration.add("is of a class that Mezzo does not load from Keras; there are \(makers.keys.sorted())")
      problems += configuration.problems
      return nil
    }
    // Frozen layers compute what others do; that they are frozen is applied to their variables.
    _ = configuration.take("trainable")
    let layer = make(&configuration)
    let found = configuration.finish()
    problems += found
    return found.isEmpty ? layer : nil
  }

  private static let dense: [String: Maker] = [
    "Dense": {
      Dense(
        $0.integer("units"), activation: $0.activation(), useBias: $0.bool("use_bias", true),
        kernelInitializer: $0.initializer("kernel_initializer", .glorotUniform),
        biasInitializer: $0.initializer("bias_initializer", .zeros),
        kernelRegularizer: $0.regularizer("kernel_regularizer"),
        biasRegularizer: $0.regularizer("bias_regularizer"),
        activityRegularizer: $0.regularizer("activity_regularizer"),
        kernelConstraint: $0.constraint("kernel_constraint"),
        biasConstraint: $0.constraint("bias_constraint"), name: $0.name(), policy: $0.policy())
    },
    "EinsumDense": {
      EinsumDense(
        $0.require("equation", "a string", "") { $0.string },
        outputShape: $0.require("output_shape", "extents", []) { value in
          if let one = value.integer { return [one] }
          return value.array?.map(\.integer)
        }, activation: $0.activation(), biasAxes: $0.take("bias_axes", "a string", nil) { $0.string },
        kernelInitializer: $0.initializer("kernel_initializer", .glorotUniform),
        biasInitializer: $0.initializer("bias_initializer", .zeros),
        kernelRegularizer: $0.regularizer("kernel_regularizer"),
        biasRegularizer: $0.regularizer("bias_regularizer"),
        activityRegularizer: $0.regularizer("activity_regularizer"),
        kernelConstraint: $0.constraint("kernel_constraint"),
        biasConstraint: $0.constraint("bias_constraint"), name: $0.name(), policy: $0.policy())
    },
    "Embedding": {
      Embedding(
        inputDim: $0.integer("input_dim"), outputDim: $0.integer("output_dim"),
        embeddingsInitializer: $0.initializer(
          "embeddings_initializer", .randomUniform(minimum: -0.05, maximum: 0.05)),
        embeddingsRegularizer: $0.regularizer("embeddings_regularizer"),
        embeddingsConstraint: $0.constraint("embeddings_constraint"),
        maskZero: $0.bool("mask_zero", false),
        name: $0.name(), policy: $0.policy())
    },
    "ReversibleEmbedding": {
      ReversibleEmbedding(
        inputDim: $0.integer("input_dim"), outputDim: $0.integer("output_dim"),
        tieWeights: $0.bool("tie_weights", true),
        embeddingsInitializer: $0.initializer(
          "embeddings_initializer", .randomUniform(minimum: -0.05, maximum: 0.05)),
        embeddingsRegularizer: $0.regularizer("embeddings_regularizer"),
        embeddingsConstraint: $0.constraint("embeddings_constraint"), maskZero: $0.bool("mask_zero", false),
        reverseDType: $0.take("reverse_dtype", "a dtype", DType?.none) { $0.string.flatMap(DType.init(rawValue:)) },
        logitSoftCap: $0.optionalNumber("logit_soft_cap"), name: $0.name(), policy: $0.policy())
    },
    "MultiHeadAttention": {
      $0.requireMiddleAxis()
      return MultiHeadAttention(
        numHeads: $0.integer("num_heads"), keyDim: $0.integer("key_dim"), valueDim: $0.optionalInteger("value_dim"),
        dropout: $0.number("dropout", 0), useBias: $0.bool("use_bias", true),
        outputDim: $0.take("output_shape", "one integer", Int?.none) { $0.onlyInteger },
        kernelInitializer: $0.initializer("kernel_initializer", .glorotUniform),
        biasInitializer: $0.initializer("bias_initializer", .zeros),
        kernelRegularizer: $0.regularizer("kernel_regularizer"),
        biasRegularizer: $0.regularizer("bias_regularizer"),
        activityRegularizer: $0.regularizer("activity_regularizer"),
        kernelConstraint: $0.constraint("kernel_constraint"),
        biasConstraint: $0.constraint("bias_constraint"), name: $0.name(), policy: $0.policy())
    },
    "Attention": {
      Attention(
        useScale: $0.bool("use_scale", false), scoreMode: $0.choice("score_mode", .dot),
        dropout: $0.number("dropout", 0), name: $0.name(), policy: $0.policy())
    },
    "AdditiveAttention": {
      let mode = $0.take("score_mode", "dot", "dot") { $0.string }
      if mode != "dot" { $0.add("score_mode expected dot, found \(mode)") }
      return AdditiveAttention(
        useScale: $0.bool("use_scale", true), dropout: $0.number("dropout", 0), name: $0.name(), policy: $0.policy())
    },
    "GroupQueryAttention": {
      GroupedQueryAttention(
        headDim: $0.integer("head_dim"), numQueryHeads: $0.integer("num_query_heads"),
        numKeyValueHeads: $0.integer("num_key_value_heads"), dropout: $0.number("dropout", 0),
        useBias: $0.bool("use_bias", true), kernelInitializer: $0.initializer("kernel_initializer", .glorotUniform),
        biasInitializer: $0.initializer("bias_initializer", .zeros),
        kernelRegularizer: $0.regularizer("kernel_regularizer"),
        biasRegularizer: $0.regularizer("bias_regularizer"),
        activityRegularizer: $0.regularizer("activity_regularizer"),
        kernelConstraint: $0.constraint("kernel_constraint"),
        biasConstraint: $0.constraint("bias_constraint"), name: $0.name(), policy: $0.policy())
    },
  ]

  private static let normalizations: [String: Maker] = [
    "BatchNormalization": {
      BatchNormalization(
        axis: $0.take("axis", "an integer", -1) { $0.integer }, momentum: $0.number("momentum", 0.99),
        epsilon: $0.number("epsilon", 1e-3), center: $0.bool("center", true), scale: $0.bool("scale", true),
        betaInitializer: $0.initializer("beta_initializer", .zeros),
        gammaInitializer: $0.initializer("gamma_initializer", .ones),
        movingMeanInitializer: $0.initializer("moving_mean_initializer", .zeros),
        movingVarianceInitializer: $0.initializer("moving_variance_initializer", .ones),
        betaRegularizer: $0.regularizer("beta_regularizer"),
        gammaRegularizer: $0.regularizer("gamma_regularizer"),
        betaConstraint: $0.constraint("beta_constraint"),
        gammaConstraint: $0.constraint("gamma_constraint"),
        name: $0.name(), policy: $0.policy())
    },
    "LayerNormalization": {
      LayerNormalization(
        axis: $0.axes(), epsilon: $0.number("epsilon", 1e-3), center: $0.bool("center", true),
        scale: $0.bool("scale", true), betaInitializer: $0.initializer("beta_initializer", .zeros),
        gammaInitializer: $0.initializer("gamma_initializer", .ones),
        betaRegularizer: $0.regularizer("beta_regularizer"),
        gammaRegularizer: $0.regularizer("gamma_regularizer"),
        betaConstraint: $0.constraint("beta_constraint"),
        gammaConstraint: $0.constraint("gamma_constraint"),
        name: $0.name(), policy: $0.policy())
    },
    "GroupNormalization": {
      GroupNormalization(
        groups: $0.integer("groups"), axis: $0.take("axis", "an integer", -1) { $0.integer },
        epsilon: $0.number("epsilon", 1e-3), center: $0.bool("center", true), scale: $0.bool("scale", true),
        betaInitializer: $0.initializer("beta_initializer", .zeros),
        gammaInitializer: $0.initializer("gamma_initializer", .ones),
        betaRegularizer: $0.regularizer("beta_regularizer"),
        gammaRegularizer: $0.regularizer("gamma_regularizer"),
        betaConstraint: $0.constraint("beta_constraint"),
        gammaConstraint: $0.constraint("gamma_constraint"),
        name: $0.name(), policy: $0.policy())
    },
    "RMSNormalization": {
      RMSNormalization(
        axis: $0.take("axis", "one axis", -1) { $0.onlyInteger },
        epsilon: $0.number("epsilon", 1e-6), name: $0.name(), policy: $0.policy())
    },
    // What an adapted layer has learnt is in its weights.
    "Normalization": {
      let axis = $0.take("axis", "one axis or none", [-1]) { value in
        value.integer.map { [$0] } ?? value.array.flatMap { $0.count > 1 ? nil : $0.compactMap(\.integer) }
      }
      return Normalization(
        axis: axis.first, mean: $0.features("mean"), variance: $0.features("variance"),
        invert: $0.bool("invert", false),
        name: $0.name(), policy: $0.policy())
    },
    "UnitNormalization": { UnitNormalization(axis: $0.axes(), name: $0.name(), policy: $0.policy()) },
  ]

  private static let others: [String: Maker] = [
    "Activation": { Activation($0.activation(), name: $0.name(), policy: $0.policy()) },
    "ActivityRegularization": {
      ActivityRegularization(l1: $0.number("l1", 0), l2: $0.number("l2", 0), name: $0.name(), policy: $0.policy())
    },
    "ReLU": {
      ReLU(
        maxValue: $0.optionalNumber("max_value"), negativeSlope: $0.number("negative_slope", 0),
        threshold: $0.number("threshold", 0), name: $0.name(), policy: $0.policy())
    },
    "LeakyReLU": {
      LeakyReLU(negativeSlope: $0.number("negative_slope", 0.3), name: $0.name(), policy: $0.policy())
    },
    "ELU": { ELU(alpha: $0.number("alpha", 1), name: $0.name(), policy: $0.policy()) },
    "PReLU": {
      PReLU(
        alphaInitializer: $0.initializer("alpha_initializer", .zeros),
        alphaRegularizer: $0.regularizer("alpha_regularizer"),
        alphaConstraint: $0.constraint("alpha_constraint"),
        sharedAxes: $0.take("shared_axes", "integers", []) { $0.array?.compactMap(\.integer) },
        name: $0.name(),
        policy: $0.policy())
    },
    "Softmax": {
      Softmax(axis: $0.take("axis", "an integer", -1) { $0.integer }, name: $0.name(), policy: $0.policy())
    },
    "Masking": {
      Masking(maskValue: $0.number("mask_value", 0), name: $0.name(), policy: $0.policy())
    },
    "Dropout": { Dropout($0.number("rate", 0), name: $0.name(), policy: $0.policy()) },
    "SpatialDropout1D": { SpatialDropout1D($0.number("rate", 0), name: $0.name(), policy: $0.policy()) },
    "SpatialDropout2D": {
      SpatialDropout2D(
        $0.number("rate", 0), dataFormat: $0.choice("data_format", .channelsLast), name: $0.name(),
        policy: $0.policy())
    },
    "SpatialDropout3D": {
      SpatialDropout3D(
        $0.number("rate", 0), dataFormat: $0.choice("data_format", .channelsLast), name: $0.name(),
        policy: $0.policy())
    },
    "AlphaDropout": { AlphaDropout($0.number("rate", 0), name: $0.name(), policy: $0.policy()) },
    "GaussianDropout": { GaussianDropout($0.number("rate", 0), name: $0.name(), policy: $0.policy()) },
    "GaussianNoise": { GaussianNoise($0.number("stddev", 0), name: $0.name(), policy: $0.policy()) },
    "Rescaling": {
      Rescaling($0.number("scale", 1), offset: $0.number("offset", 0), name: $0.name(), policy: $0.policy())
    },
    "Identity": { Identity(name: $0.name(), policy: $0.policy()) },
    "Dot": {
      Dot(
        axes: $0.take("axes", "one axis or two", [-1]) { value in
          value.integer.map { [$0] } ?? value.array?.compactMap(\.integer)
        }, normalize: $0.bool("normalize", false), name: $0.name(), policy: $0.policy())
    },
    "Add": { Add(name: $0.name(), policy: $0.policy()) },
    "Subtract": { Subtract(name: $0.name(), policy: $0.policy()) },
    "Multiply": { Multiply(name: $0.name(), policy: $0.policy()) },
    "Average": { Average(name: $0.name(), policy: $0.policy()) },
    "Maximum": { Maximum(name: $0.name(), policy: $0.policy()) },
    "Minimum": { Minimum(name: $0.name(), policy: $0.policy()) },
    "Concatenate": {
      Concatenate(axis: $0.take("axis", "an integer", -1) { $0.integer }, name: $0.name(), policy: $0.policy())
    },
  ]
}

extension JSONValue {
  /// An integer, or the only one of an array.
  fileprivate var onlyInteger: Int? {
    if let array { return array.count == 1 ? array[0].integer : nil }
    return integer
  }
}

extension KerasConfiguration {
  /// One axis, or several.
  fileprivate mutating func axes() -> [Int] {
    take("axis", "integers", [-1]) { value in value.integer.map { [$0] } ?? value.array?.compactMap(\.integer) }
  }

  /// A number, or one for each feature, however they are nested.
  fileprivate mutating func features(_ key: String) -> [Double] {
    take(key, "a number, or one for each feature", []) { value in
      func numbers(_ value: JSONValue) -> [Double]? {
        if let number = value.number { return [number] }
        let parts = value.array?.map(numbers)
        return parts?.contains { $0 == nil } == false ? parts?.flatMap { $0 ?? [] } : nil
      }
      let all = numbers(value) ?? []
      return all.isEmpty ? nil : all
    }
  }

  /// Attention over anything but the axis between the batch and the features is another computation.
  fileprivate mutating func requireMiddleAxis() {
    guard let value = take("attention_axes") else { return }
    guard let axes = value.array, axes.count == 1, axes[0].integer == 1 else {
      return add("attention_axes expected [1], found another")
    }
  }
}
