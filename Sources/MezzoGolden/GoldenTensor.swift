import MezzoGraph
import MezzoPolicy

/// Tensors as golden files write them: `{"dtype", "shape", "data"}`, each element exactly, in row-major order.
enum GoldenTensor {
  /// The elements rounded once to `dtype`; by default in one dimension.
  static func read(_ values: [ConfigurationValue], shape: [Int]? = nil, dtype: DType) throws -> Tensor {
    let shape = shape ?? [values.count]
    // The only ones that a double does not hold.
    if dtype == .int64, let integers = integers(values) {
      return try Tensor(bytes: integers.withUnsafeBytes { Array($0) }, shape: shape, dtype: dtype)
    }
    let scalars = try values.map { value throws(GoldenFormError) in
      guard let scalar = value.asDouble ?? value.asBool.map({ $0 ? 1 : 0 }) else {
        throw GoldenFormError(expected: "an element of a tensor", found: value.compact)
      }
      return scalar
    }
    return try Tensor(scalars, shape: shape, dtype: dtype)
  }

  /// A tensor with its dtype and shape.
  static func read(_ value: ConfigurationValue) throws -> Tensor {
    let shape = try value.array("shape").compactMap(\.asInt)
    return try read(try value.array("data"), shape: shape, dtype: try DType(golden: try value.string("dtype")))
  }

  static func write(_ tensor: Tensor) -> ConfigurationValue {
    [
      "dtype": .string(tensor.dtype.name), "shape": .array(tensor.shape.map { .integer($0) }),
      "data": .array(elements(tensor)),
    ]
  }

  static func elements(_ tensor: Tensor) -> [ConfigurationValue] {
    switch tensor.dtype {
    case .bool: tensor.scalars().map { .bool($0 != 0) }
    case .int64: tensor.withUnsafeBytes { $0.bindMemory(to: Int64.self).map { .integer(Int($0)) } }
    default: tensor.scalars().map(ConfigurationValue.exactly)
    }
  }

  private static func integers(_ values: [ConfigurationValue]) -> [Int64]? {
    let integers = values.compactMap { $0.asInt.map(Int64.init) }
    return integers.count == values.count ? integers : nil
  }
}

extension DType {
  /// The dtype of that name in a golden file.
  init(golden name: String) throws(GoldenFormError) {
    do throws(PolicyError) {
      try self.init(name: name)
    } catch {
      throw GoldenFormError(expected: "the name of a dtype", found: name)
    }
  }
}
