import MezzoBackend
public import MezzoGraph
import MezzoLayers
public import MezzoPolicy

/// Examples and their targets, in memory.
///
/// Features `[examples, …]` may be floating point, or uint8 as images come, which are multiplied by `scale` when a batch is
/// made. Targets are labels `int32[examples]`, or values.
public struct DataSet: Sendable {
  public let features: Tensor
  public let targets: Tensor
  /// What a model of several inputs gets behind the first, each `[examples, …]`, as it is.
  public let moreFeatures: [Tensor]
  /// What a model of several outputs should say in those behind the first.
  public let moreTargets: [Tensor]
  /// What each example counts in the loss, `[examples]`, or each of its steps, `[examples, steps]`: none, one for all outputs,
  /// or one for each.
  public let sampleWeights: [Tensor]
  /// What a uint8 feature is multiplied by: `1/255` maps images to 0 … 1.
  public let scale: Float

  public var count: Int { features.shape[0] }
  /// Extents of one example.
  public var exampleShape: [Int] { Array(features.shape.dropFirst()) }
  /// Features reach the model as float32, but for float64 which stays.
  public var featureDType: DType { features.dtype == .float64 ? .float64 : .float32 }

  /// - Throws: `TrainingError` where examples and targets do not fit, or a feature or a weight is infinite or NaN.
  public init(
    features: Tensor, targets: Tensor, moreFeatures: [Tensor] = [], moreTargets: [Tensor] = [],
    sampleWeights: [Tensor] = [], scale: Float = 1
  ) throws(TrainingError) {
    guard features.type.rank >= 1, features.dtype.isFloatingPoint || features.dtype == .uint8,
      !features.shape.dropFirst().contains(0)
    else {
      throw .unsupportedFeatures(features.type)
    }
    guard targets.type.rank >= 1, targets.dtype == .int32 || targets.dtype.isFloatingPoint else {
      throw .unsupportedTargets(targets.type)
    }
    guard features.shape[0] == targets.shape[0] else {
      throw .countMismatch(features: features.shape[0], targets: targets.shape[0])
    }
    for tensor in moreFeatures + moreTargets + sampleWeights
    where tensor.shape.first != features.shape[0] {
      throw .countMismatch(features: features.shape[0], targets: tensor.shape.first ?? 0)
    }
    if targets.dtype.isFloatingPoint {
      let perExample = max(targets.count / max(targets.shape[0], 1), 1)
      for (index, value) in targets.scalars().enumerated() where !value.isFinite {
        throw .nonFiniteTarget(example: index / perExample, value: "\(value)")
      }
    }
    if features.dtype.isFloatingPoint {
      let perExample = max(features.count / max(features.shape[0], 1), 1)
      for (index, value) in features.scalars().enumerated() where !value.isFinite {
        throw .nonFiniteFeature(example: index / perExample, element: index % perExample, value: "\(value)")
      }
    }
    for tensor in sampleWeights
    where !tensor.dtype.isFloatingPoint || !tensor.scalars().allSatisfy(\.isFinite) {
      throw .invalidOption(
        name: "the sample weights", expected: "finite floating-point numbers",
        found: "\(tensor.type)")
    }
    self.features =
      features.dtype == .uint8 || features.dtype == .float64 ? features : Self.float32(features)
    self.targets = targets
    self.moreFeatures = moreFeatures
    self.moreTargets = moreTargets
    self.sampleWeights = sampleWeights
    self.scale = scale
  }

