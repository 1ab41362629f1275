import CMezzoABI
import MezzoBackend
import MezzoGraph
import MezzoPlugins

/// The memory behind the locations of one run.
struct Addresses {
  var pool: UnsafeMutableRawPointer?
  var scratch: UnsafeMutableRawPointer?
  var packed: [UnsafeMutableRawPointer?] = []
  var arena: UnsafeMutableRawPointer?
  var inputs: [UnsafeMutableRawPointer?]
  var outputs: [UnsafeMutableRawPointer?]

  func resolve(_ location: Location) -> UnsafeMutableRawPointer? {
    switch location {
    case .input(let index): inputs[index]
    case .output(let index): outputs[index]
    case .arena(let offset): arena.map { $0 + offset }
    case .pool(let offset): pool.map { $0 + offset }
    case .scratch(let offset): scratch.map { $0 + offset }
    case .packed(let index): packed[index]
    }
  }
}

/// The argument structs of one step in one context, laid out once; a run writes addresses into it and calls.
final class Frame {
  let step: StepLayout
  /// The step's, without the way through it on every call.
  private var operation: any PreparedOperation
  /// Of a substitute, which the arena has no room for.
  private var ownWorkspace: TensorStorage?
  private var isSubstituted = false
  /// The operand that is packed, as it was before, and what it lies in if that is no longer there otherwise.
  private var plainOperand: UnsafeMutableRawPointer?
  private var remade: TensorStorage?
  private var constants: ConstantPool?
  private let arguments: UnsafeMutablePointer<mezzo_exec_args>
  private let tensors: UnsafeMutablePointer<mezzo_tensor>
  private let error: ErrorBuffer
  private let places: [Location]

  init(_ step: StepLayout) {
    self.step = step
    operation = step.watched(step.operation)
    let all = step.inputs + step.results
    places = all.map(\.location)
    tensors = .allocate(capacity: max(all.count, 1))
    for (index, place) in all.enumerated() { (tensors + index).initialize(to: place.tensor) }
    error = ErrorBuffer()
    arguments = .allocate(capacity: 1)
    let stride = UInt32(MemoryLayout<mezzo_tensor>.stride)
    arguments.initialize(to: mezzo_exec_args())
    arguments.pointee.h = mezzo_call(
      struct_size: UInt32(MemoryLayout<mezzo_exec_args>.size), flags: 0, err: error.pointer, next: nil)
    arguments.pointee.in = mezzo_tensors(at: tensors, count: UInt32(step.inputs.count), stride: stride)
    arguments.pointee.out = mezzo_tensors(
      at: tensors + step.inputs.count, count: UInt32(step.results.count), stride: stride)
  }

  deinit {
    error.deallocate()
    tensors.deallocate()
    arguments.deallocate()
  }

  func write(_ addresses: borrowing Addresses) {
    for index in places.indices { tensors[index].data = addresses.resolve(places[index]) }
    guard !isSubstituted else {
      if let packing = step.packing, remade != nil { tensors[packing.operand].data = plainOperand }
      return
    }
    if let workspace = step.workspace { arguments.pointee.workspace = addresses.resolve(workspace) }
    if let packing = step.packing {
      plainOperand = tensors[packing.operand].data
      tensors[packing.operand].data = addresses.resolve(packing.location)
      tensors[packing.operand].layout = UInt32(MEZZO_LAYOUT_PACKED)
      tensors[packing.operand].nbytes = UInt64(packing.bytes)
    }
  }

  /// Other constants from here on.
  func bind(_ constants: ConstantPool, _ addresses: borrowing Addresses) throws(RuntimeError) {
    self.constants = step.packing == nil ? nil : constants
    if isSubstituted { try remakeOperand() }
    write(addresses)
  }

  /// What was there only until it had been packed is computed again.
  private func remakeOperand() throws(RuntimeError) {
    guard let packing = step.packing, let constants, case .scratch(let offset) = places[packing.operand] else { return }
    let memory = try constants.scratch(before: step)
    remade = memory
    plainOperand = memory.address.map { $0 + offset }
  }

  /// The operand that the step wants packed, taken from `store` or rearranged from where it lies as a constant.
  func packed(
    _ addresses: borrowing Addresses, _ store: PackStore, _ room: PackRoom
  ) throws(RuntimeError) -> PackStore.Form? {
    guard let packing = step.packing else { return nil }
    let place = step.inputs[packing.operand]
    var source = place.tensor
    source.data = addresses.resolve(place.location)
    let content = UnsafeRawBufferPointer(start: source.data, count: source.data == nil ? 0 : Int(source.nbytes))
    do throws(BackendError) {
      return try store.form(packing.packing, of: place.operand, content, in: room, keptBy: step.keeper) {
        target throws(BackendError) in
        try step.operation.pack(&source, into: target)
      }
    } catch {
      throw .backend(layer: step.origin.layer, operation: step.name, error)
    }
  }

  @inline(__always)
  func call() throws(RuntimeError) {
    let status = operation.execute(arguments)
    if status != mezzo_status(MEZZO_OK) { try recover(error.error(status, backend: step.backend)) }
  }

  /// A step that was declined is done by a substitute, now and from now on; what failed has failed.
  private func recover(_ error: BackendError) throws(RuntimeError) {
    guard error.isDecline, !isSubstituted else {
      throw .backend(layer: step.origin.layer, operation: step.name, error)
    }
    let substitute = step.watched(try step.substitute.choose(error))
    let bytes = substitute.workspaceBytes
    guard let workspace = TensorStorage.allocate(byteCount: bytes) else {
      throw .outOfMemory(bytes: bytes, for: "a workspace", layer: step.origin.layer, operation: step.name)
    }
    try remakeOperand()
    isSubstituted = true
    operation = substitute
    ownWorkspace = workspace
    arguments.pointee.workspace = workspace.address
    if let packing = step.packing {
      let plain = step.inputs[packing.operand].tensor
      tensors[packing.operand].layout = plain.layout
      tensors[packing.operand].nbytes = plain.nbytes
      tensors[packing.operand].data = plainOperand
    }
    try call()
  }

  /// Calls with somebody looking on. The operands are copied before, since a result may be written over one of them.
  func call(_ addresses: borrowing Addresses, _ observer: any StepObserver) throws(RuntimeError) {
    guard observer.wants(step) else { return try call() }
    var addresses = copy addresses
    let scratch = step.readsScratch && addresses.scratch == nil ? try constants?.scratch(before: step) : nil
    if let scratch { addresses.scratch = scratch.address }
    let operands = withExtendedLifetime(scratch) { step.operands(addresses) }
    try call()
    observer.look(step, operands, results())
  }

  /// Copies of what the step wrote.
  private func results() -> [Tensor] {
    step.results.enumerated().compactMap { index, place in
      guard let data = tensors[step.inputs.count + index].data, let bytes = place.type.checkedByteCount else {
        return nil
      }
      return try? Tensor(
        bytes: UnsafeRawBufferPointer(start: data, count: bytes), shape: place.type.shape, dtype: place.type.dtype)
    }
  }
}
