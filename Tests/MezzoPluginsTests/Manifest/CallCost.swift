import CMezzoABI
import Foundation
import MezzoBackend
import MezzoPolicy

@testable import MezzoPlugins

/// A foreign call of 14 arguments by manifest and one of a compiled plugin, both of functions that do nothing.
struct CallCost {
  let manifest: any PreparedOperation
  let native: any PreparedOperation

  static let source = """
    #include "mezzo_backend.h"
    #include <stddef.h>
    void nothing(int32_t a, int32_t b, int32_t c, int32_t m, int32_t n, int32_t k, float alpha, const void *A, int32_t lda,
                 const void *B, int32_t ldb, float beta, void *C, int32_t ldc) {}
    static const mezzo_rule rules[] = {{.struct_size = sizeof(mezzo_rule), .op = MEZZO_OP_MATMUL, .name = "nothing",
      .sig = "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]", .flags = MEZZO_R_REENTRANT}};
    static mezzo_status open_it(void *self, mezzo_open_args *args) { return MEZZO_OK; }
    static mezzo_status close_it(void *self, mezzo_call *args) { return MEZZO_OK; }
    static mezzo_status plan(void *self, mezzo_plan_args *args) { return MEZZO_OK; }
    static mezzo_status execute(void *self, mezzo_exec_args *args) { return MEZZO_OK; }
    static mezzo_status release(void *self, mezzo_release_args *args) { return MEZZO_OK; }
    static const mezzo_backend table = {.struct_size = sizeof(mezzo_backend), .abi_major = MEZZO_ABI_MAJOR,
      .abi_minor = 0, .id = "nothing", .version = "1", .rules = rules, .n_rules = 1, .rule_stride = sizeof(mezzo_rule),
      .open = open_it, .close = close_it, .plan = plan, .execute = execute, .release = release};
    const mezzo_backend *mezzo_backend_query(const mezzo_offer *offer) { return &table; }
    """

  static func manifest(_ library: String) -> String {
    """
    manifest = 1
    [backend]
    id = "nothing"
    version = "1"
    [library]
    names = ["\(library)"]
    [[bind]]
    name = "nothing"
    op = "matmul"
    sig = "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]"
    when = "row(C)"
    symbol = "nothing"
    args = [
      ["i32", 101], ["i32", "if(row(A), 111, 112)"], ["i32", "if(row(B), 111, 112)"], ["i32", "m"], ["i32", "n"], ["i32", "k"],
      ["f32", "alpha"], ["ptr", "A"], ["i32", "ld(A)"], ["ptr", "B"], ["i32", "ld(B)"], ["f32", "beta"], ["ptr", "C"],
      ["i32", "ld(C)"],
    ]
    """
  }

  init(library: String) throws {
    let operand = Operand(dtype: .float32, shape: [4, 4])
    let request = OperationRequest(.matmul, inputs: [operand, operand], results: [operand])
    let bound = try ManifestBackend(Manifest(parsing: Self.manifest(library), path: library))
    manifest = try bound.prepare(request, rule: bound.rules[0], threads: 1)
    let compiled = try NativeBackend(library: library)
    native = try compiled.prepare(request, rule: compiled.rules[0], threads: 1)
  }

  /// Executes `count` times on tensors of nothing.
  static func run(_ operation: any PreparedOperation, count: Int, _ body: (() -> Void) -> Void) {
    var tensors = [mezzo_tensor](repeating: mezzo_tensor(), count: 3)
    tensors.withUnsafeMutableBufferPointer { tensors in
      let stride = UInt32(MemoryLayout<mezzo_tensor>.stride)
      var frame = mezzo_exec_args()
      frame.in = mezzo_tensors(at: tensors.baseAddress, count: 2, stride: stride)
      frame.out = mezzo_tensors(at: tensors.baseAddress.map { $0 + 2 }, count: 1, stride: stride)
      withUnsafeMutablePointer(to: &frame) { frame in
        _ = operation.execute(frame)
        body { for _ in 0..<count { _ = operation.execute(frame) } }
      }
    }
  }

  /// Nanoseconds a call, of the best of several rounds.
  static func nanoseconds(_ operation: any PreparedOperation, rounds: Int = 9, count: Int = 200_000) -> Double {
    var best = Double.infinity
    for _ in 0..<rounds {
      run(operation, count: count) { calls in
        let time = ContinuousClock().measure(calls)
        best = min(best, Double(time.components.attoseconds) / 1e9 / Double(count))
      }
    }
    return best
  }
}
