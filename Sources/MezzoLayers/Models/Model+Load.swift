public import MezzoBackend
import MezzoGraph
import MezzoPolicy

/// What became of weights that a model was to take over.
public struct WeightsReport: Sendable, Hashable, CustomStringConvertible {
  /// A weight that is another than the model's variable.
  public struct Difference: Sendable, Hashable {
    /// Of the variable.
    public var path: String
    public var expected: TensorType
    public var found: TensorType
  }

  /// Variables that took over their weights.
  public internal(set) var loaded: [String] = []
  /// Variables that there were no weights for.
  public internal(set) var missing: [String] = []
  /// Weights that there are no variables for.
  public internal(set) var unexpected: [String] = []
  public internal(set) var wrongShapes: [Difference] = []
  /// Between floating-point dtypes weights are rounded; every other difference is here.
  public internal(set) var wrongDTypes: [Difference] = []

  /// Whether every variable took over its weights, and none was left.
  public var isComplete: Bool {
    missing.isEmpty && unexpected.isEmpty && wrongShapes.isEmpty && wrongDTypes.isEmpty
  }

  public var description: String {
    guard !isComplete else { return "\(loaded.count) loaded" }
    var parts: [String] = []
    if !missing.isEmpty { parts.append("missing \(missing.joined(separator: ", "))") }
    if !unexpected.isEmpty { parts.append("unexpected \(unexpected.joined(separator: ", "))") }
    for (what, differences) in [("wrong shapes", wrongShapes), ("wrong dtypes", wrongDTypes)] where !differences.isEmpty
    {
      let list = differences.map { "\($0.path) expected \($0.expected), found \($0.found)" }
      parts.append("\(what): \(list.joined(separator: ", "))")
    }
    return parts.joined(separator: "; ")
  }
}

extension Model {
  /// Takes over weights by their paths, each rounded once to the dtype that this model stores it in. Kernels that it stores in
  /// int8 are quantized where the weights are floating.
  ///
  /// ```swift
  /// let model = Model(Sequential([Dense(8, name: "encoder"), Dense(2)]))
  /// try model.build(input: [1, 4])
  /// let pretrained = Model(Dense(8))
  /// try pretrained.build(input: [1, 4])
  /// try model.load(pretrained.variables, into: "encoder")
  /// let report = try model.load(pretrained.variables, strict: false)  // report.missing, report.unexpected …
  /// ```
  /// - Parameters:
  ///   - path: of the layer whose variables the weights are; by default the model. Variables elsewhere stay.
  ///   - strict: whether every variable there must get its weights, and every weight its variable. If not, what fits is
  ///     taken over.
  /// - Returns: what was taken over, and what was not.
  /// - Throws: `LayerError.notBuilt`, ``LayerError/unknownPath(path:known:)``, and in strict mode ``LayerError/weights(_:)`` with everything
  ///   that does not fit; the weights are then as before.
  @discardableResult
  public func load(_ weights: Variables, into path: String = "", strict: Bool = true) throws -> WeightsReport {
    var variables = try variables
    let prefix = path.isEmpty ? "" : "\(path)."
    let wanted = variables.paths.filter { $0.hasPrefix(prefix) }
    guard path.isEmpty || !wanted.isEmpty else {
      throw LayerError.unknownPath(path: path, known: try layers.map(\.path))
    }
    var report = WeightsReport()
    let kernels = Set(
      wanted.filter { [variables] path in
        variables.isQuantized(path) && weights[String(path.dropFirst(prefix.count))]?.dtype.isFloatingPoint == true
      })
    let scales = Set(kernels.map(QuantizedKernel.scalePath))
    var quantizer = KernelQuantizer(runtime)
    for path in wanted where !scales.contains(path) {
      guard let old = variables[path], let new = weights[String(path.dropFirst(prefix.count))] else {
        // What calibration found stays where the weights say nothing of it.
        if path.split(separator: ".").last.map(String.init) == QuantizedKernel.limitName { continue }
        report.missing.append(path)
        continue
      }
      let difference = WeightsReport.Difference(path: path, expected: old.type, found: new.type)
      let fits =
        old.dtype == new.dtype || ((old.dtype.isFloatingPoint || kernels.contains(path)) && new.dtype.isFloatingPoint)
      if old.shape != new.shape { report.wrongShapes.append(difference) }
      if !fits { report.wrongDTypes.append(difference) }
      guard fits, old.shape == new.shape else { continue }
      if kernels.contains(path) {
        try variables.setQuantized(path, new, &quantizer)
        report.loaded.append(QuantizedKernel.scalePath(path))
      } else {
        variables.set(path, try new.cast(to: old.dtype), isTrainable: variables.isTrainable(path))
      }
      report.loaded.append(path)
    }
    let known = Set(wanted.map { String($0.dropFirst(prefix.count)) })
    report.unexpected = weights.paths.filter { !known.contains($0) }
    guard !strict || report.isComplete else { throw LayerError.weights(report) }
    try setVariables(variables)
    return report
  }
}
