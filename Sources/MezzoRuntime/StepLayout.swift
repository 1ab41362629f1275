import CMezzoABI
import MezzoBackend
import MezzoGraph
import MezzoPlugins
import MezzoPolicy

/// One prepared call: who is asked, where its operands live, and the parts of its tensor structs that never change.
///
/// Immutable after `init` and shared by all contexts; the shapes and strides are read by backends during calls.
final class StepLayout: @unchecked Sendable {
  let operation: any PreparedOperation
  let name: String
  let backend: String
  let backendVersion: String
  let rule: String
  /// As the backend was asked, with the steps of the epilogue that it does and no others.
  let request: OperationRequest
  /// What the backend may use.
  let threads: Int
  let origin: Graph.Origin
  let isConstant: Bool
  let inputs: [Place]
  let results: [Place]
  let workspace: Location?
  let packing: Packed?
  /// Where what it packs is kept beyond the end of the program.
  let keeper: PackKeeper?
  let substitute: Substitute
  private let profiler: Profiler?

  struct Place {
    /// The value that lies there, of the graph or of the plan's own.
    var value: Int
    var location: Location
    var operand: Operand
    /// Owns what `tensor` points to.
    var template: OperandTensor

    var type: TensorType { operand.type }
    var tensor: mezzo_tensor { template.tensor }
  }

  /// An operand that lies in the pack store, in a form of the operation's own.
  struct Packed {
    var packing: Packing
    var location: Location

    var operand: Int { packing.operand }
    var bytes: Int { packing.bytes }
  }

  init(_ index: Int, _ planner: Planner, _ memory: MemoryPlan, _ router: Router) {
    let step = planner.steps[index]
    operation = step.operation
    name = step.name
    backend = step.backend
    backendVersion = step.backendVersion
    rule = step.rule
    request = step.request
    threads = router.threads
    profiler = router.profiler
    origin = step.origin
    isConstant = step.isConstant
    substitute = step.substitute
    workspace = memory.workspaces[index]
    packing = step.operation.packing.flatMap { packing in
      memory.packed[index].map { Packed(packing: packing, location: $0) }
    }
    if let cache = router.packCache, packing != nil,
      let backend = router.backends.first(where: { $0.id == step.backend })
    {
      keeper = PackKeeper(cache: cache, backend: backend)
    } else {
      keeper = nil
    }
    func place(_ view: ValueView) -> Place {
      let type = planner.types[view.base]
      let operand = Operand(
        dtype: type.dtype, shape: view.shape, strides: view.strides, isConstant: planner.isConstant(view.base))
      // Every value that a step reads is an input, a literal or the result of an earlier step, all of which have a place.
      return Place(
        value: view.base, location: memory.locations[view.base] ?? .pool(0), operand: operand,
        template: OperandTensor(operand, byteCount: type.checkedByteCount ?? 0))
    }
    inputs = step.inputs.map(place)
    results = step.results.map { value in
      place(ValueView(base: value, shape: planner.types[value].shape, strides: planner.strides(of: value)))
    }
  }

  /// The operation with those who want to know of its calls around it.
  func watched(_ operation: any PreparedOperation) -> any PreparedOperation {
    let traced = DebugTopic.call.isOn ? CallTrace.watched(self, operation) : operation
    return profiler?.watched(self, traced) ?? traced
  }

  /// Whether an operand or a result lies where the caller has it, which may be elsewhere at the next run; constants stay.
  var readsOrWritesCallersMemory: Bool {
    (inputs + results).contains {
      switch $0.location {
      case .input: !$0.operand.isConstant
      case .output: true
      case .arena, .pool, .scratch, .packed: false
      }
    }
  }

  /// Whether an operand was there only until it had been packed.
  var readsScratch: Bool {
    inputs.contains { if case .scratch = $0.location { true } else { false } }
  }

  /// Copies of the values that the step reads, each flat and whole, however the step looks at it.
  func operands(_ addresses: borrowing Addresses) -> [Tensor] {
    inputs.compactMap { place in
      guard let data = addresses.resolve(place.location), let width = place.type.dtype.byteWidth else { return nil }
      let bytes = UnsafeRawBufferPointer(start: data, count: Int(place.tensor.nbytes))
      return try? Tensor(bytes: bytes, shape: [bytes.count / width], dtype: place.type.dtype)
    }
  }

}
