import CMezzoABI
import Dispatch
import MezzoBackend
import MezzoGraph
import MezzoPolicy
import Testing

@testable import MezzoRuntime

@Suite struct PackStoreTests {
  private let store = PackStore()

  private static func weights(_ scalars: [Double]) throws -> Tensor {
    try Tensor(scalars, shape: [2, 2], dtype: .float32)
  }

  /// Packs by adding one to each byte, and counts.
  private func form(
    _ content: [UInt8], key: [UInt64] = [1, 2], bytes: Int? = nil, operand: Operand? = nil, _ packs: Locked<Int>
  ) throws -> PackStore.Form {
    try content.withUnsafeBytes { source in
      try store.form(
        Packing(operand: 0, bytes: bytes ?? content.count, key: key),
        of: operand ?? Operand(dtype: .uint8, shape: [content.count]), source
      ) { target in
        packs.withLock { $0 += 1 }
        for index in source.indices { target.storeBytes(of: source[index] &+ 1, toByteOffset: index, as: UInt8.self) }
      }
    }
  }

  @Test func equalOperandsInEqualFormsAreOne() throws {
    let packs = Locked(0)
    let first = try form([1, 2, 3], packs)
    #expect(try form([1, 2, 3], packs) === first)
    #expect(Array(first.memory.bytes) == [2, 3, 4])
    #expect(packs.withLock { $0 } == 1)
    #expect(store.byteCount == 3)
  }

  @Test func whateverDiffersIsApart() throws {
    let packs = Locked(0)
    let first = try form([1, 2, 3, 4], packs)
    let others = [
      try form([1, 2, 3, 5], packs), try form([1, 2, 3, 4], key: [1, 3], packs),
      try form([1, 2, 3, 4], bytes: 8, packs),
      try form([1, 2, 3, 4], operand: Operand(dtype: .int8, shape: [4]), packs),
      try form([1, 2, 3, 4], operand: Operand(dtype: .uint8, shape: [2, 2]), packs),
      try form([1, 2, 3, 4], operand: Operand(dtype: .uint8, shape: [2, 2], strides: [1, 2]), packs),
    ]
    #expect(packs.withLock { $0 } == 7)
    #expect(Set((others + [first]).map(ObjectIdentifier.init)).count == 7)
  }

  @Test func aKeyOfZerosIsNotShared() throws {
    let packs = Locked(0)
    let first = try form([1, 2, 3], key: [0, 0], packs)
    #expect(try form([1, 2, 3], key: [0, 0], packs) !== first)
    #expect(packs.withLock { $0 } == 2)
    #expect(store.byteCount == 0)
  }

  @Test func formsGoWithTheirLastUser() throws {
    let packs = Locked(0)
    var form: PackStore.Form? = try form([1, 2, 3], packs)
    #expect(form != nil && store.byteCount == 3)
    form = nil
    #expect(store.byteCount == 0)
    _ = try self.form([1, 2, 3], packs)
    #expect(packs.withLock { $0 } == 2)
  }

  @Test func aPackThatFailsLeavesNothingBehind() throws {
    let packs = Locked(0)
    let content: [UInt8] = [1, 2, 3]
    #expect(throws: BackendError.self) {
      try content.withUnsafeBytes { source in
        try store.form(
          Packing(operand: 0, bytes: 3, key: [1, 2]), of: Operand(dtype: .uint8, shape: [3]), source
        ) { _ throws(BackendError) in throw BackendError(backend: "test", kind: .outOfMemory, message: "no room") }
      }
    }
    #expect(store.byteCount == 0)
    let form = try form(content, packs)
    withExtendedLifetime(form) { #expect(Array(form.memory.bytes) == [2, 3, 4]) }
  }

  @Test func manyThreadsPackOnce() throws {
    let (packs, wrong) = (Locked(0), Locked(0))
    let held = Locked<[PackStore.Form]>([])
    DispatchQueue.concurrentPerform(iterations: 64) { index in
      let content = [UInt8](repeating: UInt8(index % 4), count: 1000)
      guard let form = try? form(content, packs) else { return wrong.withLock { $0 += 1 } }
      if form.memory.bytes.contains(where: { $0 != UInt8(index % 4) + 1 }) { wrong.withLock { $0 += 1 } }
      held.withLock { $0.append(form) }
    }
    #expect(packs.withLock { $0 } == 4)
    #expect(wrong.withLock { $0 } == 0)
    #expect(store.byteCount == 4000)
    held.withLock { $0.removeAll() }
    #expect(store.byteCount == 0)
  }

