/// How a quantised policy keeps its weights: the part of `int8_from_mixed_bfloat16` before `_from_`.
///
/// The names are Keras 3's: `int8`, `float8`, `int4`, `int4/BLOCK`, `gptq/BITS/GROUP` and `awq/4/GROUP`. A block or a group
/// is a number of weights that share a scale, or −1 for all of a channel.
public struct Quantization: Sendable, Hashable {
  /// The family of the mode.
  public enum Method: String, CaseIterable, Sendable, Hashable {
    case int8, float8, int4, gptq, awq
  }

  public let method: Method
  /// Bits of a weight, where the mode says it: 2, 3, 4 or 8 for `gptq`, 4 for `awq`.
  public let weightBits: Int?
  /// Weights that share a scale, where the mode says it; −1: a whole channel.
  public let blockSize: Int?
  /// How many steps' largest magnitudes a float8 scale looks back on; nil where there is no such scale.
  public var amaxHistoryLength: Int?

  /// What stands between the mode and the source of a policy's name.
  public static let separator = "_from_"

  /// Keras 3's default.
  public static let defaultAmaxHistoryLength = 1024

  static let methodNames = Method.allCases.map(\.rawValue).joined(separator: ", ")

  /// The mode as names spell it.
  public var mode: String {
    [method.rawValue, weightBits.map(String.init), blockSize.map(String.init)].compactMap { $0 }.joined(separator: "/")
  }

  /// Reads a mode.
  ///
  /// - Parameter amaxHistoryLength: by default 1024 for `float8`, and none for the others.
  /// - Throws: ``PolicyError/quantization(mode:expected:)``.
  public init(mode: String, amaxHistoryLength: Int? = nil) throws(PolicyError) {
    let parts = mode.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard let method = Method(rawValue: parts[0]) else {
      throw .quantization(mode: mode, expected: "a mode that begins with one of \(Self.methodNames)")
    }
    self.method = method
    self.amaxHistoryLength = amaxHistoryLength ?? (method == .float8 ? Self.defaultAmaxHistoryLength : nil)
    func number(_ part: Int, _ what: String) throws(PolicyError) -> Int {
      guard let number = Int(parts[part]) else {
        throw .quantization(mode: mode, expected: "an integer for the \(what)")
      }
      return number
    }
    func size(_ part: Int, _ what: String) throws(PolicyError) -> Int {
      let size = try number(part, what)
      guard size == -1 || size > 0 else {
        throw .quantization(mode: mode, expected: "a \(what) of -1 or above 0, not \(size)")
      }
      return size
    }
    switch (method, parts.count) {
    case (.int8, 1), (.float8, 1), (.int4, 1): (weightBits, blockSize) = (nil, nil)
    case (.int4, 2): (weightBits, blockSize) = (nil, try size(1, "block size"))
    case (.gptq, 3), (.awq, 3):
      let bits = try number(1, "bits of a weight")
      let known = method == .gptq ? [2, 3, 4, 8] : [4]
      guard known.contains(bits) else {
        let list = known.map(String.init).joined(separator: ", ")
        throw .quantization(mode: mode, expected: "a weight of \(list) bits, not \(bits)")
      }
      (weightBits, blockSize) = (bits, try size(2, "group size"))
    case (.int8, _), (.float8, _): throw .quantization(mode: mode, expected: "\(method) alone")
    case (.int4, _): throw .quantization(mode: mode, expected: "the form int4/<block_size>")
    case (.gptq, _), (.awq, _):
      throw .quantization(mode: mode, expected: "the form \(method)/<weight_bits>/<group_size>")
    }
  }
}

extension DTypePolicy {
  /// A policy whose layers keep quantised weights, and compute and store everything else as `source` says.
  ///
  /// Under int8, products of `Dense`, `EinsumDense` and what is made of them are in int8, and every other layer follows `source`.
  /// Nothing computes with the other modes yet: a model that has a layer with variables under them says so when it is made.
  ///
  /// - Throws: ``PolicyError/quantizedSource(mode:source:)`` if the source is quantised itself or says more than a plain
  ///   name, or if the mode is int8 and the source computes in float16, whose range such products leave.
  public init(_ quantization: Quantization, from source: DTypePolicy) throws(PolicyError) {
    let isPlain = source.refinements == nil && source.computeDType != nil
    guard isPlain, !(quantization.method == .int8 && source.computeDType == .float16) else {
      throw .quantizedSource(mode: quantization.mode, source: source.name)
    }
    self.init(
      name: quantization.mode + Quantization.separator + source.name, compute: source.computeDType,
      variable: source.variableDType, refinements: PolicyRefinements(quantization: quantization))
  }

  /// Reads `MODE_from_SOURCE`, the source in `dialect`.
  init(quantizedName name: String, dialect: PolicyDialect) throws(PolicyError) {
    let parts = name.components(separatedBy: Quantization.separator)
    guard parts.count == 2 else { throw .quantizedName(name) }
    let source = try DTypePolicy(parts[1], dialect: dialect)
    try self.init(Quantization(mode: parts[0]), from: source)
  }
}

extension String {
  /// The parts between occurrences of `separator`, also empty ones.
  fileprivate func components(separatedBy separator: String) -> [String] {
    var parts: [String] = []
    var rest = self[...]
    while let range = rest.firstRange(of: separator) {
      parts.append(String(rest[..<range.lowerBound]))
      rest = rest[range.upperBound...]
    }
    return parts + [String(rest)]
  }
}
