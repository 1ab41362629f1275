import MezzoBackend
import MezzoGraph
import MezzoPolicy

/// Packed operands, each once for all plans, runtimes and backends that want the same bytes in the same form.
///
/// A form is found by the content of its operand and the key that the backend gave it, and goes when its last user goes.
final class PackStore: Sendable {
  static let shared = PackStore()

  /// What makes two packed forms the same. `key` is the backend's promise that equal operands are packed into equal bytes.
  struct Key: Hashable, Sendable {
    var key: [UInt64]
    var bytes: Int
    var operand: Operand
    var content: ContentHash
  }

  /// An operand in a backend's form; immutable once it is in the store.
  final class Form: Sendable {
    let memory: TensorStorage
    private let store: PackStore?
    private let key: Key?

    fileprivate init(_ memory: TensorStorage, store: PackStore? = nil, key: Key? = nil) {
      self.memory = memory
      self.store = store
      self.key = key
    }

    deinit {
      if let store, let key { store.forget(key) }
    }
  }

  /// A form, or the place where one is being made: its lock lets one thread pack while others wait for the outcome.
  private final class Slot: Sendable {
    struct Content { weak var form: Form? }
    let content = Locked(Content())
  }

  /// Slots, each with the threads that are at it and the forms that it gave out; it goes with the last of them.
  private let slots = Locked<[Key: Entry]>([:])

  private struct Entry {
    var slot = Slot()
    var visitors = 0
    var forms = 0
  }

  /// Bytes of all forms that are in use.
  var byteCount: Int { slots.withLock { $0.reduce(0) { $0 + $1.value.forms * $1.key.bytes } } }

  /// The packed form of `operand`, whose bytes lie at `source`; packed by `pack` into `room` if nobody has it yet and `keeper`
  /// does not either.
  func form(
    _ packing: Packing, of operand: Operand, _ source: UnsafeRawBufferPointer, in room: PackRoom? = nil,
    keptBy keeper: PackKeeper? = nil,
    pack: (UnsafeMutableRawPointer) throws(BackendError) -> Void
  ) throws(BackendError) -> Form {
    // A key of zeros says that the form is good for this one plan.
    guard packing.key.contains(where: { $0 != 0 }) else { return Form(try Self.packed(packing.bytes, room, pack)) }
    let key = Key(key: packing.key, bytes: packing.bytes, operand: operand, content: ContentHash(source))
    let slot = change(key) { $0.visitors += 1 }
    defer { change(key) { $0.visitors -= 1 } }
    // The strong reference leaves the lock with the outcome: a form that went inside would ask for locks of its own.
    let outcome = slot.content.withLock { content -> Result<Form, BackendError> in
      if let form = content.form { return .success(form) }
      do throws(BackendError) {
        let file = keeper.flatMap { PackFile(key, backend: $0.backend) }
        let kept = file.flatMap { keeper?.cache.form($0) }
        let memory = if let kept { kept } else { try Self.packed(packing.bytes, room, pack) }
        if kept == nil, let file { keeper?.cache.keep(memory, file) }
        change(key) { $0.forms += 1 }
        let form = Form(memory, store: self, key: key)
        content.form = form
        return .success(form)
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }

  private static func packed(
    _ bytes: Int, _ room: PackRoom?, _ pack: (UnsafeMutableRawPointer) throws(BackendError) -> Void
  ) throws(BackendError) -> TensorStorage {
    let memory = if let room { room.take(bytes) } else { TensorStorage.allocate(byteCount: bytes) }
    guard let memory, let address = memory.address else {
      throw BackendError(backend: "host", kind: .outOfMemory, message: "a packed operand needs \(bytes) bytes")
    }
    try pack(address)
    return memory
  }

  @discardableResult
  private func change(_ key: Key, _ body: (inout Entry) -> Void) -> Slot {
    slots.withLock { slots in
      var entry = slots[key] ?? Entry()
      body(&entry)
      slots[key] = entry.visitors == 0 && entry.forms == 0 ? nil : entry
      return entry.slot
    }
  }

  fileprivate func forget(_ key: Key) { change(key) { $0.forms -= 1 } }
}
