extension DecodingError {
  /// What was expected where, without Swift's names for things: `inputs[0].dtype: expected another value than it has`.
  package var inWords: String {
    func place(_ path: [any CodingKey]) -> String {
      path.reduce(into: "") { text, key in
        if let index = key.intValue {
          text += "[\(index)]"
        } else {
          text += text.isEmpty ? key.stringValue : ".\(key.stringValue)"
        }
      }
    }
    switch self {
    case .keyNotFound(let key, let context):
      return "expected the field \(place(context.codingPath + [key])), found none"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      return context.codingPath.isEmpty
        ? "expected an object of JSON"
        : "the field \(place(context.codingPath)) has a value of another type than expected"
    case .dataCorrupted(let context):
      return context.codingPath.isEmpty
        ? "expected JSON" : "the field \(place(context.codingPath)) has a value that is not known here"
    @unknown default: return "expected JSON of another form"
    }
  }
}
