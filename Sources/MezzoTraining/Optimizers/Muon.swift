public import MezzoBackend
public import MezzoGraph
import MezzoPolicy

/// Steps of momentum made orthogonal (Jordan et al., 2024; Liu et al., arXiv 2502.16982), as Keras does it: for matrices
/// `m ← momentum·m + g`, and `w` loses `rate` times an approximation of `U·Vᵀ` where `m` is `U·Σ·Vᵀ`. All other variables are
/// updated by ``Adam``, and so are embeddings and what ``excludedLayers`` name; the last layer should be among them.
public struct Muon: Optimizer, Hashable {
  public var learningRate: Double
  public var momentum: Double
  /// Whether a step looks ahead by one of the momentum.
  public var nesterov: Bool
  /// Of the variables that are made orthogonal.
  public var weightDecay: Double
  /// Of the iteration of Newton and Schulz: `x ← a·x + (b·xxᵀ + c·(xxᵀ)²)·x`.
  public var coefficients: Coefficients
  public var iterations: Int
  /// Steps are as long as `√(larger extent) · rmsRate` makes them; nil: not changed.
  public var rmsRate: Double?
  public var adam: AdamSettings
  /// Regular expressions, found anywhere in the path of a variable, in which Keras's `/` stands for a dot.
  public var excludedLayers: [String]
  /// Whether variables in whose path there is `embedding` are Adam's.
  public var excludesEmbeddings: Bool
  public var clipping: GradientClipping?

  public struct Coefficients: Sendable, Hashable {
    public var a: Double
    public var b: Double
    public var c: Double

    public init(a: Double = 3.4445, b: Double = -4.775, c: Double = 2.0315) {
      self.a = a
      self.b = b
      self.c = c
    }
  }

  /// Of the variables that ``Adam`` updates.
  public struct AdamSettings: Sendable, Hashable {
    public var beta1: Double
    public var beta2: Double
    public var epsilon: Double
    public var weightDecay: Double
    /// Its rate, as a part of the others'. Weight decay goes by the others' rate.
    public var rateRatio: Double

    public init(
      beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-7, weightDecay: Double = 0.004,
      rateRatio: Double = 1
    ) {
      self.beta1 = beta1
      self.beta2 = beta2
      self.epsilon = epsilon
      self.weightDecay = weightDecay
      self.rateRatio = rateRatio
    }
  }

  public init(
    learningRate: Double = 0.001, momentum: Double = 0.95, nesterov: Bool = true, weightDecay: Double = 0.004,
    coefficients: Coefficients = Coefficients(), iterations: Int = 5, rmsRate: Double? = 0.2,
    adam: AdamSettings = AdamSettings(), excludedLayers: [String] = [], excludesEmbeddings: Bool = true,
    clipping: GradientClipping? = nil
  ) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.nesterov = nesterov
    self.weightDecay = weightDecay
    self.coefficients = coefficients
    self.iterations = iterations
    self.rmsRate = rmsRate
    self.adam = adam
    self.excludedLayers = excludedLayers
    self.excludesEmbeddings = excludesEmbeddings
    self.clipping = clipping
  }

  public var slots: [String] { ["momentum", "velocity"] }

  /// A matrix has no velocity: a scalar stands for it.
  public func slot(_ name: String, of variable: TensorType, at path: String) -> OptimizerSlot {
    name == "velocity" && isOrthogonal(rank: variable.rank, path)
      ? OptimizerSlot(TensorType(variable.dtype, [])) : OptimizerSlot(variable)
  }

  public func check() throws(TrainingError) {
    try checkRate()
    try require((0...1).contains(momentum), "the momentum", "from 0 to 1", momentum)
    try require((0...64).contains(iterations), "the iterations of Newton and Schulz", "0 to 64", Double(iterations))
    try checkDecay(adam.epsilon, weightDecay)
    try require(adam.rateRatio > 0 && adam.rateRatio.isFinite, "the ratio of Adam's rate", "above 0", adam.rateRatio)
    try adamRule(learningRate).check()
    for expression in excludedLayers where (try? Regex(expression)) == nil {
      throw .invalidOption(name: "the layers that Muon excludes", expected: "regular expressions", found: expression)
    }
  }

  /// The rule of the variables that are not made orthogonal.
  private func adamRule(_ rate: Double) -> Adam {
    Adam(
      learningRate: rate, beta1: adam.beta1, beta2: adam.beta2, epsilon: adam.epsilon,
      weightDecay: adam.weightDecay / adam.rateRatio)
  }

  private func isOrthogonal(rank: Int, _ path: String) -> Bool {
    guard rank == 2 else { return false }
    let path = path.split(separator: ".").joined(separator: "/")
    if excludesEmbeddings, path.lowercased().contains("embedding") { return false }
    return !excludedLayers.contains { (try? Regex($0)).map { path.contains($0) } ?? false }
  }

  public func update(
    _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor]) {
    guard isOrthogonal(rank: variable.rank, schedule.path) else {
      var slower = schedule
      slower.rate = try schedule.rate * adam.rateRatio
      return try adamRule(learningRate).update(variable, slots: slots, gradient: gradient, schedule: slower)
    }
    let update = try ComposedUpdate(
      variable, slots: slots, gradient: gradient, schedule: schedule, weightDecay: weightDecay)
    let g = update.gradient
    let m = try update.slots[0] * momentum + g
    let step = try orthogonal(nesterov ? g + m * momentum : m)
    let length = rmsRate.map { Double(max(variable.shape[0], variable.shape[1])).squareRoot() * $0 } ?? 1
    return try update(update.variable - update.rate * step * length, [m, update.slots[1]])
  }

  /// Singular values near 1, whatever they were.
  private func orthogonal(_ matrix: SymbolicTensor) throws -> SymbolicTensor {
    let isTall = matrix.shape[0] > matrix.shape[1]
    var x = isTall ? try matrix.transposed([1, 0]) : matrix
    x = try x / ((x * x).sum().sqrt() + 1e-7)
    for _ in 0..<iterations {
      let square = try x.matmul(x.transposed([1, 0]))
      let factor = try square * coefficients.b + (square * coefficients.c).matmul(square)
      x = try x * coefficients.a + factor.matmul(x)
    }
    return isTall ? try x.transposed([1, 0]) : x
  }
}

