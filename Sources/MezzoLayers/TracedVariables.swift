import MezzoBackend
import MezzoGraph

/// The variables that a traced call has asked for, and what it assigned to them.
struct TracedVariables {
  /// In the order in which they were asked for.
  private(set) var specs: [VariableSpec] = []
  private var variables: [String: LayerVariable] = [:]
  private var assigned: [String: SymbolicTensor] = [:]

  /// The variable that was asked for before, if its type is the same.
  func known(_ spec: VariableSpec) throws(LayerError) -> LayerVariable? {
    guard let known = variables[spec.path] else { return nil }
    try spec.require(known.stored.type)
    return known
  }

  mutating func add(_ variable: LayerVariable, _ spec: VariableSpec) {
    specs.append(spec)
    variables[spec.path] = variable
  }

  /// The variable of that path as it is stored.
  func stored(_ path: String) -> SymbolicTensor? { variables[path]?.stored }

  /// Whether only the optimizer may change it.
  func isTrained(_ path: String) -> Bool { specs.contains { $0.path == path && ($0.isTrainable || $0.isFrozen) } }

  mutating func assign(_ path: String, _ value: SymbolicTensor) { assigned[path] = value }

  /// What is stored, or what was assigned.
  func current(_ variable: LayerVariable) -> SymbolicTensor { assigned[variable.path] ?? variable.stored }

  /// Variables that were assigned to and what replaces them, in the order in which they were asked for.
  var assignments: [(variable: LayerVariable, value: SymbolicTensor)] {
    specs.compactMap { spec in
      guard let variable = variables[spec.path], let value = assigned[spec.path] else { return nil }
      return (variable, value)
    }
  }
}

extension VariableSpec {
  /// - Parameter built: what the variable is already.
  func require(_ built: TensorType) throws(LayerError) {
    guard built == type else { throw .variableType(path: path, built: built, asked: type) }
  }
}
