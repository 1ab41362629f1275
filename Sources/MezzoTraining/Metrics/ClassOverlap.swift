import MezzoBackend
import MezzoGraph
import MezzoPolicy

/// Which classes a metric of overlap is about, and how targets and outputs name them.
public struct ClassOverlap: Sendable, Hashable {
  public var classes: Int
  /// Whose overlaps are averaged; nil: those of all classes.
  public var targetClasses: [Int]?
  /// Targets of this class are left out.
  public var ignoredClass: Int?
  /// Whether targets are class numbers; else the largest along the last axis counts.
  public var hasLabelTargets: Bool
  /// The same of outputs.
  public var hasLabelOutputs: Bool

  public init(
    classes: Int, targetClasses: [Int]? = nil, ignoredClass: Int? = nil, hasLabelTargets: Bool = true,
    hasLabelOutputs: Bool = true
  ) {
    self.classes = classes
    self.targetClasses = targetClasses
    self.ignoredClass = ignoredClass
    self.hasLabelTargets = hasLabelTargets
    self.hasLabelOutputs = hasLabelOutputs
  }

  func check(_ name: String) throws(TrainingError) {
    guard (1...1 << 12).contains(classes) else {
      throw .invalidOption(name: "the classes of \(name)", expected: "1 to 4096", found: "\(classes)")
    }
    for target in targetClasses ?? [] where !(0..<classes).contains(target) {
      throw .invalidOption(name: "a class of \(name)", expected: "within 0 ..< \(classes)", found: "\(target)")
    }
  }

  /// How often each class of target (rows) met each class of output (columns), `[classes, classes]`. Numbers that name no
  /// class count nowhere.
  func confusion(
    _ output: SymbolicTensor, target: SymbolicTensor, weights: SymbolicTensor?, dtype: DType
  ) throws -> SymbolicTensor {
    let outputs = try hasLabelOutputs ? output.cast(to: .int32) : output.argMax()
    let targets = try hasLabelTargets ? target.cast(to: .int32) : target.argMax().cast(to: .int32)
    let count = outputs.shape.reduce(1, *)
    guard targets.shape.reduce(1, *) == count else {
      throw GraphError(
        .shape(
          operation: "confusion", expected: "a class for each class of the output", found: [output.type, target.type]),
        layer: "metric")
    }
    var rows = try targets.reshaped([count]).oneHot(depth: classes, dtype: dtype)
    let columns = try outputs.reshaped([count]).oneHot(depth: classes, dtype: dtype)
    if let weights { rows = try rows * weights.weighting(outputs).cast(to: dtype).reshaped([count, 1]) }
    if let ignoredClass {
      let isIgnored = try targets.isEqual(targets.trace.constant(Double(ignoredClass), dtype: .int32))
      rows = try rows * (1 - isIgnored.cast(to: dtype)).reshaped([count, 1])
    }
    return try rows.transposed([1, 0]).matmul(columns)
  }

  /// The mean over the classes of what target and output share of all that is one or the other; classes of which neither has
  /// anything do not count.
  func mean(_ confusion: [Double]) -> Double {
    let overlaps = (targetClasses ?? Array(0..<classes)).compactMap { place -> Double? in
      let row = (0..<classes).reduce(0) { $0 + confusion[place * classes + $1] }
      let column = (0..<classes).reduce(0) { $0 + confusion[$1 * classes + place] }
      let both = confusion[place * classes + place]
      let either = row + column - both
      return either > 0 ? both / either : nil
    }
    return overlaps.isEmpty ? 0 : overlaps.reduce(0, +) / Double(overlaps.count)
  }
}
