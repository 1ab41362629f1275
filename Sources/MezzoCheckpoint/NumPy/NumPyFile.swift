import MezzoBackend
public import MezzoGraph
public import MezzoLayers
import MezzoPolicy

/// Tensors in NumPy's files: one in an `.npy`, several by name in an `.npz`, which is a zip archive of `.npy` files.
///
/// ```swift
/// try NumPyFile.write(features, to: "features.npy")
/// let arrays = try NumPyFile.readArchive("weights.npz")
/// ```
public enum NumPyFile {
  /// What is written of floats that NumPy itself does not have: bfloat16 and the 8-bit ones.
  public enum UnknownFloats: Sendable {
    /// bfloat16 as raw elements of two bytes, `|V2`, as the Python package `ml_dtypes` has it saved: there
    /// `array.view(ml_dtypes.bfloat16)` reads it. The 8-bit floats are an error, since their bytes would not say which.
    case raw
    /// All of them as float32, exactly.
    case float32
  }

  /// Bytes of one array beyond which an archive is refused by default: 64 GiB.
  public static let sizeLimit = 1 << 36

  /// The tensor of an `.npy` file of version 1, 2 or 3, of either byte order and order of axes. `|V2` is bfloat16.
  ///
  /// - Throws: `CheckpointError`; for pickled objects too, which are never read.
  public static func read(_ path: String) throws(CheckpointError) -> Tensor {
    try tensor(try FileBytes(file: path))
  }

  /// The tensors of an `.npz` file, in its order and by their names without `.npy`.
  ///
  /// - Parameter limit: bytes of one array, inflated, beyond which the file is refused.
  public static func readArchive(_ path: String, limit: Int = sizeLimit) throws(CheckpointError) -> Variables {
    try archive(try FileBytes(file: path), limit: limit)
  }

  /// Writes a tensor as NumPy would. The file is whole or, where writing fails, as it was.
  public static func write(
    _ tensor: Tensor, to path: String, unknownFloats: UnknownFloats = .raw
  ) throws(CheckpointError) {
    let array = try Written(tensor, name: "it", unknownFloats, path: path)
    try withExtendedLifetime(array) { () throws(CheckpointError) in try CheckpointFile.write(array.parts, to: path) }
  }

  /// Writes tensors by name, as `numpy.savez` and `numpy.savez_compressed` do. The file is whole or as it was.
  public static func writeArchive(
    _ tensors: Variables, to path: String, compressed: Bool = false, unknownFloats: UnknownFloats = .raw
  ) throws(CheckpointError) {
    var arrays: [Written] = []
    for name in tensors.paths {
      guard let tensor = tensors[name] else { continue }
      arrays.append(try Written(tensor, name: name, unknownFloats, path: path))
    }
    try withExtendedLifetime(arrays) { () throws(CheckpointError) in
      let members = arrays.map { ZipWriter.Member(name: "\($0.name).npy", parts: $0.parts) }
      try ZipWriter.write(members, compressed: compressed, to: path)
    }
  }

  /// A tensor as it is written: the front of its file, and itself.
  private struct Written {
    var name: String
    var front: TensorStorage
    var tensor: Tensor

    init(_ tensor: Tensor, name: String, _ unknownFloats: UnknownFloats, path: String) throws(CheckpointError) {
      let isUnknown = tensor.dtype.isFloatingPoint && ![.float16, .float32, .float64].contains(tensor.dtype)
      let written = isUnknown && unknownFloats == .float32 ? try? tensor.cast(to: .float32) : tensor
      guard let written, let front = NumPyHeader.bytes(of: written.type) else {
        throw .unsupportedDType(path: path, tensor: name, dtype: tensor.dtype.name)
      }
      self.name = name
      self.front = TensorStorage(copying: front)
      self.tensor = written
    }

    /// Sound as long as this value lives: nobody else has its storages to write to them.
    var parts: [UnsafeRawBufferPointer] {
      [UnsafeRawBufferPointer(front.bytes), UnsafeRawBufferPointer(tensor.storage.bytes)]
    }
  }
}

extension NumPyFile {
  static func tensor(_ file: FileBytes) throws(CheckpointError) -> Tensor {
    try file.requireWhole()
    let header = try NumPyHeader(file)
    let source = UnsafeRawBufferPointer(rebasing: file.bytes[header.dataStart...])
    let storage: TensorStorage?
    if header.isFortranOrder, header.type.rank > 1 {
      storage = ElementOrder.rows(fromColumns: source, header.type)
    } else {
      storage = header.isBigEndian ? .allocate(copying: source) : file.storage(source, of: header.type)
    }
    if header.isBigEndian, let storage { ElementOrder.swap(storage.bytes, header.type.dtype) }
    guard let storage, let tensor = try? Tensor(header.type, storage: storage) else {
      throw .tooLarge(path: file.path, part: "its array", byteCount: source.count, limit: sizeLimit)
    }
    return tensor
  }

  static func archive(_ file: FileBytes, limit: Int) throws(CheckpointError) -> Variables {
    let archive = try ZipArchive(file)
    var tensors = Variables()
    for member in archive.members {
      guard member.name.hasSuffix(".npy") else {
        throw .unsupported(path: file.path, .npy, reason: "its member \(member.name) is no .npy file")
      }
      tensors.set(String(member.name.dropLast(4)), try tensor(try archive.content(member, limit: limit)))
    }
    return tensors
  }
}
