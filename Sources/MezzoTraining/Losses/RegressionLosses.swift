import MezzoGraph
import MezzoPolicy

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension LossFunction {
  /// Losses of the difference, element by element.
  func regression(_ output: SymbolicTensor, _ target: SymbolicTensor) throws -> SymbolicTensor {
    switch self {
    case .meanSquaredLogarithmicError:
      let low = try output.trace.constant(Self.epsilon, dtype: output.dtype)
      let difference = try (output.maximum(low) + 1).log() - (target.maximum(low) + 1).log()
      return try difference * difference
    case .meanAbsolutePercentageError:
      let size = try target.abs().maximum(output.trace.constant(Self.epsilon, dtype: output.dtype))
      return try ((target - output) / size).abs() * 100
    default: break
    }
    let error = try output - target
    switch self {
    case .meanAbsoluteError: return try error.abs()
    case .huber(let delta):
      let size = try error.abs()
      let limit = try output.trace.constant(delta, dtype: output.dtype)
      return try limit.isLess(size).select(size * delta - delta * delta / 2, error * error * 0.5)
    case .logCosh:
      let size = try error.abs()
      return try size + (1 + (size * -2).exp()).log() - log(2)
    default: return try error * error
    }
  }

  /// The cosine of the angle between rows; vectors of almost no length are not made longer.
  static func cosine(_ output: SymbolicTensor, _ target: SymbolicTensor) throws -> SymbolicTensor {
    func unit(_ tensor: SymbolicTensor) throws -> SymbolicTensor {
      let square = try (tensor * tensor).sum(axes: [-1], keepDims: true)
      return try tensor / square.maximum(tensor.trace.constant(1e-12, dtype: tensor.dtype)).sqrt()
    }
    return try (unit(output) * unit(target)).sum(axes: [-1])
  }

  static func divergence(_ output: SymbolicTensor, _ target: SymbolicTensor) throws -> SymbolicTensor {
    let (p, t) = (try output.clipped(epsilon, 1), try target.clipped(epsilon, 1))
    return try (t * (t / p).log()).sum(axes: [-1])
  }
}
