extension PolicyDialect {
  /// The dtype that has this name in the dialect, nil if none has. Case and spaces count.
  ///
  /// TensorFlow knows `half`, `float` and `double` besides the canonical names, Keras 3 `int`, which is int64 on its
  /// TensorFlow backend, `jmp` a few short names of floats.
  public func dtype(named name: String) -> DType? {
    switch self {
    case .mezzo, .tfKeras: return try? DType(name: name)
    case .tensorFlow24:
      guard let dtype = try? DType(name: name) else { return nil }
      switch dtype {
      case .int4, .uint4, .float8E4M3FN, .float8E5M2: return nil
      default: return dtype
      }
    case .keras3:
      if name == "int" { return .int64 }
      guard let dtype = DType(rawValue: name) else { return nil }
      switch dtype {
      case .int4, .uint4, .qint8, .quint8, .qint16, .quint16, .qint32, .resource, .variant: return nil
      default: return dtype
      }
    case .jmp:
      switch name {
      case "bf16", "bfloat16": return .bfloat16
      case "f16", "float16", "half": return .float16
      case "f32", "float32", "full": return .float32
      case "f64", "float64": return .float64
      default: return nil
      }
    }
  }
}
