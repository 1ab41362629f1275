public import MezzoBackend
public import MezzoPolicy

/// Values on the host: a dtype, a shape and the elements in row-major order. A value type; copies share memory until one
/// of them is written.
///
/// ```swift
/// let x = try Tensor([1, 2, 3, 4], shape: [2, 2], dtype: .bfloat16)
/// x.scalars()   // [1.0, 2.0, 3.0, 4.0]
/// ```
public struct Tensor: Sendable {
  public let type: TensorType
  public private(set) var storage: TensorStorage

  public var dtype: DType { type.dtype }
  /// Extents; `[]` is a scalar.
  public var shape: [Int] { type.shape }
  /// The number of elements.
  public var count: Int { byteCount / width }
  public var byteCount: Int { storage.bytes.count }
  private let width: Int

  /// A tensor over `storage`, whose bytes must be those of a dense tensor of `type`.
  public init(_ type: TensorType, storage: TensorStorage) throws(GraphError) {
    guard let byteCount = type.checkedByteCount, let width = type.dtype.byteWidth else {
      throw .unusableType(type)
    }
    guard storage.bytes.count == byteCount else {
      throw .elementCount(type, expected: byteCount / width, found: storage.bytes.count / width)
    }
    self.type = type
    self.storage = storage
    self.width = width
  }

  /// All elements 0.
  public init(zeros type: TensorType) throws(GraphError) {
    guard let byteCount = type.checkedByteCount, let storage = TensorStorage.zeros(byteCount: byteCount) else {
      throw .unusableType(type)
    }
    try self.init(type, storage: storage)
  }

  /// `scalars` in row-major order, each rounded once to `dtype`, to nearest even.
  public init(_ scalars: [Double], shape: [Int], dtype: DType) throws(GraphError) {
    let type = TensorType(dtype, shape)
    guard let count = type.checkedCount, let codec = ElementCodec(dtype) else { throw .unusableType(type) }
    guard scalars.count == count else { throw .elementCount(type, expected: count, found: scalars.count) }
    try self.init(zeros: type)
    for (index, scalar) in scalars.enumerated() {
      codec.store(scalar, storage.bytes, index * width)
    }
  }

  /// Elements from `next`, called for each in row-major order and rounded once.
  public init(_ type: TensorType, _ next: () -> Double) throws(GraphError) {
    try self.init(zeros: type)
    guard let codec = ElementCodec(dtype) else { throw .unusableType(type) }
    for offset in stride(from: 0, to: byteCount, by: width) { codec.store(next(), storage.bytes, offset) }
  }

  /// A scalar.
  public init(_ scalar: Double, dtype: DType) throws(GraphError) {
    try self.init([scalar], shape: [], dtype: dtype)
  }

  /// Elements that are already in the memory format of `dtype`, in the byte order of the machine.
  public init(bytes: some Collection<UInt8>, shape: [Int], dtype: DType) throws(GraphError) {
    let type = TensorType(dtype, shape)
    guard let byteCount = type.checkedByteCount, let width = dtype.byteWidth else { throw .unusableType(type) }
    guard bytes.count == byteCount else {
      throw .elementCount(type, expected: byteCount / width, found: bytes.count / width)
    }
    try self.init(zeros: type)
    storage.bytes.copyBytes(from: bytes)
  }

  /// The elements in row-major order, exactly (but for 64-bit integers beyond 2⁵³).
  public func scalars() -> [Double] {
    guard let codec = ElementCodec(dtype) else { return [] }
    return (0..<count).map { codec.load(storage.bytes, $0 * width) }
  }

  /// The only element of a tensor of count 1.
  public func scalar() throws(GraphError) -> Double {
    guard count == 1 else { throw .elementCount(type, expected: 1, found: count) }
    return scalars()[0]
  }

  /// The same elements under another shape of the same count.
  public func reshaped(_ shape: [Int]) throws(GraphError) -> Tensor {
    try Tensor(TensorType(dtype, shape), storage: storage)
  }

  /// The elements rounded once to another dtype.
  public func cast(to dtype: DType) throws(GraphError) -> Tensor {
    dtype == self.dtype ? self : try Tensor(scalars(), shape: shape, dtype: dtype)
  }

  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try body(UnsafeRawBufferPointer(storage.bytes))
  }

  /// The storage for writing: this tensor's own if no other shares it and it lies in no file, else a copy.
  public mutating func uniqueStorage() -> TensorStorage {
    if !storage.isOwn || !isKnownUniquelyReferenced(&storage) {
      let copy = TensorStorage(byteCount: byteCount)
      copy.bytes.copyMemory(from: UnsafeRawBufferPointer(storage.bytes))
      storage = copy
    }
    return storage
  }
}

extension Tensor: Equatable {
  /// Same type and same bits, so that a NaN equals itself and 0 differs from −0.
  public static func == (left: Tensor, right: Tensor) -> Bool {
    guard left.type == right.type else { return false }
    return left.storage === right.storage
      || left.withUnsafeBytes { a in right.withUnsafeBytes { b in a.elementsEqual(b) } }
  }
}

extension Tensor: CustomStringConvertible {
  /// The type and the first elements: `float32[2, 2] 1.0 2.0 3.0 4.0`.
  public var description: String {
    let shown =
      (ElementCodec(dtype).map { codec in
        (0..<min(count, 8)).map { index in
          let value = codec.load(storage.bytes, index * width)
          return value.isNaN ? "nan" : "\(value)"
        }
      } ?? []).joined(separator: " ")
    return "\(type) \(shown)\(count > 8 ? " …" : "")"
  }
}
