import MezzoBackend
import MezzoLayers
import MezzoPolicy

/// An argument of a layer's call as cases write it: `{"t": "float32"}`, a list, `{"dict": {"a": {"np": "int64"}}}`.
indirect enum CallArgument {
  /// A dense tensor, or an array of NumPy, which is data like any other.
  case tensor(DType)
  /// A sparse or ragged tensor: its values, and the integers that say where they belong.
  case parts(String, DType)
  case list([CallArgument])
  case tuple([CallArgument])
  case dictionary([String: CallArgument])
  case nothing
  /// A number of Python, for which layers take tensors.
  case number

  init(_ value: ConfigurationValue) throws(GoldenFormError) {
    switch value {
    case .array(let elements):
      self = .list(try elements.map { element throws(GoldenFormError) in try CallArgument(element) })
    case .object(let members):
      if let kind = members["t"]?.asString, let dtype = members["dtype"]?.asString {
        self = .parts(kind, try DType(golden: dtype))
      } else if let dtype = (members["t"] ?? members["np"])?.asString {
        self = .tensor(try DType(golden: dtype))
      } else if let elements = members["tuple"]?.asArray {
        self = .tuple(try elements.map { element throws(GoldenFormError) in try CallArgument(element) })
      } else if let entries = members["dict"]?.asObject {
        var arguments: [String: CallArgument] = [:]
        for (key, entry) in entries { arguments[key] = try CallArgument(entry) }
        self = .dictionary(arguments)
      } else if members["none"] != nil {
        self = .nothing
      } else if members["py"] != nil {
        self = .number
      } else {
        throw GoldenFormError(expected: "an argument such as {\"t\": \"float32\"}", found: value.compact)
      }
    default: throw GoldenFormError(expected: "an argument such as {\"t\": \"float32\"}", found: value.compact)
    }
  }

  var hasNumber: Bool {
    switch self {
    case .number: true
    case .list(let elements), .tuple(let elements): elements.contains(where: \.hasNumber)
    case .dictionary(let members): members.values.contains(where: \.hasNumber)
    case .tensor, .parts, .nothing: false
    }
  }

  private static let values = "values"

  /// What a layer of Mezzo is given for it.
  var tree: Tree<TensorType> {
    switch self {
    case .tensor(let dtype): .tensor(TensorType(dtype, [2, 3]))
    case .parts(_, let dtype):
      .dictionary([Self.values: .tensor(TensorType(dtype, [4])), "places": .tensor(TensorType(.int64, [4]))])
    case .list(let elements), .tuple(let elements): .array(elements.map(\.tree))
    case .dictionary(let members): .dictionary(members.mapValues(\.tree))
    case .nothing, .number: .none
    }
  }

  /// What the layer was given, in the form of the cases; `seen` has the structure of ``tree``.
  func described(_ seen: Tree<DType>) -> ConfigurationValue {
    switch (self, seen) {
    case (.tensor, .tensor(let dtype)): return .string(dtype.name)
    case (.parts(let kind, _), .dictionary(let members)):
      guard members["places"]?.tensor == .int64, let dtype = members[Self.values]?.tensor else { return nil }
      return .string("\(kind) \(dtype.name)")
    case (.list(let arguments), .array(let elements)): return Self.described(arguments, elements)
    case (.tuple(let arguments), .array(let elements)): return ["tuple": Self.described(arguments, elements)]
    case (.dictionary(let arguments), .dictionary(let members)):
      let described = arguments.map { key, argument in (key, argument.described(members[key] ?? .none)) }
      return ["dict": .object(Dictionary(uniqueKeysWithValues: described))]
    default: return nil
    }
  }

  private static func described(_ arguments: [CallArgument], _ seen: [Tree<DType>]) -> ConfigurationValue {
    .array(zip(arguments, seen).map { $0.described($1) })
  }
}
