public import MezzoPolicy

/// What a layer gives in a ``Functional`` model, or an input of one: a place that further layers are connected to.
///
/// ```swift
/// let image = LayerOutput.input("image", shape: [28, 28])
/// let hidden = Dense(64, activation: .relu)(Flatten()(image))
/// let model = Model(try Functional(inputs: [image], outputs: Dense(10)(hidden)))
/// let logits = try model(Tensor(zeros: TensorType(.float32, [32, 28, 28])))  // float32[32, 10]
/// ```
/// Nothing is computed here, and no shape is known yet.
public struct LayerOutput: Sendable {
  /// Compared by identity: two inputs of the same name are two inputs.
  final class Start: Sendable {
    let input: Functional.Input

    init(_ input: Functional.Input) { self.input = input }
  }

  /// One call of a layer.
  final class Call: Sendable {
    let layer: any Layer
    let inputs: Arguments<LayerOutput>

    init(_ layer: any Layer, _ inputs: Arguments<LayerOutput>) {
      self.layer = layer
      self.inputs = inputs
    }
  }

  enum Source: Sendable {
    case input(Start)
    case call(Call)
  }

  let source: Source
  /// The way to one part of what the call returns.
  private(set) var path: [Functional.Member] = []

  init(_ source: Source) { self.source = source }

  /// An input of a model.
  ///
  /// - Parameters:
  ///   - name: its argument's name, where arguments are given by name.
  ///   - shape: without the batch, and nil for extents that may be anything; by default any shape is taken.
  ///   - dtype: by default any.
  public static func input(_ name: String, shape: [Int?]? = nil, dtype: DType? = nil) -> LayerOutput {
    LayerOutput(.input(Start(Functional.Input(name, shape: shape, dtype: dtype))))
  }

  /// One of several outputs in an array, such as the state of a recurrent layer.
  public subscript(index: Int) -> LayerOutput { member(.index(index)) }

  /// One of several outputs in a dictionary.
  public subscript(name: String) -> LayerOutput { member(.name(name)) }

  private func member(_ member: Functional.Member) -> LayerOutput {
    var part = self
    part.path.append(member)
    return part
  }
}

extension Layer {
  /// The layer connected to what others give, for a ``Functional`` model.
  ///
  /// A layer that has a name is the same layer, with the same weights, wherever it is called; a layer without one is
  /// another at every call.
  ///
  /// - Parameters:
  ///   - inputs: one argument each.
  ///   - named: arguments by name, such as `mask`.
  public func callAsFunction(_ inputs: LayerOutput..., named: [String: LayerOutput] = [:]) -> LayerOutput {
    self(Arguments(positional: inputs.map { .tensor($0) }, named: named.mapValues { .tensor($0) }))
  }

  /// The same with arguments in structures.
  public func callAsFunction(_ inputs: Arguments<LayerOutput>) -> LayerOutput {
    LayerOutput(.call(LayerOutput.Call(self, inputs)))
  }
}
