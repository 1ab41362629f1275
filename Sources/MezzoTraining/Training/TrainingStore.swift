import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// The tensors of a training by name: the model's variables, the optimizer's slots, sums of gradients.
struct TrainingStore {
  private var places: [String: Int] = [:]
  private var tensors: [Tensor] = []
  private let placeholder: Tensor

  init(_ variables: Variables) throws {
    placeholder = try Tensor(zeros: TensorType(.bool, [0]))
    for path in variables.paths {
      if let tensor = variables[path] { set(path, tensor) }
    }
  }

  subscript(name: String) -> Tensor {
    get throws(LayerError) {
      guard let place = places[name] else { throw .unknownVariables(expected: [name], found: places.keys.sorted()) }
      return tensors[place]
    }
  }

  mutating func set(_ name: String, _ tensor: Tensor) {
    if let place = places[name] {
      tensors[place] = tensor
    } else {
      places[name] = tensors.count
      tensors.append(tensor)
    }
  }

  /// All but sums of gradients, which mean nothing between two steps.
  var lasting: [(name: String, tensor: Tensor)] {
    places.filter { !$0.key.hasSuffix("/\(AccumulatingStep.sumSlot)") }.sorted { $0.key < $1.key }
      .map { ($0.key, tensors[$0.value]) }
  }

  func contains(_ name: String) -> Bool { places[name] != nil }

  /// Adds what each slot begins with under each name that is not there yet.
  mutating func add(_ slots: [(name: String, slot: OptimizerSlot)]) throws {
    for (name, slot) in slots where places[name] == nil {
      set(name, try slot.tensor(for: self[VariableUpdates.path(ofSlot: name)]))
    }
  }

  /// Lends tensors to `body`. Meanwhile the store does not hold them, so that a plan may write them where they are.
  mutating func withStates<R>(_ names: [String], _ body: (inout [Tensor]) throws -> R) throws -> R {
    var lent: [Tensor] = []
    for name in names { lent.append(try self[name]) }
    for name in names { set(name, placeholder) }
    defer { for (name, tensor) in zip(names, lent) { set(name, tensor) } }
    return try body(&lent)
  }
}
