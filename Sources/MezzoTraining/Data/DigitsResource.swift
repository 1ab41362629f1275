import CMezzoDigits

/// The 1,797 optical digits of the UCI repository (8 × 8 pixels, 0 to 16), compiled into the program.
///
/// E. Alpaydin and C. Kaynak (1998), doi 10.24432/C50P49, CC BY 4.0; see `ATTRIBUTION.md` beside the data.
enum DigitsResource {
  /// uint8 `[1797, 8, 8]`.
  static func images() throws(DataError) -> IDXFile {
    try read(mezzo_digits_images(), name: "digits-images-idx3-ubyte.gz")
  }

  /// uint8 `[1797]`.
  static func labels() throws(DataError) -> IDXFile {
    try read(mezzo_digits_labels(), name: "digits-labels-idx1-ubyte.gz")
  }

  private static func read(_ blob: mezzo_digits_blob, name: String) throws(DataError) -> IDXFile {
    // Constant data of the program: valid for its whole life.
    let bytes = UnsafeBufferPointer(start: blob.bytes, count: blob.count)
    return try IDXFile(Array(bytes), name: name)
  }
}
