import MezzoLayers
import MezzoPolicy

extension KerasLayers {
  static let convolutions: [String: Maker] = [
    "Conv1D": { convolution(OneAxis.self, &$0) },
    "Conv2D": { convolution(TwoAxes.self, &$0) },
    "Conv3D": { convolution(ThreeAxes.self, &$0) },
    "Conv1DTranspose": { transposed(OneAxis.self, &$0) },
    "Conv2DTranspose": { transposed(TwoAxes.self, &$0) },
    "Conv3DTranspose": { transposed(ThreeAxes.self, &$0) },
    "DepthwiseConv1D": { depthwise(OneAxis.self, &$0) },
    "DepthwiseConv2D": { depthwise(TwoAxes.self, &$0) },
    "SeparableConv1D": { separable(OneAxis.self, &$0) },
    "SeparableConv2D": { separable(TwoAxes.self, &$0) },
    "MaxPooling1D": { maxPooling(OneAxis.self, &$0) },
    "MaxPooling2D": { maxPooling(TwoAxes.self, &$0) },
    "MaxPooling3D": { maxPooling(ThreeAxes.self, &$0) },
    "AveragePooling1D": { averagePooling(OneAxis.self, &$0) },
    "AveragePooling2D": { averagePooling(TwoAxes.self, &$0) },
    "AveragePooling3D": { averagePooling(ThreeAxes.self, &$0) },
    "GlobalMaxPooling1D": { globalMaxPooling(OneAxis.self, &$0) },
    "GlobalMaxPooling2D": { globalMaxPooling(TwoAxes.self, &$0) },
    "GlobalMaxPooling3D": { globalMaxPooling(ThreeAxes.self, &$0) },
    "AdaptiveAveragePooling1D": { adaptivePooling(OneAxis.self, MeanOfWindow.self, &$0) },
    "AdaptiveAveragePooling2D": { adaptivePooling(TwoAxes.self, MeanOfWindow.self, &$0) },
    "AdaptiveAveragePooling3D": { adaptivePooling(ThreeAxes.self, MeanOfWindow.self, &$0) },
    "AdaptiveMaxPooling1D": { adaptivePooling(OneAxis.self, LargestOfWindow.self, &$0) },
    "AdaptiveMaxPooling2D": { adaptivePooling(TwoAxes.self, LargestOfWindow.self, &$0) },
    "AdaptiveMaxPooling3D": { adaptivePooling(ThreeAxes.self, LargestOfWindow.self, &$0) },
    "GlobalAveragePooling1D": { globalAveragePooling(OneAxis.self, &$0) },
    "GlobalAveragePooling2D": { globalAveragePooling(TwoAxes.self, &$0) },
    "GlobalAveragePooling3D": { globalAveragePooling(ThreeAxes.self, &$0) },
    "ZeroPadding1D": { padding(OneAxis.self, &$0) },
    "ZeroPadding2D": { padding(TwoAxes.self, &$0) },
    "ZeroPadding3D": { padding(ThreeAxes.self, &$0) },
    "Cropping1D": { cropping(OneAxis.self, &$0) },
    "Cropping2D": { cropping(TwoAxes.self, &$0) },
    "Cropping3D": { cropping(ThreeAxes.self, &$0) },
    "UpSampling1D": { UpSampling1D(size: $0.extents("size", 2), name: $0.name(), policy: $0.policy()) },
    "UpSampling2D": {
      UpSampling2D(
        size: $0.extents("size", 2), dataFormat: $0.choice("data_format", .channelsLast),
        interpolation: $0.choice("interpolation", .nearest), name: $0.name(), policy: $0.policy())
    },
    "UpSampling3D": {
      UpSampling3D(
        size: $0.extents("size", 2), dataFormat: $0.choice("data_format", .channelsLast), name: $0.name(),
        policy: $0.policy())
    },
  ]

  private static func convolution<Axes: SpatialAxes>(_: Axes.Type, _ c: inout KerasConfiguration) -> any Layer {
    Convolution<Axes>(
      c.integer("filters"), kernelSize: c.extents("kernel_size"), strides: c.extents("strides"),
      padding: c.choice("padding", .valid), dataFormat: c.choice("data_format", .channelsLast),
      dilationRate: c.extents("dilation_rate"), groups: c.optionalInteger("groups") ?? 1, activation: c.activation(),
      useBias: c.bool("use_bias", true), kernelInitializer: c.initializer("kernel_initializer", .glorotUniform),
      biasInitializer: c.initializer("bias_initializer", .zeros),
      kernelRegularizer: c.regularizer("kernel_regularizer"),
      biasRegularizer: c.regularizer("bias_regularizer"),
      activityRegularizer: c.regularizer("activity_regularizer"),
      kernelConstraint: c.constraint("kernel_constraint"),
      biasConstraint: c.constraint("bias_constraint"),
      name: c.name(), policy: c.policy())
  }

  private static func transposed<Axes: SpatialAxes>(_: Axes.Type, _ c: inout KerasConfiguration) -> any Layer {
    TransposedConvolution<Axes>(
      c.integer("filters"), kernelSize: c.extents("kernel_size"), strides: c.extents("strides"),
      padding: c.choice("padding", .valid), outputPadding: c.optionalExtents("output_padding"),
      dataFormat: c.choice("data_format", .channelsLast), dilationRate: c.extents("dilation_rate"),
      activation: c.activation(), useBias: c.bool("use_bias", true),
      kernelInitializer: c.initializer("kernel_initializer", .glorotUniform),
      biasInitializer: c.initializer("bias_initializer", .zeros),
      kernelRegularizer: c.regularizer("kernel_regularizer"),
      biasRegularizer: c.regularizer("bias_regularizer"),
      activityRegularizer: c.regularizer("activity_regularizer"),
      kernelConstraint: c.constraint("kernel_constraint"),
      biasConstraint: c.constraint("bias_constraint"),
      name: c.name(), policy: c.policy())
  }

