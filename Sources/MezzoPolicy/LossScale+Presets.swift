/// The settings of other systems. Each is a configuration of the same mechanism.
extension LossScale {
  /// A scale that grows while gradients are finite and backs off when they are not. The defaults are those of
  /// TensorFlow 2.4's `LossScaleOptimizer`, and of tf-keras's.
  public static func dynamic(
    initialScale: Float = 32768, growthInterval: Int = 2000, growthFactor: Float = 2, backoffFactor: Float = 0.5,
    floor: Float = 1, ceiling: Float? = nil
  ) -> LossScale {
    LossScale(
      initialScale: initialScale,
      dynamics: Dynamics(
        growthInterval: growthInterval, growthFactor: growthFactor, backoffFactor: backoffFactor, floor: floor,
        ceiling: ceiling))
  }

  /// Keras 3's `LossScaleOptimizer`: grows at the N-th good step exactly, has no floor of 1, and does not count skipped
  /// steps as iterations.
  ///
  /// Keras 3 lets the scale grow to infinity, after which it skips every step, and fall to 0, after which it divides by 0.
  /// Here growth ends at the largest finite `Float`, and backing off at the smallest normal one.
  public static func keras3(initialScale: Float = 32768, growthInterval: Int = 2000) -> LossScale {
    LossScale(
      initialScale: initialScale,
      dynamics: Dynamics(
        growthInterval: growthInterval, growthTrigger: .nthStep, floor: .leastNormalMagnitude,
        countsSkippedSteps: false))
  }

  /// PyTorch's `torch.amp.GradScaler`. PyTorch has no floor; here backing off ends at the smallest normal `Float`.
  ///
  /// - Throws: ``LossScaleError`` where PyTorch asserts: a growth factor not above 1, a backoff factor not below 1.
  public static func torch(
    initialScale: Float = 65536, growthFactor: Float = 2, backoffFactor: Float = 0.5, growthInterval: Int = 2000
  ) throws(LossScaleError) -> LossScale {
    guard growthFactor > 1 else { throw .growthFactor(growthFactor) }
    guard backoffFactor < 1 else { throw .backoffFactor(backoffFactor) }
    return LossScale(
      initialScale: initialScale,
      dynamics: Dynamics(
        growthInterval: growthInterval, growthTrigger: .nthStep, growthFactor: growthFactor,
        backoffFactor: backoffFactor, floor: .leastNormalMagnitude, countsSkippedSteps: false))
  }

  /// `jmp.DynamicLossScale`, which has no default for the scale.
  public static func jmp(
    _ initialScale: Float, period: Int = 2000, factor: Float = 2, minimumScale: Float = 1
  ) -> LossScale {
    LossScale(
      initialScale: initialScale,
      dynamics: Dynamics(
        growthInterval: period, growthTrigger: .nthStep, growthFactor: factor, backoffFactor: 1 / factor,
        floor: minimumScale, countsSkippedSteps: false))
  }

  /// Flax's `DynamicScale`: grows at the step after the N-th good one, up to the largest finite `Float`.
  public static func flax(
    initialScale: Float = 65536, growthFactor: Float = 2, backoffFactor: Float = 0.5, growthInterval: Int = 2000,
    minimumScale: Float = .leastNormalMagnitude
  ) -> LossScale {
    LossScale(
      initialScale: initialScale,
      dynamics: Dynamics(
        growthInterval: growthInterval, growthTrigger: .stepAfterNth, growthFactor: growthFactor,
        backoffFactor: backoffFactor, floor: minimumScale, ceilingRule: .clip, countsSkippedSteps: false))
  }

  /// NVIDIA Apex's `LossScaler`: up to 2²⁴. Apex has no floor unless one is given; here it is the smallest normal `Float`.
  public static func apex(
    initialScale: Float = 65536, factor: Float = 2, window: Int = 2000,
    minimumScale: Float = .leastNormalMagnitude, maximumScale: Float = 0x1p24
  ) -> LossScale {
    LossScale(
      initialScale: initialScale,
      dynamics: Dynamics(
        growthInterval: window, growthTrigger: .nthStep, growthFactor: factor, backoffFactor: 1 / factor,
        floor: minimumScale, ceiling: maximumScale, ceilingRule: .clip, countsSkippedSteps: false))
  }
}
