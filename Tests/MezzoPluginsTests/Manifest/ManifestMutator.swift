import MezzoBackend
import MezzoPolicy

@testable import MezzoPlugins

/// Changes texts at random, mostly by what manifests are made of; the same seed gives the same texts.
struct ManifestMutator {
  var random: Xorshift

  init(seed: UInt64) { random = Xorshift(state: seed | 1) }

  private static let words = [
    "\"", "'", "\"\"\"", "'''", "[", "]", "[[", "]]", "{", "}", "=", ",", ".", "#", "\n", "\\", "\\u12", "\u{e4}",
    "\u{0}", "(",
    ")", "+", "-", "*", "//", "%", "==", "<", "and", "or", "not", "if(", "min(", "dim(A, -1)", "ld(A)", "row(A)", "A",
    "B", "C",
    "m", "alpha", "ret", "threads", "cpu.avx2", "9223372036854775807", "-9223372036854775808", "0x", "1e999", "1.5",
    "inf",
    "i32", "ptr", "f16", "blasint", "cstr", "array(i64, dims(A))", "packed(B)", "present(A)", "into = ", "workspace",
    "&h", "null", "[[bind]]",
    "[library]", "args = ", "prepare = ", "name = \"x\"", "T{f16,bf16}", "[...,m]", "->", "true", "0",
  ]

  mutating func mutate(_ text: String, with other: String) -> String {
    var bytes = Array(text.utf8)
    for _ in 0...Int.random(in: 0..<4, using: &random) {
      let place = Int.random(in: 0...bytes.count, using: &random)
      let length = min(Int.random(in: 1..<24, using: &random), bytes.count - place)
      switch Int.random(in: 0..<7, using: &random) {
      case 0: bytes.removeSubrange(place..<place + length)
      case 1:
        bytes.insert(contentsOf: bytes[place..<place + length], at: Int.random(in: 0...bytes.count, using: &random))
      case 2 where !bytes.isEmpty:
        bytes[min(place, bytes.count - 1)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 3:
        let piece = Array(other.utf8)
        let start = Int.random(in: 0...piece.count, using: &random)
        let end = min(piece.count, start + length)
        bytes.replaceSubrange(place..<place + length, with: piece[start..<end])
      case 4: bytes.replaceSubrange(place..<place + length, with: word().utf8)
      default: bytes.insert(contentsOf: word().utf8, at: place)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Puts words of the one in places of the other, which often makes sense.
  private mutating func exchange(_ text: String, _ other: String) -> String {
    var words = text.split(separator: " ")
    let others = other.split(separator: " ")
    for _ in 0...Int.random(in: 0..<3, using: &random) {
      words[Int.random(in: 0..<words.count, using: &random)] = others.randomElement(using: &random) ?? ""
    }
    return words.joined(separator: " ")
  }

  private mutating func word() -> String { Self.words.randomElement(using: &random) ?? "" }

  /// Reads a changed manifest; whatever it is, nothing but a `ManifestError` may come of it.
  /// - Returns: whether it was read.
  mutating func tryManifest(_ seeds: [String]) -> Bool {
    let text = mutate(seeds.randomElement(using: &random) ?? "", with: seeds.randomElement(using: &random) ?? "")
    guard let manifest = try? Manifest(parsing: text, path: "fuzz.toml") else { return false }
    // What was read is asked as a router would ask it.
    for rule in manifest.rules {
      for request in Self.requests { _ = rule.match(request, threads: 2) }
    }
    return true
  }

  private static let requests = [[5, 7, 3], [0, 1, 0]].map { sizes in
    OperationRequest(
      .matmul, attributes: [Attribute("beta", .float(0.5))],
      inputs: [
        Operand(dtype: .float32, shape: [sizes[0], sizes[1]]),
        Operand(dtype: .float32, shape: [sizes[1], sizes[2]], isConstant: true),
      ], results: [Operand(dtype: .float32, shape: [sizes[0], sizes[2]])])
  }

  private static let expressions = [
    "unit(A) and unit(B) and row(C) and m > 0 and k % 32 == 0", "if(row(A), 111, 112) == 111 or not contiguous(B)",
    "min(m, ceil_div(n, 4)) * align(k, 16) // 3 - 2 >= dim(A, -1) + stride(B, 0)", "alpha == 1.5 and beta != -0.25e-3",
    "dtype(A) == f32 and count(A) < 0x7fffffff and aligned(C, 64)",
    "present(B) and cpu.avx2 and const(B) and rank(A) == 2 and threads > 1",
  ]

  /// Reads a changed expression, evaluates it where it can be read, and prints it.
  /// - Returns: `nil` for a text that cannot be read, else whether its print reads back as the same.
  mutating func tryExpression(_ signature: RuleSignature, _ bindings: RuleBindings) -> Bool? {
    let seed = Self.expressions.randomElement(using: &random) ?? ""
    let other = Self.expressions.randomElement(using: &random) ?? ""
    let text = Bool.random(using: &random) ? mutate(seed, with: other) : exchange(seed, other)
    let names = RuleNames(code: .matmul)
    guard let expression = try? RuleExpression(parsing: text, signature: signature, names: names) else { return nil }
    let value = expression.value(bindings, threads: 3)
    let again = try? RuleExpression(parsing: expression.description, signature: signature, names: names)
    guard let again, again.description == expression.description else { return false }
    // NaN is equal to nothing, so by their prints.
    return again.value(bindings, threads: 3)?.description == value?.description
  }
}
