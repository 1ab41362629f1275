import CMezzoABI
import Dispatch
import Foundation
import MezzoBackend
import MezzoPolicy
import Testing

@testable import MezzoPlugins

@Suite(.enabled(if: TestPlugin.compiler != nil)) struct NativeOperationTests {
  private let folder = try? TemporaryFolder()

  private func prepare(_ plugin: TestPlugin, _ request: OperationRequest) throws -> any PreparedOperation {
    let backend = try NativeBackend(library: plugin.build(in: try #require(folder)))
    return try backend.prepare(request, rule: backend.rules[0], threads: 1)
  }

  @Test func aPlansClaimsArriveAsStated() throws {
    let operation = try prepare(
      TestPlugin(plan: "args->workspace = 192; args->packed_bytes = 32; args->pack_key[0] = 5; args->pack_key[1] = 6;"),
      reluRequest(4, isConstant: true))
    #expect(operation.workspaceBytes == 192)
    #expect(operation.packing == Packing(operand: 0, bytes: 32, key: [5, 6]))
    #expect(operation.consumedEpilogue == 0)
  }

  @Test func aPlanWithoutClaimsNeedsNothing() throws {
    let operation = try prepare(TestPlugin(), reluRequest(4))
    #expect(operation.workspaceBytes == 0)
    #expect(operation.packing == nil)
  }

  @Test func packingWritesTheDestination() throws {
    let pack = """
      if (args->operand != 0 || args->dst_bytes != 8) return MEZZO_INVALID;
      for (int i = 0; i < 2; i++) ((float *)args->dst)[i] = -((float *)args->src->data)[i];
      return MEZZO_OK;
      """
    let operation = try prepare(
      TestPlugin(plan: "args->packed_bytes = 8;", pack: pack), reluRequest(2, isConstant: true))
    var (values, packed): ([Float], [Float]) = ([1, 2], [0, 0])
    try values.withUnsafeMutableBytes { values in
      try packed.withUnsafeMutableBytes { packed in
        var tensor = mezzo_tensor()
        tensor.data = values.baseAddress
        try operation.pack(&tensor, into: try #require(packed.baseAddress))
      }
    }
    #expect(packed == [-1, -2])
  }

  @Test func aPackThatFailsSaysSo() throws {
    let operation = try prepare(
      TestPlugin(plan: "args->packed_bytes = 8;", pack: #"return say(args->h.err, MEZZO_OOM, "no room");"#),
      reluRequest(2, isConstant: true))
    let destination = UnsafeMutableRawPointer.allocate(byteCount: 8, alignment: 64)
    defer { destination.deallocate() }
    var tensor = mezzo_tensor()
    #expect(throws: BackendError(backend: "test", kind: .outOfMemory, message: "no room")) {
      try operation.pack(&tensor, into: destination)
    }
  }

  @Test func anExecutionThatFailsSaysSo() throws {
    let operation = try prepare(
      TestPlugin(execute: #"return say(args->h.err, MEZZO_INTERNAL, "device lost its head");"#), reluRequest(1))
    let error = #expect(throws: BackendError.self) { try execute(operation, on: [1]) }
    #expect(error?.message == "device lost its head")
  }

  @Test func aPlanThatIsNotReentrantRunsOnOneThreadAtATime() throws {
    let operation = try prepare(
      TestPlugin(
        execute: """
          if (__atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST) != 0) return MEZZO_INTERNAL;
          nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
          __atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
          """, flags: "0", declarations: "#include <time.h>\nstatic int inside;"), reluRequest(1))
    let (threads, failures) = (4, Locked(0))
    let finished = DispatchSemaphore(value: 0)
    // Threads of their own, since a loaded pool might run the calls one after the other.
    for _ in 0..<threads {
      Thread {
        if (try? execute(operation, on: [1])) != [1] { failures.withLock { $0 += 1 } }
        finished.signal()
      }.start()
    }
    for _ in 0..<threads { finished.wait() }
    #expect(failures.withLock { $0 } == 0)
  }

  @Test func aPlanIsReleasedWithItsOperationAndKeepsItsBackend() throws {
    let plugin = TestPlugin(
      plan: #"if (live) return say(args->h.err, MEZZO_UNSUPPORTED, "one at a time"); live = 1;"#,
      release: "live = 0;", declarations: "static int live;")
    let backend = try NativeBackend(library: plugin.build(in: try #require(folder)))
    var operation: (any PreparedOperation)? = try backend.prepare(reluRequest(1), rule: backend.rules[0], threads: 1)
    #expect(throws: BackendError.self) { try backend.prepare(reluRequest(1), rule: backend.rules[0], threads: 1) }
    #expect(try execute(try #require(operation), on: [3]) == [3])
    operation = nil
    #expect(throws: Never.self) { try backend.prepare(reluRequest(1), rule: backend.rules[0], threads: 1) }
  }
}
