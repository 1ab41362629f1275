import MezzoPolicy

/// Images and their labels, known to belong together.
public struct DigitsSet: Sendable, Equatable {
  /// uint8 `[count, height, width]`.
  public let images: IDXFile
  /// uint8 `[count]`.
  public let labels: IDXFile

  public var count: Int { labels.shape[0] }

  /// - Throws: `DataError.shapeMismatch` unless both are uint8, of rank 3 and 1, and equally many.
  public init(images: IDXFile, labels: IDXFile) throws(DataError) {
    guard images.dtype == .uint8, images.shape.count == 3 else {
      throw mismatch("images of uint8 [count, height, width]", images)
    }
    guard labels.dtype == .uint8, labels.shape == [images.shape[0]] else {
      throw mismatch("labels of uint8 [\(images.shape[0])], one for each image of '\(images.name)'", labels)
    }
    self.images = images
    self.labels = labels
  }
}

private func mismatch(_ expected: String, _ file: IDXFile) -> DataError {
  .shapeMismatch(path: file.name, expected: expected, got: "\(file.dtype.rawValue) \(file.shape)")
}
