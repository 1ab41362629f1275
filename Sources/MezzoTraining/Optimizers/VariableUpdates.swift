import MezzoBackend
import MezzoGraph
import MezzoLayers

/// The updates of variables by an optimizer, as part of a graph.
struct VariableUpdates {
  /// Variables and slots, and what replaces them.
  private(set) var updates: [(state: SymbolicTensor, value: SymbolicTensor)] = []
  /// Names of the slots and what they begin with, which are states of the graph, in the order of its inputs.
  private(set) var slots: [(name: String, slot: OptimizerSlot)] = []

  /// - Parameters:
  ///   - paths: of the variables; what stands before the last part is the layer.
  ///   - gradients: one for each variable.
  ///   - constraints: one for each variable, or none.
  init(
    _ optimizer: any Optimizer, _ variables: [SymbolicTensor], paths: [String],
    gradients: Gradients<SymbolicTensor>,
    constraints: [Constraint?] = [], schedule: UpdateSchedule
  ) throws {
    let trace = schedule.rate.trace
    var schedule = schedule
    let gradients = try trace.tagged(Graph.Origin(layer: "optimizer", phase: .update)) {
      try optimizer.clipping?(gradients) ?? gradients
    }
    for (index, variable) in variables.enumerated() {
      let layer = paths[index].split(separator: ".").dropLast().joined(separator: ".")
      try trace.tagged(Graph.Origin(layer: layer, phase: .update)) {
        let slots = optimizer.slots.map { slot in
          let name = Self.slotName(slot, of: paths[index])
          let kept = optimizer.slot(slot, of: variable.type, at: paths[index])
          self.slots.append((name, kept))
          return trace.input(kept.type, name: name, role: .state)
        }
        guard let gradient = gradients.values[index] else { return }
        schedule.path = paths[index]
        let new = try optimizer.update(
          variable, slots: slots, gradient: gradient.cast(to: variable.dtype), schedule: schedule)
        var value = new.variable
        // A step that is left out changes nothing, not even what a constraint would.
        if index < constraints.count, let constraint = constraints[index] {
          value = try schedule.apply.select(constraint(value), value)
        }
        updates.append((variable, value))
        updates += zip(slots, new.slots).map { ($0, $1) }
      }
    }
  }

  /// No variable's path has a slash.
  static func slotName(_ slot: String, of path: String) -> String { "\(path)/\(slot)" }

  /// The path of the variable that a slot belongs to.
  static func path(ofSlot name: String) -> String { String(name.prefix { $0 != "/" }) }
}
