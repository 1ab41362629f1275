import CMezzoABI
import CMezzoHost
package import MezzoBackend
import MezzoPolicy

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the run path costs beside the work: calls of functions that do nothing, in the library `MezzoCalls`, which lies beside
/// programs of this package.
package struct CallCost {
  package struct Path: Sendable {
    package var name: String
    /// Of the C function.
    package var arguments: Int
    fileprivate var operation: any PreparedOperation
  }

  /// A compiled plugin's `execute`, and a manifest's call of as many arguments as a BLAS has.
  package let paths: [Path]

  /// Where the library is, whether it is there or not.
  package static var library: String? { SearchPath.bundled("MezzoCalls") }

  package init(library: String) throws(BackendError) {
    let operand = Operand(dtype: .float32, shape: [4, 4])
    let request = OperationRequest(.matmul, inputs: [operand, operand], results: [operand])
    let native = try NativeBackend(library: library)
    let manifest = try ManifestBackend(try Self.manifest(library))
    func prepared(_ backend: any Backend) throws(BackendError) -> any PreparedOperation {
      try backend.prepare(request, rule: backend.rules[0], threads: 1)
    }
    paths = [
      Path(name: "compiled plugin", arguments: 2, operation: try prepared(native)),
      Path(name: "manifest", arguments: 14, operation: try prepared(manifest)),
    ]
  }

  private static func manifest(_ library: String) throws(BackendError) -> Manifest {
    let text = """
      manifest = 1
      [backend]
      id = "calls"
      version = "1"
      [library]
      names = ['\(library)']
      [[bind]]
      name = "nothing"
      op = "matmul"
      sig = "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]"
      when = "row(C)"
      symbol = "mezzo_calls_nothing"
      args = [
        ["i32", 101], ["i32", "if(row(A), 111, 112)"], ["i32", "if(row(B), 111, 112)"], ["i32", "m"], ["i32", "n"], ["i32", "k"],
        ["f32", "alpha"], ["ptr", "A"], ["i32", "ld(A)"], ["ptr", "B"], ["i32", "ld(B)"], ["f32", "beta"], ["ptr", "C"],
        ["i32", "ld(C)"],
      ]
      """
    do throws(ManifestError) {
      return try Manifest(parsing: text, path: library)
    } catch {
      throw BackendError(backend: "calls", kind: .unloadable, message: error.description)
    }
  }

  /// Nanoseconds a call: the best of the rounds that fit in `duration`, since whatever disturbs a round makes it longer.
  package func nanoseconds(_ path: Path, for duration: Duration, calls: Int = 1000) -> Double {
    let begin = ContinuousClock.now
    var best = Duration.seconds(3600)
    repeat {
      Self.execute(path.operation, calls) { calls in best = min(best, ContinuousClock().measure(calls)) }
    } while ContinuousClock.now - begin < duration
    return Double(best.components.attoseconds) / 1e9 / Double(calls)
  }

  /// How often memory was allocated in `calls` calls; `nil` where nobody counts: the library counts where it was loaded in
  /// front of the C library, by `LD_PRELOAD`.
  package func allocations(_ path: Path, calls: Int = 1000) -> Int? {
    var counted: Int?
    Self.execute(path.operation, calls) { counted = Self.allocations($0) }
    return counted
  }

  /// How often this thread allocates in `body`.
  package static func allocations(_ body: () -> Void) -> Int? {
    guard let counter else { return nil }
    let before = counter()
    body()
    return Int(counter() - before)
  }

  /// Whether allocations are counted in this process.
  package static var counts: Bool { counter != nil }

  /// Whether a program could be started in which they are. A sanitizer has an allocator in whose place nothing can be put.
  package static var canCount: Bool {
    #if canImport(Glibc)
      mezzo_is_sanitized() == 0
    #else
      false
    #endif
  }

  private static let counter: (@convention(c) () -> Int64)? = {
    // Of all that was there when the program began, as nothing that was opened later counts.
    guard let symbol = dlsym(dlopen(nil, RTLD_NOW), "mezzo_calls_allocations") else { return nil }
    return unsafeBitCast(symbol, to: (@convention(c) () -> Int64).self)
  }()

  /// Executes once, and then as often as is said, within `body`, on tensors of nothing.
  private static func execute(_ operation: any PreparedOperation, _ count: Int, _ body: (() -> Void) -> Void) {
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
}
