import MezzoBackend
import MezzoCheckpoint
import MezzoGraph
import MezzoLayers
public import MezzoPolicy
import MezzoRuntime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Checks what every layer owes: one's own too.
///
/// ```swift
/// let failures = LayerCheck().run(LayerSpecimen("Scale", [[[3, 5]]]) { Scale(policy: $0) })
/// ```
///
/// - `configuration`: one that is read as it was written.
/// - `policies`: calls under every policy, close to those in float64.
/// - `gradients`: that agree with differences, in inference and in training.
/// - `batches`: of none and of one, and rows that do not depend on each other.
/// - `shapes`: empty and odd extents along every axis give a result or a typed error.
/// - `views`: inputs that are not contiguous give what contiguous ones give.
/// - `file`: weights that a file keeps.
/// - `magnitude`: of normalisations, float16 inputs of magnitude 1,000 without an error of 2·10⁻³.
/// - `hidden`: of layers that take a mask, no NaN where it hides all.
public struct LayerCheck: Sendable {
  /// A check that failed.
  public struct Failure: Sendable, Hashable, CustomStringConvertible {
    public var layer: String
    public var check: String
    public var problem: String

    public var description: String { "\(layer): \(check): \(problem)" }
  }

  public static let policies: [DTypePolicy] = [
    .float64, .float32, .float16, .bfloat16, .mixedFloat16, .mixedBFloat16,
  ]

  public init() {}

  /// - Parameter specimen: whose class configurations know: register one's own with `LayerRegistry.register`.
  public func run(_ specimen: LayerSpecimen) -> [Failure] {
    let checks: [(String, (LayerSpecimen) throws -> String?)] = [
      ("configuration", configuration), ("policies", policies), ("gradients", gradients), ("batches", batches),
      ("shapes", shapes), ("views", views),
      ("file", file), ("magnitude", magnitude), ("hidden", hidden),
    ]
    return checks.compactMap { name, check in
      do {
        return try check(specimen).map { Failure(layer: specimen.name, check: name, problem: $0) }
      } catch {
        return Failure(layer: specimen.name, check: name, problem: "\(error)")
      }
    }
  }

  // MARK: - The checks; each says what is wrong

  private func configuration(_ specimen: LayerSpecimen) throws -> String? {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let written = try encoder.encode(AnyLayer(specimen.make(.mixedBFloat16)))
    let again = try encoder.encode(JSONDecoder().decode(AnyLayer.self, from: written))
    return written == again
      ? nil : "\(String(decoding: written, as: UTF8.self)) became \(String(decoding: again, as: UTF8.self))"
  }

  private func policies(_ specimen: LayerSpecimen) throws -> String? {
    for shapes in specimen.shapes {
      let exact = try LayerTrial(specimen, .float64, shapes).run()
      for policy in Self.policies {
        let compute = policy.computeDType ?? .float32
        let trial = try LayerTrial(specimen, policy, shapes)
        for (got, expected) in zip(try trial.run(), exact) {
          guard got.dtype == compute else { return "under \(policy.name) it gives \(got.dtype)" }
          guard got.shape == expected.shape else { return "under \(policy.name) it gives the shape \(got.shape)" }
          // Inputs and weights are rounded too, and a few operations follow each other.
          let tolerance = compute == .float64 ? 1e-9 : 24 * (compute.epsilon ?? 1)
          if let problem = difference(got.scalars(), expected.scalars(), tolerance) {
            return "under \(policy.name), \(shapes): \(problem)"
          }
        }
      }
    }
    return nil
  }

  /// The slope along one direction through all inputs and weights.
  private func gradients(_ specimen: LayerSpecimen) throws -> String? {
    for shapes in specimen.shapes {
      for isTraining in [false, true] {
        let trial = try LayerTrial(specimen, .float64, shapes, isTraining: isTraining, differentiates: true)
        let (slope, differences) = try trial.slopes(step: 1e-6)
        guard (slope - differences).magnitude <= 1e-6 * max(1, slope.magnitude, differences.magnitude) else {
          return "\(shapes)\(isTraining ? " in training" : ""): the gradient gives a slope of \(slope), "
            + "differences \(differences)"
        }
      }
    }
    return nil
  }

