import CMezzoABI
import MezzoBackend
import MezzoGraph
import MezzoPolicy

/// One prepared call: who is asked, where its operands live, and the parts of its tensor structs that never change.
///
/// Immutable after `init` and shared by all contexts; the shapes and strides are read by backends during calls.
final class StepLayout: @unchecked Sendable {
  let operation: any PreparedOperation
  let name: String
  let backend: String
  let origin: Graph.Origin
  let isConstant: Bool
  let inputs: [Place]
  let results: [Place]
  let workspace: Location?
  let packing: Packed?

  struct Place {
    /// The value that lies there, of the graph or of the plan's own.
    var value: Int
    var location: Location
    var type: TensorType
    var tensor: mezzo_tensor
  }

  /// An operand that lies in the pool in a form of the operation's own.
  struct Packed {
    var operand: Int
    var bytes: Int
    var location: Location
  }

  private let extents: [UnsafeMutablePointer<Int64>]

  init(_ index: Int, _ planner: Planner, _ memory: MemoryPlan) {
    let step = planner.steps[index]
    operation = step.operation
    name = step.name
    backend = step.backend
    origin = step.origin
    isConstant = step.isConstant
    workspace = memory.workspaces[index]
    packing = step.operation.packing.flatMap { packing in
      memory.packed[index].map { Packed(operand: packing.operand, bytes: packing.bytes, location: $0) }
    }
    var extents: [UnsafeMutablePointer<Int64>] = []
    func place(_ view: ValueView) -> Place {
      let dtype = planner.types[view.base].dtype
      let rank = view.shape.count
      let block = UnsafeMutablePointer<Int64>.allocate(capacity: max(2 * rank, 1))
      for axis in 0..<rank {
        block[axis] = Int64(view.shape[axis])
        block[rank + axis] = Int64(view.strides[axis])
      }
      extents.append(block)
      var tensor = mezzo_tensor()
      tensor.device = mezzo_device(type: 1, id: 0)
      tensor.ndim = Int32(rank)
      tensor.dtype = dtype.abi ?? mezzo_dtype()
      tensor.shape = block
      tensor.strides = block + rank
      tensor.flags = planner.isConstant(view.base) ? UInt32(MEZZO_T_CONST) : 0
      tensor.nbytes = UInt64(planner.types[view.base].checkedByteCount ?? 0)
      // Every value that a step reads is an input, a literal or the result of an earlier step, all of which have a place.
      return Place(
        value: view.base, location: memory.locations[view.base] ?? .pool(0), type: TensorType(dtype, view.shape),
        tensor: tensor)
    }
    inputs = step.inputs.map(place)
    results = step.results.map { value in
      let shape = planner.types[value].shape
      return place(ValueView(base: value, shape: shape, strides: rowMajorStrides(shape)))
    }
    self.extents = extents
  }

  /// Whether an operand or a result lies where the caller has it, which may be elsewhere at the next run.
  var readsOrWritesCallersMemory: Bool {
    (inputs + results).contains {
      switch $0.location {
      case .input, .output: true
      case .arena, .pool: false
      }
    }
  }

  /// Copies of the values that the step reads, each flat and whole, however the step looks at it.
  func operands(_ addresses: borrowing Addresses) -> [Tensor] {
    inputs.compactMap { place in
      guard let data = addresses.resolve(place.location), let width = place.type.dtype.byteWidth else { return nil }
      let bytes = UnsafeRawBufferPointer(start: data, count: Int(place.tensor.nbytes))
      return try? Tensor(bytes: bytes, shape: [bytes.count / width], dtype: place.type.dtype)
    }
  }

  deinit { extents.forEach { $0.deallocate() } }
}
