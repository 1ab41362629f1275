import MezzoBackend
import MezzoGraph
import MezzoPolicy

/// Bytes that a plan needs beside its inputs and outputs.
public struct MemorySummary: Sendable, Codable {
  /// Results of forward operations that depend on an argument: what the backward pass may look at again.
  public var activations: Int
  /// Copies of variables in another dtype.
  public var castVariables: Int
  /// The memory that all intermediates share.
  public var arena: Int
  /// What the intermediates would take without sharing.
  public var unshared: Int
  /// Computed once from constants: literals, folded operations and packed weights.
  public var constants: Int

  init(_ planner: Planner, _ memory: MemoryPlan, _ graph: Graph) {
    var variables = Set(graph.inputs.filter { $0.role != .argument }.map(\.value))
    variables.formUnion(planner.literals.keys)
    activations = 0
    castVariables = 0
    for step in planner.steps where step.origin.phase == .forward {
      let bytes = step.results.reduce(0) { $0 + (planner.types[$1].checkedByteCount ?? 0) }
      if !step.inputs.isEmpty, step.inputs.allSatisfy({ variables.contains($0.base) }) {
        variables.formUnion(step.results)
        castVariables += bytes
      } else {
        activations += bytes
      }
    }
    arena = memory.arenaBytes
    unshared = memory.unsharedBytes
    constants = memory.poolBytes
  }
}