/// Configurations as Keras writes them.
extension Muon: Codable {
  public init(from decoder: any Decoder) throws {
    var read = try ClassConfiguration(Self.className, from: decoder)
    // A rate that is null is another one than none at all.
    let rmsRate = try read.isNull("rms_rate") ? nil : read.number("rms_rate", default: 0.2)
    self.init(
      learningRate: try read.number("learning_rate", default: 0.001),
      momentum: try read.number("momentum", default: 0.95), nesterov: try read.flag("nesterov", default: true),
      weightDecay: try read.isNull("weight_decay") ? 0 : read.number("weight_decay", default: 0.004),
      coefficients: Coefficients(
        a: try read.number("muon_a", default: 3.4445), b: try read.number("muon_b", default: -4.775),
        c: try read.number("muon_c", default: 2.0315)), iterations: try read.integer("ns_steps", default: 5),
      rmsRate: rmsRate,
      adam: AdamSettings(
        beta1: try read.number("adam_beta_1", default: 0.9), beta2: try read.number("adam_beta_2", default: 0.999),
        epsilon: try read.number("epsilon", default: 1e-7),
        weightDecay: try read.isNull("adam_weight_decay") ? 0 : read.number("adam_weight_decay", default: 0.004),
        rateRatio: try read.number("adam_lr_ratio", default: 1)),
      excludedLayers: try read.texts("exclude_layers"),
      excludesEmbeddings: try read.flag("exclude_embeddings", default: true), clipping: try read.clipping())
    try read.finish()
  }

  public func encode(to encoder: any Encoder) throws {
    let members: [String: ConfigurationValue] = [
      "learning_rate": .number(learningRate), "momentum": .number(momentum), "nesterov": .bool(nesterov),
      "weight_decay": .number(weightDecay), "muon_a": .number(coefficients.a), "muon_b": .number(coefficients.b),
      "muon_c": .number(coefficients.c), "ns_steps": .integer(iterations),
      "rms_rate": rmsRate.map { .number($0) } ?? .null, "adam_beta_1": .number(adam.beta1),
      "adam_beta_2": .number(adam.beta2), "epsilon": .number(adam.epsilon),
      "adam_weight_decay": .number(adam.weightDecay), "adam_lr_ratio": .number(adam.rateRatio),
      "exclude_layers": .array(excludedLayers.map { .string($0) }), "exclude_embeddings": .bool(excludesEmbeddings),
    ]
    try members.adding(clipping).encode(to: encoder)
  }
}
