import Foundation
import MezzoBackend
import MezzoConformance
import MezzoPlugins
import MezzoPolicy
import MezzoRuntime
import Testing

/// Everything that a manifest can say, on a library that the test compiles, under the conformance kit.
@Suite(.enabled(if: TestPlugin.compiler != nil)) struct ManifestFeatureTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let source = """
    #include <stddef.h>
    #include <stdint.h>
    #include <string.h>
    #ifndef INT
    #define INT int64_t
    #endif

    /* ---- packed: columns one after the other, each with a gap behind it */
    void pack_columns(const float *b, int64_t ldb, float *to, int64_t k, int64_t n) {
      for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < k; i++) to[j * (k + 3) + i] = b[i * ldb + j];
    }
    void multiply_packed(const float *a, int64_t lda, const float *b, float *c, int64_t ldc, int64_t m, int64_t n, int64_t k,
                         const float *bias, int32_t has_bias, int32_t relu) {
      for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
          double sum = 0;
          for (int64_t p = 0; p < k; p++) sum += (double)a[i * lda + p] * b[j * (k + 3) + p];
          if (has_bias != (bias != NULL)) return;
          if (has_bias) sum += bias[j];
          if (relu && sum < 0) sum = 0;
          c[i * ldc + j] = (float)sum;
        }
    }

    /* ---- results that are returned */
    uint8_t finite(const float *x, size_t n) {
      for (size_t i = 0; i < n; i++) if (x[i] - x[i] != 0) return 0;
      return 1;
    }
    float sum_float(const float *x, int64_t n) { double sum = 0; for (int64_t i = 0; i < n; i++) sum += x[i]; return (float)sum; }
    double sum_double(const double *x, int64_t n) { double sum = 0; for (int64_t i = 0; i < n; i++) sum += x[i]; return sum; }
    int32_t largest(const float *x, int64_t n) {
      int32_t best = 0;
      for (int64_t i = 1; i < n; i++) if (x[i] > x[best] || (x[i] != x[i] && x[best] == x[best])) best = (int32_t)i;
      return best;
    }

    /* ---- any layout, by arrays of extents and strides */
    void negate_strided(const float *x, float *y, int32_t rank, const INT *extents, const INT *from, const INT *to) {
      INT place[16] = {0};
      for (int32_t axis = 0; axis < rank; axis++) if (extents[axis] == 0) return;
      for (;;) {
        INT source = 0, target = 0;
        for (int32_t axis = 0; axis < rank; axis++) {
          source += place[axis] * from[axis];
          target += place[axis] * to[axis];
        }
        y[target] = -x[source];
        int32_t axis = rank;
        while (axis > 0 && ++place[axis - 1] == extents[axis - 1]) place[--axis] = 0;
        if (axis == 0) return;
      }
    }

    /* ---- integers of one width or the other */
    INT isamax_(const INT *n, const float *x, const INT *step) {
      INT best = 0;
      for (INT i = 1; i <= *n; i++) if (best == 0 || x[(i - 1) * *step] > x[(best - 1) * *step]) best = i;
      return best;
    }
    #define PASTE(name, suffix) name##suffix
    #define SUFFIXED(name, suffix) PASTE(name, suffix)
    #ifndef SUFFIX
    #define SUFFIX
    #endif
    /* Extents by address, and leading dimensions by value behind more arguments than registers take. */
    void SUFFIXED(multiply, SUFFIX)(const INT *extents, const float *a, const float *b, float *c, float alpha, float beta, INT lda,
                                    INT ldb, INT ldc, const INT *leading) {
      if (lda != leading[0] || ldb != leading[1] || ldc != leading[2]) return;
      for (INT i = 0; i < extents[0]; i++)
        for (INT j = 0; j < extents[1]; j++) {
          double sum = 0;
          for (INT p = 0; p < extents[2]; p++) sum += (double)a[i * lda + p] * b[p * ldb + j];
          c[i * ldc + j] = (float)(alpha * sum + (beta == 0 ? 0 : beta * c[i * ldc + j]));
        }
    }
    """

  private static let halfSource = """
    #include <stdint.h>
    #include <string.h>
    static float widen(uint16_t bits) { _Float16 half; memcpy(&half, &bits, 2); return (float)half; }
    static void multiply(const _Float16 *a, const int64_t *sa, const _Float16 *b, const int64_t *sb, _Float16 *c, const int64_t *sc,
                         const int32_t *extents, float alpha, float beta) {
      for (int64_t i = 0; i < extents[0]; i++)
        for (int64_t j = 0; j < extents[1]; j++) {
          double sum = 0;
          for (int64_t p = 0; p < extents[2]; p++) sum += (double)a[i * sa[0] + p * sa[1]] * (double)b[p * sb[0] + j * sb[1]];
          _Float16 *to = &c[i * sc[0] + j * sc[1]];
          *to = (_Float16)(float)(alpha * sum + (beta == 0 ? 0 : beta * (double)*to));
        }
    }
    void multiply_native(const _Float16 *a, const int64_t *sa, const _Float16 *b, const int64_t *sb, _Float16 *c, const int64_t *sc,
                         const int32_t *extents, _Float16 alpha, _Float16 beta) {
      multiply(a, sa, b, sb, c, sc, extents, (float)alpha, (float)beta);
    }
    void multiply_bits(const _Float16 *a, const int64_t *sa, const _Float16 *b, const int64_t *sb, _Float16 *c, const int64_t *sc,
                       const int32_t *extents, uint16_t alpha, uint16_t beta) {
      multiply(a, sa, b, sb, c, sc, extents, widen(alpha), widen(beta));
    }
    _Float16 sum_half(const _Float16 *x, int64_t n) { double sum = 0; for (int64_t i = 0; i < n; i++) sum += (double)x[i]; return (_Float16)(float)sum; }
    uint16_t sum_bits(const _Float16 *x, int64_t n) { const _Float16 sum = sum_half(x, n); uint16_t bits; memcpy(&bits, &sum, 2); return bits; }
    """

  /// What the kit says of a manifest on that library.
  private func report(
    _ binds: String, library more: String = "", source: String = Self.source, name: String = "subject"
  ) throws -> ConformanceReport {
    var plugin = TestPlugin()
    plugin.source = source
    _ = try plugin.build(in: folder, as: name)
    let text = """
      manifest = 1
      [backend]
      id = "subject"
      version = "1"
      [library]
      names = ["./\(name)\(TestPlugin.suffix)"]
      \(more)
      \(binds)
      """
    let path = folder.file("\(name).toml")
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    let backend = try ManifestBackend(file: path)
    return ConformanceKit(backend: backend, reference: nil).run()
  }

  private func expectConforming(_ report: ConformanceReport, cases: Int) {
    #expect(report.isConforming && report.declined == 0 && report.untestedRules.isEmpty, "\(report)")
    #expect(report.cases >= cases, "\(report)")
  }

  private static let packed = """
    [[bind]]
    name = "packed"
    op = "matmul"
    sig = "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]"
    when = "row(A) and row(B) and row(C) and const(B) and n > 0 and alpha == 1 and beta == 0"
    epilogue = ["bias", "relu"]
    packed = { operand = "B", bytes = "4 * n * (k + 3)" }
    pack = [{ symbol = "pack_columns", args = [["ptr", "B"], ["i64", "ld(B)"], ["ptr", "packed(B)"], ["i64", "k"], ["i64", "n"]] }]
    symbol = "multiply_packed"
    args = [
      ["ptr", "A"], ["i64", "ld(A)"], ["ptr", "packed(B)"], ["ptr", "C"], ["i64", "ld(C)"], ["i64", "m"], ["i64", "n"], ["i64", "k"],
      ["ptr", "bias"], ["i32", "if(present(bias), 1, 0)"], ["i32", "if(epilogue.relu, 1, 0)"],
    ]
    """

  @Test func packsConstantsAndDoesTheEpilogue() throws {
    expectConforming(try report(Self.packed), cases: 20)
  }

  @Test func aStepThatIsNotDoneIsFound() throws {
    let forgetful = Self.packed.replacing("if(epilogue.relu, 1, 0)", with: "if(epilogue.relu, 0, 0)")
    let report = try report(forgetful)
    #expect(report.failures.contains { $0.request.contains("relu") && $0.what.contains("is wrong") }, "\(report)")
    #expect(report.failures.allSatisfy { $0.request.contains("relu") }, "\(report)")
  }

  @Test func whatIsReturnedGoesIntoTheResult() throws {
    let text = """
      [[bind]]
      name = "finite"
      op = "all_finite"
      sig = "x:f32 -> y:bool[]"
      when = "contiguous(x)"
      symbol = "finite"
      returns = "u8"
      into = "y"
      args = [["ptr", "x"], ["size", "count(x)"]]
      [[bind]]
      name = "sum"
      op = "reduce_sum"
      sig = "x:f32[n] -> y:f32[1]"
      accum = "f64"
      when = "row(x) and count(axes) == 1 and stride(y, -1) > 0"
      symbol = "sum_float"
      returns = "f32"
      into = "y"
      args = [["ptr", "x"], ["i64", "n"]]
      [[bind]]
      name = "sums-of-rows"
      op = "reduce_sum"
      sig = "x:f64[n] -> y:f64[1]"
      accum = "f64"
      when = "stride(x, -1) == 1 and count(axes) == 1 and stride(y, -1) > 0"
      batch = "loop"
      symbol = "sum_double"
      returns = "f64"
      into = "y"
      args = [["ptr", "x"], ["i64", "n"]]
      [[bind]]
      name = "largest"
      op = "arg_max"
      sig = "x:f32[n] -> y:i32[1]"
      when = "row(x) and stride(y, -1) > 0 and axis == 0"
      symbol = "largest"
      returns = "i32"
      into = "y"
      args = [["ptr", "x"], ["i64", "n"]]
      """
    expectConforming(try report(text), cases: 20)
  }

  @Test(arguments: [("int64_t", "i64"), ("int32_t", "i32"), ("int16_t", "i16")])
  func arraysSayWhereElementsLie(cType: String, type: String) throws {
    let text = """
      [[bind]]
      name = "negate"
      op = "negate"
      sig = "x:f32 -> y:f32"
      symbol = "negate_strided"
      args = [
        ["ptr", "x"], ["ptr", "y"], ["i32", "rank(x)"], ["ptr", "array(\(type), dims(x))"], ["ptr", "array(\(type), strides(x))"],
        ["ptr", "array(\(type), strides(y))"],
      ]
      """
    let source = "#define INT \(cType)\n" + Self.source
    expectConforming(try report(text, source: "#include <stdint.h>\n" + source, name: "strided-\(type)"), cases: 30)
  }

  @Test(arguments: [
    ("int32_t", "", #"probe = { blasint = "isamax" }"#), ("int64_t", "64_", #"probe = { blasint = "isamax" }"#),
    ("int64_t", "_64", #"blasint = "i64""#), ("int32_t", "", #"blasint = "i32""#),
  ])
  func integersAreAsWideAsTheLibrarys(cType: String, suffix: String, width: String) throws {
    let text = """
      [[bind]]
      name = "multiply"
      op = "matmul"
      sig = "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]"
      when = "row(A) and row(B) and row(C)"
      batch = "loop"
      symbol = "multiply"
      args = [
        ["ptr", "array(blasint, m, n, k)"], ["ptr", "A"], ["ptr", "B"], ["ptr", "C"], ["f32", "alpha"], ["f32", "beta"],
        ["blasint", "ld(A)"], ["blasint", "ld(B)"], ["blasint", "ld(C)"], ["ptr", "array(blasint, ld(A), ld(B), ld(C))"],
      ]
      """
    let library = "suffixes = [\"\", \"64_\", \"_64\"]\n\(width)"
    let source = "#include <stdint.h>\n#define INT \(cType)\n#define SUFFIX \(suffix)\n" + Self.source
    let name = "wide-\(cType)\(suffix)"
    expectConforming(try report(text, library: library, source: source, name: name), cases: 60)
    // Of the other width it is wrong, and the kit says so.
    let other = cType == "int64_t" ? "i32" : "i64"
    let wrong = try report(
      text, library: "suffixes = [\"\", \"64_\", \"_64\"]\nblasint = \"\(other)\"", source: source,
      name: "wrong-\(name)")
    #expect(!wrong.isConforming)
  }

  /// Of an argument on the stack a call writes as many bytes as the manifest says: what a function reads beyond them, or of an
  /// argument that nobody passes, is what lay there. The kit leaves garbage there instead of the zeros of a young process.
  @Test func argumentsThatOnlyHappenToBeRightAreFound() throws {
    let source = """
      #include <stdint.h>
      void negate_all(const float *x, float *y, int64_t a, int64_t b, int64_t c, int64_t d, int64_t n) {
        if (n < 0 || n > 1000000) return;
        for (int64_t i = 0; i < n; i++) y[i] = -x[i];
      }
      """
    func report(_ last: String, name: String) throws -> ConformanceReport {
      try self.report(
        """
        [[bind]]
        name = "negate"
        op = "negate"
        sig = "x:f32 -> y:f32"
        when = "contiguous(x) and contiguous(y)"
        symbol = "negate_all"
        args = [["ptr", "x"], ["ptr", "y"], ["i64", "count(x)"], ["i64", 0], ["i64", 0], ["i64", 0]\(last)]
        """, source: source, name: name)
    }
    let right = try report(#", ["i64", "count(x)"]"#, name: "stack-right")
    #expect(right.isConforming, "\(right)")
    #if arch(x86_64)
      #expect(try !report(#", ["i32", "count(x)"]"#, name: "stack-narrow").isConforming)
      #expect(try !report("", name: "stack-none").isConforming)
    #endif
  }

  private static let half = """
    [[bind]]
    name = "multiply"
    op = "matmul"
    sig = "A:f16[m,k] B:f16[k,n] -> C:f16[m,n]"
    symbol = "multiply_native"
    args = [
      ["ptr", "A"], ["ptr", "array(i64, strides(A))"], ["ptr", "B"], ["ptr", "array(i64, strides(B))"],
      ["ptr", "C"], ["ptr", "array(i64, strides(C))"], ["ptr", "array(i32, m, n, k)"], ["f16", "alpha"], ["f16", "beta"],
    ]
    [[bind]]
    name = "sum"
    op = "reduce_sum"
    sig = "x:f16[n] -> y:f16[1]"
    when = "row(x) and count(axes) == 1 and stride(y, -1) > 0"
    symbol = "sum_half"
    returns = "f16"
    into = "y"
    args = [["ptr", "x"], ["i64", "n"]]
    """

  /// A half has no type in libffi; both ways in which libraries take one are told from each other by the kit.
  @Test func halvesArriveByValue() throws {
    let bits = Self.half.replacing("multiply_native", with: "multiply_bits").replacing("sum_half", with: "sum_bits")
    let (native, integer): (ConformanceReport, ConformanceReport)
    do {
      native = try report(Self.half, library: #"half = "native""#, source: Self.halfSource, name: "half-native")
      integer = try report(bits, library: #"half = "u16""#, source: Self.halfSource, name: "half-u16")
    } catch let error as TestPlugin.CompilerError {
      withKnownIssue("halves are not tested: this C compiler has no _Float16") { throw error }
      return
    }
    expectConforming(native, cases: 60)
    expectConforming(integer, cases: 60)
    #if arch(x86_64) || arch(arm64)
      let wrong = try report(Self.half, library: #"half = "u16""#, source: Self.halfSource, name: "half-wrong")
      #expect(wrong.failures.contains { $0.rule == "multiply" && $0.what.contains("is wrong") }, "\(wrong)")
    #endif
  }
}
