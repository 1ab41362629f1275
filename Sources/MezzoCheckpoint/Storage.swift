import MezzoBackend
import MezzoGraph
public import MezzoLayers
public import MezzoPolicy
import MezzoRuntime

extension Tensor {
  /// The elements rounded once to `dtype`, to nearest even.
  ///
  /// - Throws: `CheckpointError.overflow` where a finite one would become infinite or NaN.
  func stored(as dtype: DType, name: String) throws(CheckpointError) -> Tensor {
    guard dtype != self.dtype else { return self }
    guard let results = try? rounded(to: dtype) else {
      throw .unsupportedDType(path: name, tensor: name, dtype: dtype.name)
    }
    if results.count > 1, results[1].scalars() == [0] {
      let count = zip(scalars(), results[0].scalars()).count { $0.isFinite && !$1.isFinite }
      guard count == 0 else { throw .overflow(dtype: dtype, tensors: [name: count]) }
    }
    return results[0]
  }

  /// The elements as they are rounded, and if they are floating whether all are finite.
  private func rounded(to dtype: DType) throws -> [Tensor] {
    let trace = Trace()
    let cast = try trace.input(type, name: "weights").cast(to: dtype)
    return try storing.makePlan(
      trace.finish(dtype.isFloatingPoint ? [cast, try cast.allFinite()] : [cast])
    ).run([self])
  }
}

/// What rounds: files are the same whatever backends there are.
private let storing = Runtime.builtinOnly()

extension Variables {
  /// The same variables with the floating ones rounded once to `dtype`, to nearest even; integers and booleans stay.
  ///
  /// - Throws: ``CheckpointError/overflow(dtype:tensors:)`` with all tensors that have a finite value that would become
  ///   infinite or NaN. Values too small for `dtype` become 0.
  public func stored(as dtype: DType) throws(CheckpointError) -> Variables {
    guard dtype.isFloatingPoint else {
      throw .unsupportedDType(path: "weights", tensor: paths.first ?? "", dtype: dtype.name)
    }
    var result = Variables()
    var lost: [String: Int] = [:]
    for path in paths {
      guard let tensor = self[path] else { continue }
      do throws(CheckpointError) {
        let stored = tensor.dtype.isFloatingPoint ? try tensor.stored(as: dtype, name: path) : tensor
        result.set(path, stored, isTrainable: isTrainable(path))
      } catch {
        guard case .overflow(_, let tensors) = error else { throw error }
        lost.merge(tensors) { $1 }
      }
    }
    guard lost.isEmpty else { throw .overflow(dtype: dtype, tensors: lost) }
    return result
  }
}