  /// The examples at `indices`.
  ///
  /// - Precondition: each index is within `0 ..< count`.
  func batch(_ indices: ArraySlice<Int>) throws -> TrainingBatch {
    func taken(_ tensor: Tensor) throws -> Tensor {
      let rows = Self.rows(tensor, indices)
      return try Tensor(rows.type, storage: rows.storage)
    }
    let targets = try taken(targets)
    let (moreFeatures, moreTargets) = (try moreFeatures.map(taken), try moreTargets.map(taken))
    let sampleWeights = try sampleWeights.map(taken)
    guard features.dtype == .uint8 else {
      return TrainingBatch(
        features: try taken(features), targets: targets, moreFeatures: moreFeatures,
        moreTargets: moreTargets,
        sampleWeights: sampleWeights)
    }
    let width = exampleShape.reduce(1, *)
    let storage = TensorStorage(byteCount: indices.count * width * MemoryLayout<Float>.size)
    let output = storage.bytes.bindMemory(to: Float.self)
    features.withUnsafeBytes { bytes in
      for (row, index) in indices.enumerated() {
        for column in 0..<width { output[row * width + column] = Float(bytes[index * width + column]) * scale }
      }
    }
    return TrainingBatch(
      features: try Tensor(TensorType(.float32, [indices.count] + exampleShape), storage: storage),
      targets: targets,
      moreFeatures: moreFeatures, moreTargets: moreTargets, sampleWeights: sampleWeights)
  }

  /// The examples at `indices` as a data set.
  public func subset(_ indices: some Collection<Int>) throws(TrainingError) -> DataSet {
    let chosen = Array(indices)
    for index in chosen where !(0..<count).contains(index) {
      throw .invalidOption(name: "an index", expected: "within 0 ..< \(count)", found: "\(index)")
    }
    return DataSet(self, rows: chosen[...])
  }

  private init(_ whole: DataSet, rows: ArraySlice<Int>) {
    func take(_ tensor: Tensor) -> Tensor {
      let taken = Self.rows(tensor, rows)
      // The storage was made for exactly this type.
      return (try? Tensor(taken.type, storage: taken.storage)) ?? tensor
    }
    features = take(whole.features)
    targets = take(whole.targets)
    moreFeatures = whole.moreFeatures.map(take)
    moreTargets = whole.moreTargets.map(take)
    sampleWeights = whole.sampleWeights.map(take)
    scale = whole.scale
  }

  private static func rows(_ tensor: Tensor, _ indices: ArraySlice<Int>) -> (type: TensorType, storage: TensorStorage) {
    let width = tensor.shape[0] == 0 ? 0 : tensor.byteCount / tensor.shape[0]
    let storage = TensorStorage(byteCount: indices.count * width)
    tensor.withUnsafeBytes { bytes in
      for (row, index) in indices.enumerated() where width > 0 {
        UnsafeMutableRawBufferPointer(rebasing: storage.bytes[row * width..<(row + 1) * width])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[index * width..<(index + 1) * width]))
      }
    }
    return (TensorType(tensor.dtype, [indices.count] + tensor.shape.dropFirst()), storage)
  }

  private static func float32(_ tensor: Tensor) -> Tensor { (try? tensor.cast(to: .float32)) ?? tensor }
}

extension DataSet {
  /// Images `[n, h, w]` in 0 … 1 with their labels.
  ///
  /// - Parameter white: the byte that becomes 1.
  public init(_ digits: DigitsSet, white: Float = 255) throws {
    try self.init(
      features: Tensor(bytes: digits.images.bytes, shape: digits.images.shape, dtype: .uint8),
      targets: Tensor(digits.labels.bytes.map(Double.init), shape: digits.labels.shape, dtype: .int32), scale: 1 / white
    )
  }

  /// The optical recognition of handwritten digits (Alpaydin and Kaynak, UCI, CC BY 4.0) that comes with Mezzo: 1,797 images
  /// of 8×8, of which every fifth, after a shuffle by `seed`, is for testing.
  public static func digits(seed: UInt64 = 0) throws -> (train: DataSet, test: DataSet) {
    let whole = try DataSet(DigitsSet(images: DigitsResource.images(), labels: DigitsResource.labels()), white: 16)
    var random = SplitMix64(seed: seed)
    let order = (0..<whole.count).shuffled(using: &random)
    let split = whole.count / 5
    return (try whole.subset(order[split...]), try whole.subset(order[..<split]))
  }

  /// Training and test images from IDX files in `directory`, with MNIST's names, compressed or not.
  public static func idx(directory: String) throws -> (train: DataSet, test: DataSet) {
    let files = try DigitsFiles(directory: directory)
    return (try DataSet(files.train()), try DataSet(files.test()))
  }
}
