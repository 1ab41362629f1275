import MezzoBackend
import MezzoFiles
import MezzoGraph
import MezzoPolicy

extension MappedFile {
  /// The bytes of a tensor: where they are, or copied if they are few or lie so that kernels could not read them there.
  ///
  /// - Parameter part: of ``bytes``.
  func storage(_ part: UnsafeRawBufferPointer, of type: TensorType) -> TensorStorage? {
    guard part.count >= Self.leastInPlace, let width = type.dtype.byteWidth,
      UInt(bitPattern: part.baseAddress).isMultiple(of: UInt(width)), hasWholeVectors(part)
    else { return TensorStorage.allocate(copying: part) }
    return TensorStorage(part, keptBy: self)
  }

  /// Bytes below which a tensor is copied: it would hold pages, and more around them that the system brings along.
  private static let leastInPlace = 1 << 16
}
