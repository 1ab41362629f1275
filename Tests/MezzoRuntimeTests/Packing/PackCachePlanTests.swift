import Foundation
import MezzoBackend
import MezzoGraph
import MezzoPlugins
import MezzoPolicy
import Testing

@testable import MezzoRuntime

/// Packed weights of plans, kept on disk.
@Suite struct PackCachePlanTests {
  private let folder = PackCacheFolder()

  private func product(
    _ runtime: Runtime, rows: Int, inner: Int, columns: Int, _ dtype: DType
  ) throws -> Plan {
    let trace = Trace()
    let x = trace.input(TensorType(dtype, [rows, inner]), name: "x")
    let w = trace.input(TensorType(dtype, [inner, columns]), name: "w", role: .constant)
    return try runtime.makePlan(trace.finish([try x.matmul(w)]))
  }

  private func values(_ shape: [Int], _ dtype: DType, seed: UInt64) throws -> Tensor {
    var random = Xorshift(state: seed)
    return try Tensor(
      (0..<shape.reduce(1, *)).map { _ in Double(random.next() % 2001) / 1000 - 1 }, shape: shape, dtype: dtype)
  }

  @Test func aSecondRuntimeDoesNotAskTheBackendToPack() throws {
    let weights = try values([2, 2], .float32, seed: 1)
    let x = try values([1, 2], .float32, seed: 2)
    var results: [[Tensor]] = []
    for (code, expected) in [("a", 1), ("a", 0), ("b", 1), ("b", 0), (nil, 1)] as [(String?, Int)] {
      let packs = Locked(0)
      let rule = try Rule.fake(.matmul, "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]", when: "const(B) and contiguous(B)")
      let backend = FakeBackend(
        "packing", [rule], code: code,
        wrap: { prepared, request in PackingOperation(prepared, bytes: 16, packs: packs, key: [3, 4]) })
      let cache = folder.program().cache
      let runtime = Runtime(
        BackendRegistry([backend] + BackendRegistry.builtin().backends), threads: 2, packCache: cache)
      let plan = try product(runtime, rows: 1, inner: 2, columns: 2, .float32)
      let pool = try ConstantPool(plan, constants: [weights], store: PackStore())
      #expect(packs.withLock { $0 } == expected)
      results.append(try plan.run([x], with: pool))
      cache.finish()
    }
    #expect(results.allSatisfy { $0 == results[0] })
    #expect(folder.files.count == 2 && folder.lines == [])
  }

  /// The built-in kernels' own forms, in the dtypes that they pack: equal bits with, without and from the cache.
  @Test(arguments: [DType.float32, .bfloat16, .float16]) func resultsAreTheSameBits(dtype: DType) throws {
    let weights = try values([70, 130], dtype, seed: 3)
    let x = try values([5, 70], dtype, seed: 4)
    func run(_ cache: PackCache?) throws -> [Tensor] {
      let runtime = Runtime(.builtin(), threads: 2, packCache: cache)
      let plan = try product(runtime, rows: 5, inner: 70, columns: 130, dtype)
      let result = try plan.run([x], with: ConstantPool(plan, constants: [weights], store: PackStore()))
      cache?.finish()
      return result
    }
    let expected = try run(nil)
    #expect(try run(folder.program().cache) == expected)
    let files = folder.files
    #expect(files.count == 1, "the product packs its weights")
    let written = try #require(inode(files.first))
    #expect(try run(folder.program().cache) == expected)
    #expect(folder.files == files && inode(files.first) == written, "nothing is packed and written again")
    #expect(folder.lines == [])
  }

  private func inode(_ path: String?) -> UInt64? {
    var status = stat()
    return path.flatMap { stat($0, &status) == 0 ? UInt64(status.st_ino) : nil }
  }

  @Test func runtimesHaveNoCacheUnlessTheyAreGivenOne() {
    #expect(Runtime(.builtin()).packCache == nil)
    let cache = folder.program().cache
    #expect(Runtime(.builtin(), packCache: cache).packCache === cache)
  }
}
