import CMezzoABI

extension EpilogueStep {
  /// The ABI's number of this kind of step.
  public var abiKind: UInt32 {
    let kind =
      switch self {
      case .bias: MEZZO_EPI_BIAS
      case .relu: MEZZO_EPI_RELU
      case .gelu(let approximate): approximate ? MEZZO_EPI_GELU_TANH : MEZZO_EPI_GELU_ERF
      case .sigmoid: MEZZO_EPI_SIGMOID
      case .tanh: MEZZO_EPI_TANH
      case .silu: MEZZO_EPI_SILU
      case .scale: MEZZO_EPI_SCALE
      case .add: MEZZO_EPI_ADD
      case .multiply: MEZZO_EPI_MUL
      case .cast: MEZZO_EPI_CAST
      }
    return UInt32(kind)
  }
}
