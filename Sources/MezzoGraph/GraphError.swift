public import MezzoBackend
public import MezzoPolicy

/// What is wrong with an operation or a tensor, with the path of the layer that asked for it.
public struct GraphError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Kind: Equatable, Sendable {
    case unusableType(TensorType)
    case elementCount(TensorType, expected: Int, found: Int)
    case shape(operation: String, expected: String, found: [TensorType])
    case dtype(operation: String, expected: String, found: [TensorType])
    case attribute(operation: String, expected: String, found: String)
    case differentTraces(operation: String)
    case notDifferentiable(operation: String)
    /// In strict mode: a number in the program that is another one in the dtype that it is used in.
    case constant(Double, dtype: DType, fate: ConstantFate)
    /// In strict mode: integers cast to a dtype that does not hold all of them.
    case inexactIntegers(from: DType, to: DType)
    /// No operation of this name can be given a dtype.
    case operation(name: String, known: [String])
  }

  public var kind: Kind
  /// Empty outside any layer.
  public var layer: String

  public init(_ kind: Kind, layer: String = "") {
    self.kind = kind
    self.layer = layer
  }

  static func unusableType(_ type: TensorType) -> GraphError { GraphError(.unusableType(type)) }

  static func elementCount(_ type: TensorType, expected: Int, found: Int) -> GraphError {
    GraphError(.elementCount(type, expected: expected, found: found))
  }

  public var description: String {
    let place = layer.isEmpty ? "" : "layer \(layer): "
    switch kind {
    case .unusableType(let type):
      return "\(place)no tensor can have the type \(type): extents must be 0 or more and fit memory, "
        + "elements must be numbers of at least one byte"
    case .elementCount(let type, let expected, let found):
      return "\(place)a tensor of \(type) has \(expected) elements, \(found) came"
    case .shape(let operation, let expected, let found):
      return "\(place)\(operation) expected \(expected), got \(Self.list(found))"
    case .dtype(let operation, let expected, let found):
      return "\(place)\(operation) expected \(expected), got \(Self.list(found)); cast with cast(to:)"
    case .attribute(let operation, let expected, let found):
      return "\(place)\(operation) expected \(expected), got \(found)"
    case .differentTraces(let operation):
      return "\(place)\(operation) was given symbolic tensors of two different traces"
    case .notDifferentiable(let operation):
      return "\(place)\(operation) has no gradient, but a gradient through it was asked for"
    case .constant(let value, let dtype, let fate):
      return "\(place)the constant \(value) \(fate) in \(dtype); compute with it in a wider dtype"
    case .inexactIntegers(let source, let dtype):
      return "\(place)\(dtype) does not hold every \(source) exactly; say the cast with a Cast layer, "
        + "or use a narrower integer"
    case .operation(let name, let known):
      return "\(place)no operation \"\(name)\" can be given a dtype; there are \(known.joined(separator: ", "))"
    }
  }

  private static func list(_ types: [TensorType]) -> String {
    types.map(\.description).joined(separator: " and ")
  }
}