  private static func depthwise<Axes: SpatialAxes>(_: Axes.Type, _ c: inout KerasConfiguration) -> any Layer {
    DepthwiseConvolution<Axes>(
      kernelSize: c.extents("kernel_size"), strides: c.extents("strides"), padding: c.choice("padding", .valid),
      depthMultiplier: c.optionalInteger("depth_multiplier") ?? 1,
      dataFormat: c.choice("data_format", .channelsLast), dilationRate: c.extents("dilation_rate"),
      activation: c.activation(), useBias: c.bool("use_bias", true),
      depthwiseInitializer: c.initializer("depthwise_initializer", .glorotUniform),
      biasInitializer: c.initializer("bias_initializer", .zeros),
      depthwiseRegularizer: c.regularizer("depthwise_regularizer"),
      biasRegularizer: c.regularizer("bias_regularizer"),
      activityRegularizer: c.regularizer("activity_regularizer"),
      depthwiseConstraint: c.constraint("depthwise_constraint"),
      biasConstraint: c.constraint("bias_constraint"), name: c.name(), policy: c.policy())
  }

  private static func separable<Axes: SpatialAxes>(_: Axes.Type, _ c: inout KerasConfiguration) -> any Layer {
    SeparableConvolution<Axes>(
      c.integer("filters"), kernelSize: c.extents("kernel_size"), strides: c.extents("strides"),
      padding: c.choice("padding", .valid), dataFormat: c.choice("data_format", .channelsLast),
      dilationRate: c.extents("dilation_rate"), depthMultiplier: c.optionalInteger("depth_multiplier") ?? 1,
      activation: c.activation(), useBias: c.bool("use_bias", true),
      depthwiseInitializer: c.initializer("depthwise_initializer", .glorotUniform),
      pointwiseInitializer: c.initializer("pointwise_initializer", .glorotUniform),
      biasInitializer: c.initializer("bias_initializer", .zeros),
      depthwiseRegularizer: c.regularizer("depthwise_regularizer"),
      pointwiseRegularizer: c.regularizer("pointwise_regularizer"),
      biasRegularizer: c.regularizer("bias_regularizer"),
      activityRegularizer: c.regularizer("activity_regularizer"),
      depthwiseConstraint: c.constraint("depthwise_constraint"),
      pointwiseConstraint: c.constraint("pointwise_constraint"),
      biasConstraint: c.constraint("bias_constraint"),
      name: c.name(), policy: c.policy())
  }

  private static func maxPooling<Axes: SpatialAxes>(_: Axes.Type, _ c: inout KerasConfiguration) -> any Layer {
    MaxPooling<Axes>(
      poolSize: c.extents("pool_size", 2), strides: c.optionalExtents("strides"), padding: c.choice("padding", .valid),
      dataFormat: c.choice("data_format", .channelsLast), name: c.name(), policy: c.policy())
  }

  private static func averagePooling<Axes: SpatialAxes>(_: Axes.Type, _ c: inout KerasConfiguration) -> any Layer {
    AveragePooling<Axes>(
      poolSize: c.extents("pool_size", 2), strides: c.optionalExtents("strides"), padding: c.choice("padding", .valid),
      dataFormat: c.choice("data_format", .channelsLast), name: c.name(), policy: c.policy())
  }

  private static func adaptivePooling<Axes: SpatialAxes, Fold: WindowFold>(
    _: Axes.Type, _: Fold.Type, _ c: inout KerasConfiguration
  ) -> any Layer {
    AdaptivePooling<Axes, Fold>(
      outputSize: c.extents("output_size"), dataFormat: c.choice("data_format", .channelsLast), name: c.name(),
      policy: c.policy())
  }

  private static func globalMaxPooling<Axes: SpatialAxes>(_: Axes.Type, _ c: inout KerasConfiguration) -> any Layer {
    GlobalMaxPooling<Axes>(
      dataFormat: c.choice("data_format", .channelsLast), keepDims: c.bool("keepdims", false), name: c.name(),
      policy: c.policy())
  }

  private static func globalAveragePooling<Axes: SpatialAxes>(
    _: Axes.Type, _ c: inout KerasConfiguration
  ) -> any Layer {
    GlobalAveragePooling<Axes>(
      dataFormat: c.choice("data_format", .channelsLast), keepDims: c.bool("keepdims", false), name: c.name(),
      policy: c.policy())
  }

  private static func padding<Axes: SpatialAxes>(_: Axes.Type, _ c: inout KerasConfiguration) -> any Layer {
    ZeroPadding<Axes>(
      padding: c.margins("padding", axes: Axes.count), dataFormat: c.choice("data_format", .channelsLast),
      name: c.name(), policy: c.policy())
  }

  private static func cropping<Axes: SpatialAxes>(_: Axes.Type, _ c: inout KerasConfiguration) -> any Layer {
    Cropping<Axes>(
      cropping: c.margins("cropping", axes: Axes.count), dataFormat: c.choice("data_format", .channelsLast),
      name: c.name(), policy: c.policy())
  }

  static let shapes: [String: Maker] = [
    "Flatten": { c in
      if c.choice("data_format", DataFormat.channelsLast) != .channelsLast {
        c.add("data_format expected channels_last")
      }
      return Flatten(name: c.name(), policy: c.policy())
    },
    "Reshape": { Reshape($0.integers("target_shape"), name: $0.name(), policy: $0.policy()) },
    "Permute": { Permute($0.integers("dims"), name: $0.name(), policy: $0.policy()) },
    "RepeatVector": { RepeatVector($0.integer("n"), name: $0.name(), policy: $0.policy()) },
  ]
}
