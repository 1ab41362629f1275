/// How a quantised policy keeps its weights: the part of `int8_from_mixed_bfloat16` before `_from_`.
public struct Quantization: Sendable, Hashable {
  /// The mode as names spell it: `int8`, `float8`, `int4`, `int4/128`, `gptq/4/128`, `awq/4/32`.
  public let mode: String
}
