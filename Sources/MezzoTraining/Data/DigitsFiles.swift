/// The four files of MNIST, or of a data set packed like it, in one directory.
///
/// Each is looked for as `train-images-idx3-ubyte`, with `.gz`, and with `.` in place of the dash before `idx`.
/// A plain file is taken before a compressed one.
public struct DigitsFiles: Sendable, Equatable {
  public let trainImages: String
  public let trainLabels: String
  public let testImages: String
  public let testLabels: String

  /// Finds the files by name, without reading them.
  ///
  /// - Throws: `DataError.notFound` that names every file missing and what the directory holds instead.
  public init(directory: String) throws(DataError) {
    let present = try listDirectory(directory)
    var missing: [String] = []
    func find(_ stem: String, _ ending: String) -> String {
      let candidates = ["-", "."].flatMap { separator in ["", ".gz"].map { stem + separator + ending + $0 } }
      if let name = candidates.first(where: { present?.contains($0) == true }) { return directory + "/" + name }
      missing.append("\(stem)-\(ending)[.gz]")
      return ""
    }
    trainImages = find("train-images", "idx3-ubyte")
    trainLabels = find("train-labels", "idx1-ubyte")
    testImages = find("t10k-images", "idx3-ubyte")
    testLabels = find("t10k-labels", "idx1-ubyte")
    guard missing.isEmpty else { throw .notFound(directory: directory, lookedFor: missing, present: present) }
  }

  /// Reads the training images and labels.
  public func train() throws(DataError) -> DigitsSet {
    try DigitsSet(images: IDXFile(contentsOf: trainImages), labels: IDXFile(contentsOf: trainLabels))
  }

  /// Reads the test images and labels.
  public func test() throws(DataError) -> DigitsSet {
    try DigitsSet(images: IDXFile(contentsOf: testImages), labels: IDXFile(contentsOf: testLabels))
  }
}
