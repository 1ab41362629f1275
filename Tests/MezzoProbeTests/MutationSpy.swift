#if os(Linux)
  import CMezzoABI
  import Foundation
  import Glibc
  import MezzoBackend
  import MezzoPolicy

  @testable import MezzoPlugins

  /// Says whether a changed manifest can do any harm: functions with the prototypes of the true library write down what they
  /// are given, and nothing else.
  ///
  /// A mutation is neutral if for many random requests the same functions see the same value in each of their parameters as
  /// they do by the original, or are not called at all, and the rules promise no more. So it is this machine's calling
  /// convention that decides, and no opinion.
  struct MutationSpy {
    private let folder: TemporaryFolder
    private let library: String
    private let spy: Functions
    private let requests: [OperationRequest]
    private let original: Behaviour

    private static let source =
      """
      #include <stdint.h>
      #include <string.h>
      typedef struct { int64_t function, whole[12]; double real[2]; } call;
      static call calls[16];
      static int64_t count;
      int64_t spy_count(void) { return count; }
      const call *spy_calls(void) { return calls; }
      /* Arguments that nobody passes are not found where the last call left them. */
      __attribute__((noinline)) void spy_clear(int byte) {
        volatile char stack[16384];
        for (int i = 0; i < 16384; i++) stack[i] = byte;
        memset(calls, 0, sizeof calls);
        count = 0;
      }
      static call *next(int64_t function) {
        call *call = &calls[count++ % 16];
        call->function = function;
        return call;
      }
      int isamax_(const int *n, const float *x, const int *step) { return *n > 0 ? 2 : 0; }
      void openblas_set_num_threads(int n) {}
      #define GEMM(name, number, T)                                                                          \\
        void name(int order, int ta, int tb, int m, int n, int k, T alpha, const T *a, int lda, const T *b,  \\
                  int ldb, T beta, T *c, int ldc) {                                                          \\
          const int64_t whole[] = {order, ta, tb, m, n, k, (intptr_t)a, lda, (intptr_t)b, ldb, (intptr_t)c, ldc}; \\
          call *call = next(number);                                                                         \\
          memcpy(call->whole, whole, sizeof whole);                                                          \\
          call->real[0] = alpha;                                                                             \\
          call->real[1] = beta;                                                                              \\
        }
      GEMM(cblas_sgemm, 1, float)
      GEMM(cblas_dgemm, 2, double)

      """
      + ManifestMutation.wrongSymbols.enumerated().dropFirst(2)
      .map { "void \($0.element)(void) { next(\($0.offset + 1)); }" }.joined(separator: "\n")

    private struct Functions {
      var count: @convention(c) () -> Int
      var calls: @convention(c) () -> UnsafeRawPointer
      var clear: @convention(c) (Int32) -> Void
      static let callBytes = 15 * 8

      init?(_ path: String) {
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL), let count = dlsym(handle, "spy_count"),
          let calls = dlsym(handle, "spy_calls"), let clear = dlsym(handle, "spy_clear")
        else { return nil }
        self.count = unsafeBitCast(count, to: (@convention(c) () -> Int).self)
        self.calls = unsafeBitCast(calls, to: (@convention(c) () -> UnsafeRawPointer).self)
        self.clear = unsafeBitCast(clear, to: (@convention(c) (Int32) -> Void).self)
      }
    }

    /// What is called for each request by each rule, and what the rules promise.
    private struct Behaviour {
      var calls: [[String: Data]]
      var traits: [String: Rule.Traits]
    }

    struct Failure: Error { var text: String }

    /// - Parameter text: the manifest that is changed.
    init(_ text: String, requests count: Int) throws {
      folder = try TemporaryFolder()
      var plugin = TestPlugin()
      plugin.source = Self.source
      library = try plugin.build(in: folder, as: "spy")
      guard let spy = Functions(library) else { throw Failure(text: "the spy cannot be opened") }
      self.spy = spy
      requests = Self.requests(count)
      original = try Self.behaviour(text, library, spy, requests)
      guard original.calls.contains(where: { !$0.isEmpty }) else { throw Failure(text: "the original makes no calls") }
    }

    /// - Throws: `ManifestError` where the text cannot be read.
    func isNeutral(_ mutation: ManifestMutation) throws -> Bool {
      let changed = try Self.behaviour(mutation.text, library, spy, requests)
      for (rule, traits) in changed.traits {
        guard let promised = original.traits[rule], traits.isSubset(of: promised) else { return false }
      }
      return zip(changed.calls, original.calls).allSatisfy { changed, original in
        changed.allSatisfy { original[$0.key] == $0.value }
      }
    }

    private static func behaviour(
      _ text: String, _ library: String, _ spy: Functions, _ requests: [OperationRequest]
    ) throws -> Behaviour {
      let manifest = try Manifest(parsing: Self.text(text, binding: library), path: library)
      // What the library lacks, or will not open, is never called.
      guard let backend = try? ManifestBackend(manifest) else { return Behaviour(calls: [], traits: [:]) }
      return Behaviour(
        calls: requests.map { calls(backend, $0, spy) },
        traits: Dictionary(uniqueKeysWithValues: backend.rules.map { ($0.name, $0.traits) }))
    }

    /// The manifest with another library in the place of its own.
    static func text(_ text: String, binding library: String) -> String {
      text.split(separator: "\n", omittingEmptySubsequences: false)
        .map { $0.hasPrefix("names = ") ? "names = [\"\(library)\"]" : String($0) }.joined(separator: "\n")
    }

    private static func calls(_ backend: ManifestBackend, _ request: OperationRequest, _ spy: Functions) -> [String:
      Data]
    {
      var calls: [String: Data] = [:]
      for rule in backend.rules where rule.match(request, threads: 1) == .matches {
        guard let operation = try? backend.prepare(request, rule: rule, threads: 1) else { continue }
        // Addresses that nobody follows.
        var tensors = (1...3).map { place in
          var tensor = mezzo_tensor()
          tensor.data = UnsafeMutableRawPointer(bitPattern: place << 40)
          return tensor
        }
        tensors.withUnsafeMutableBufferPointer { tensors in
          let stride = UInt32(MemoryLayout<mezzo_tensor>.stride)
          var frame = mezzo_exec_args()
          frame.in = mezzo_tensors(at: tensors.baseAddress, count: 2, stride: stride)
          frame.out = mezzo_tensors(at: tensors.baseAddress.map { $0 + 2 }, count: 1, stride: stride)
          spy.clear(0x5B)
          _ = operation.execute(&frame)
        }
        guard spy.count() > 0 else { continue }
        calls[rule.name] = Data(bytes: spy.calls(), count: min(spy.count(), 16) * Functions.callBytes)
      }
      return calls
    }

    // MARK: Requests

    /// Products of all kinds, more varied than those of the conformance kit; the same in each run.
    private static func requests(_ count: Int) -> [OperationRequest] {
      var random = Xorshift(state: 0x5350_5921)
      func pick<T>(_ values: [T]) -> T { values[Int.random(in: values.indices, using: &random)] }
      return (0..<count).map { _ in
        let most = pick([3, 10, 100, 5000])
        func extent() -> Int {
          Int.random(in: 0..<10, using: &random) == 0 ? 0 : Int.random(in: 1...most, using: &random)
        }
        // Squares are what a slip with extents goes unnoticed in.
        let side = extent()
        let (m, k, n) = pick([true, false, false]) ? (side, side, side) : (extent(), extent(), extent())
        let batch = pick([[], [], [2], [3, 1]])
        let dtype = pick([DType.float32, .float64])
        let isMixed = pick([true, false, false, false])
        func operand(_ rows: Int, _ columns: Int, _ layouts: [Int]) -> Operand {
          let shape = batch + [rows, columns]
          return Operand(
            dtype: isMixed ? pick([.float32, .float64, .bfloat16, .int32]) : dtype, shape: shape,
            strides: strides(shape, pick(layouts)))
        }
        let (a, b, c) = (
          operand(m, k, [0, 0, 1, 1, 2, 2, 3, 4]), operand(k, n, [0, 0, 1, 1, 2, 2, 3, 4]),
          operand(m, n, [0, 0, 0, 2, 2, 1, 3])
        )
        let scales: [Double] = [1, 1, 0, -0.75, 1.5]
        return OperationRequest(
          .matmul,
          attributes: [Attribute("alpha", .float(pick(scales))), Attribute("beta", .float(pick([0] + scales)))],
          inputs: [a, b], results: [c], accumulator: pick([nil, nil, nil, .float64]))
      }
    }

    /// Rows; columns; rows with gaps; every other element; rows that are all the same.
    private static func strides(_ shape: [Int], _ layout: Int) -> [Int] {
      let (rows, columns) = (max(shape[shape.count - 2], 1), max(shape[shape.count - 1], 1))
      var inner = [columns, 1]
      switch layout {
      case 1: inner = [1, rows]
      case 2: inner = [columns + 5, 1]
      case 3: inner = [2 * columns, 2]
      case 4: inner = [0, 1]
      default: break
      }
      var strides = inner
      var step = 2 * (rows + 1) * (columns + 5)
      for extent in shape.dropLast(2).reversed() {
        strides.insert(step, at: 0)
        step *= extent
      }
      return strides
    }
  }
#endif
