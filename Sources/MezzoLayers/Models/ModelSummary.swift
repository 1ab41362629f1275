public import MezzoBackend
import MezzoGraph
public import MezzoPolicy
import MezzoRuntime

/// The layers of a model: what they give, what they compute in and store, and how many parameters they have. Prints as
/// a table.
public struct ModelSummary: Sendable, CustomStringConvertible {
  public struct Layer: Sendable {
    /// Where it is, and the policy that it follows.
    public let record: LayerRecord
    /// What it gave at each call; a layer that is used twice has two.
    public let outputs: [Tree<TensorType>]
    /// Elements of its own variables, without those of layers in it, that training changes.
    public let trainable: Int
    /// Of its other variables: frozen ones, and those that are not trained by gradients, such as moving averages.
    public let frozen: Int
    /// Who computes it, if inference with these inputs was planned already.
    public let backends: [String]

    /// What it computes in; nil for containers and policies that leave it open.
    public var computeDType: DType? { record.isContainer ? nil : record.policy.computeDType }
    /// What it stores; nil where it stores nothing.
    public var variableDType: DType? { trainable + frozen == 0 ? nil : record.policy.variableDType }
  }

  /// In the order of their first calls.
  public let layers: [Layer]
  /// Bytes of the variables as they are stored.
  public let byteCount: Int

  public var trainable: Int { layers.reduce(0) { $0 + $1.trainable } }
  public var frozen: Int { layers.reduce(0) { $0 + $1.frozen } }

  public var description: String {
    let isPlanned = layers.contains { !$0.backends.isEmpty }
    let rows = layers.map { layer in
      [
        layer.record.path.isEmpty ? "(model)" : layer.record.path, layer.record.className,
        layer.outputs.map(Self.text).joined(separator: ", "), layer.computeDType?.name ?? "–",
        layer.variableDType?.name ?? "–", "\(layer.trainable)", "\(layer.frozen)",
      ] + (isPlanned ? [layer.backends.joined(separator: ", ")] : [])
    }
    let header = ["layer", "class", "output", "computes in", "stores", "trainable", "frozen"]
    let table = TextTable(header: header + (isPlanned ? ["backends"] : []), rows: rows)
    return "\(table)\n\(trainable + frozen) parameters: \(trainable) trainable, \(frozen) frozen; \(byteCount) bytes"
  }

  private static func text(_ outputs: Tree<TensorType>) -> String {
    switch outputs {
    case .tensor(let type): "\(type)"
    case .array(let elements): "(\(elements.map(text).joined(separator: ", ")))"
    case .dictionary(let members):
      "(\(members.sorted { $0.key < $1.key }.map { "\($0.key): \(text($0.value))" }.joined(separator: ", ")))"
    case .none: "–"
    }
  }
}

extension Model {
  /// Its layers as they were built. Traces the model once; computes nothing.
  ///
  /// ```swift
  /// let model = Model(Sequential([Dense(512, activation: .relu), Dense(10)]))
  /// try model.build(input: [32, 784])
  /// print(try model.summary())
  /// ```
  /// - Throws: `LayerError.notBuilt` before the types of its inputs were ever known.
  public func summary() throws -> ModelSummary {
    guard let inputs = built?.inputs else { throw LayerError.notBuilt(model: "the model") }
    return try summary(inputs: inputs)
  }

  /// Its layers for inputs of these types. Makes no variables.
  public func summary(inputs: Arguments<TensorType>) throws -> ModelSummary {
    let call = try TracedCall(self, inputs: inputs, isTraining: false) { _ in .constant }
    var backends: [String: [String]] = [:]
    for record in plan(known: inputs)?.records ?? [] {
      let known = backends[record.layer] ?? []
      if !known.contains(record.backend) { backends[record.layer] = known + [record.backend] }
    }
    var trainable: [String: Int] = [:]
    var frozen: [String: Int] = [:]
    for spec in call.variables {
      let count = spec.type.checkedCount ?? 0
      trainable[spec.layer, default: 0] += spec.isTrainable ? count : 0
      frozen[spec.layer, default: 0] += spec.isTrainable ? 0 : count
    }
    return ModelSummary(
      layers: call.layers.map { record in
        ModelSummary.Layer(
          record: record, outputs: call.layerOutputs[record.path] ?? [], trainable: trainable[record.path] ?? 0,
          frozen: frozen[record.path] ?? 0, backends: backends[record.path] ?? [])
      }, byteCount: call.variables.reduce(0) { $0 + ($1.type.checkedByteCount ?? 0) })
  }
}