  private func shapes(_ specimen: LayerSpecimen) throws -> String? {
    let shapes = specimen.shapes[0]
    for axis in 0..<(shapes.map(\.count).max() ?? 0) {
      for extent in [0, 1, 7] {
        let changed = shapes.map { shape in
          shape.indices.map { $0 == axis ? extent : shape[$0] }
        }
        do {
          let outputs = try LayerTrial(specimen, .float32, changed).run()
          let isEmpty = changed.contains { $0.contains(0) }
          if !isEmpty, !outputs.allSatisfy({ $0.scalars().allSatisfy(\.isFinite) }) {
            return "inputs \(changed) give infinities or NaN"
          }
        } catch is LayerError {
        } catch is GraphError {
        }
      }
    }
    return nil
  }

  private func views(_ specimen: LayerSpecimen) throws -> String? {
    for shapes in specimen.shapes {
      let trial = try LayerTrial(specimen, .float32, shapes)
      for view in LayerView.allCases {
        let (viewed, plain) = try trial.viewed(view)
        for (got, expected) in zip(try viewed.run(), try plain.run()) {
          guard got.type == expected.type else { return "inputs that are \(view.rawValue) give \(got.type)" }
          if let problem = difference(got.scalars(), expected.scalars(), 1e-5) {
            return "inputs that are \(view.rawValue), \(shapes): \(problem)"
          }
        }
      }
    }
    return nil
  }

  private func batches(_ specimen: LayerSpecimen) throws -> String? {
    for shapes in specimen.shapes {
      let whole = try LayerTrial(specimen, .float32, shapes)
      let all = try whole.run()
      for batch in [0, 1] {
        let part = try whole.limited(to: batch)
        for (got, expected) in zip(try part.run(), all) {
          guard got.shape.first == batch, got.shape.dropFirst() == expected.shape.dropFirst() else {
            return "a batch of \(batch) gives the shape \(got.shape)"
          }
          if let problem = difference(got.scalars(), Array(expected.scalars().prefix(got.count)), 1e-5) {
            return "a batch of \(batch) gives another row: \(problem)"
          }
        }
      }
    }
    return nil
  }

  private func file(_ specimen: LayerSpecimen) throws -> String? {
    let trial = try LayerTrial(specimen, .mixedBFloat16, specimen.shapes[0])
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("layer-check-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try trial.model.save(to: path)
    let read = try Model(directory: path)
    return try read(trial.arguments).leaves == trial.model(trial.arguments).leaves
      ? nil : "a model that was saved and read gives something else"
  }

  private func magnitude(_ specimen: LayerSpecimen) throws -> String? {
    guard specimen.isNormalization else { return nil }
    for policy in [DTypePolicy.float16, .mixedFloat16] {
      let trial = try LayerTrial(specimen, policy, specimen.shapes[0], factor: 1000, isTraining: true)
      let exact = try LayerTrial(
        specimen, .float64, specimen.shapes[0], factor: 1000, isTraining: true, weightsOf: trial)
      for (got, expected) in zip(try trial.run(), try exact.run()) {
        if let problem = difference(got.scalars(), expected.scalars(), 2e-3) {
          return "under \(policy.name): \(problem)"
        }
      }
    }
    return nil
  }

  private func hidden(_ specimen: LayerSpecimen) throws -> String? {
    guard let mask = specimen.mask else { return nil }
    for policy in Self.policies {
      let trial = try LayerTrial(specimen, policy, specimen.shapes[0], hiding: mask, differentiates: true)
      for tensor in try trial.run() + trial.gradients() where !tensor.scalars().allSatisfy(\.isFinite) {
        return "under \(policy.name) a mask that hides all gives \(tensor)"
      }
    }
    return nil
  }

  private func difference(_ got: [Double], _ expected: [Double], _ tolerance: Double) -> String? {
    for (index, (got, expected)) in zip(got, expected).enumerated()
    where !((got - expected).magnitude <= tolerance * max(1, expected.magnitude)) {
      return "element \(index) is \(got), expected \(expected) within \(tolerance)"
    }
    return nil
  }
}