  /// Forms come and go on all threads at once: some find one that is about to go.
  @Test func formsMayGoWhileOthersAskForThem() {
    let (packs, wrong) = (Locked(0), Locked(0))
    DispatchQueue.concurrentPerform(iterations: 400) { index in
      let content = [UInt8](repeating: UInt8(index % 2), count: 16)
      let form = try? form(content, packs)
      withExtendedLifetime(form) {
        if form?.memory.bytes.allSatisfy({ $0 == UInt8(index % 2) + 1 }) != true { wrong.withLock { $0 += 1 } }
      }
    }
    #expect(wrong.withLock { $0 } == 0)
    #expect(store.byteCount == 0)
  }

  @Test func contentIsToldApartBySingleBits() {
    var bytes = [UInt8](repeating: 0, count: 67)
    var hashes: Set<ContentHash> = [bytes.withUnsafeBytes(ContentHash.init)]
    for bit in 0..<(67 * 8) {
      bytes[bit / 8] ^= 1 << (bit % 8)
      hashes.insert(bytes.withUnsafeBytes(ContentHash.init))
      bytes[bit / 8] ^= 1 << (bit % 8)
    }
    for count in 0..<67 { hashes.insert(bytes[..<count].withUnsafeBytes(ContentHash.init)) }
    #expect(hashes.count == 1 + 67 * 8 + 67)
  }

  // MARK: In plans

  private static func packing(_ id: String, _ packs: Locked<Int>, key: [UInt64]) throws -> FakeBackend {
    FakeBackend(
      id, [try .fake(.matmul, "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]", when: "const(B) and contiguous(B)")],
      wrap: { prepared, request in
        PackingOperation(prepared, bytes: 4 * request.inputs[1].shape.reduce(1, *), packs: packs, key: key)
      })
  }

  private static func plan(_ backend: FakeBackend, rows: Int) throws -> Plan {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [rows, 2]), name: "x")
    let w = trace.input(TensorType(.float32, [2, 2]), name: "w", role: .constant)
    return try Runtime.with([backend]).makePlan(trace.finish([try x.matmul(w)]))
  }

  /// Two batch sizes of one model, and the same model on another backend, hold one packed copy of a weight.
  @Test func plansAndBackendsShareWhatTheyPack() throws {
    let packs = Locked(0)
    let (left, right) = (
      try Self.packing("left", packs, key: [7, 7]), try Self.packing("right", packs, key: [7, 7])
    )
    let plans = [try Self.plan(left, rows: 1), try Self.plan(left, rows: 3), try Self.plan(right, rows: 2)]
    let weights = try Self.weights([0, 1, 1, 0])
    let pools = try plans.map { plan in
      try ConstantPool(plan, constants: [weights], store: store)
    }
    #expect(packs.withLock { $0 } == 1)
    #expect(store.byteCount == 16)
    #expect(pools[0].packed[0] === pools[1].packed[0] && pools[0].packed[0] === pools[2].packed[0])
    #expect(pools.allSatisfy { $0.memory.bytes.count < 16 })
    // Equal elements in another tensor are the same content; others are packed anew.
    let again = try ConstantPool(plans[0], constants: [try Self.weights([0, 1, 1, 0])], store: store)
    let changed = try ConstantPool(plans[0], constants: [try Self.weights([0, 1, 1, 2])], store: store)
    #expect(packs.withLock { $0 } == 2)
    #expect(again.packed[0] === pools[0].packed[0] && changed.packed[0] !== pools[0].packed[0])
  }

  @Test func otherKeysAreNotMixed() throws {
    let packs = Locked(0)
    let weights = try Self.weights([0, 1, 1, 0])
    let pools = try ([[7, 7], [7, 8], [0, 0], [0, 0]] as [[UInt64]]).map { key in
      let plan = try Self.plan(try Self.packing("packing", packs, key: key), rows: 1)
      return try ConstantPool(plan, constants: [weights], store: store)
    }
    #expect(packs.withLock { $0 } == 4)
    #expect(Set(pools.map { ObjectIdentifier($0.packed[0]) }).count == 4)
  }

  @Test func packedPlansComputeWithTheirOwnWeights() throws {
    let packs = Locked(0)
    let plan = try Self.plan(try Self.packing("packing", packs, key: [9, 9]), rows: 1)
    let x = try Tensor([1, 2], shape: [1, 2], dtype: .float32)
    for _ in 0..<2 {
      #expect(try plan.run([x, try Self.weights([0, 1, 1, 0])])[0].scalars() == [2, 1])
      #expect(try plan.run([x, try Self.weights([3, 0, 0, 3])])[0].scalars() == [3, 6])
    }
  }
}
