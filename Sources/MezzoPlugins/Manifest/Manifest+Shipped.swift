import CMezzoManifests

extension Manifest {
  /// Of those that come with Mezzo, the ones that take part only where a probe on this machine was passed, and why.
  static let triedFirst = [
    "blis": "some builds read memory behind their operands, which can end the program"
  ]

  /// The manifests that come with Mezzo, which bind libraries that may or may not be installed.
  public static let shipped: [Manifest] = (0..<mezzo_manifest_count()).compactMap { index in
    let text = mezzo_manifest_at(index)
    let bytes = UnsafeBufferPointer(start: text.text, count: text.count)
    // Tests read each of them; none can fail here that did not fail there.
    return try? Manifest(
      parsing: String(decoding: bytes, as: UTF8.self), path: text.file.map { String(cString: $0) } ?? "manifest")
  }
}
