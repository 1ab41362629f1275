import Testing

@testable import MezzoTraining

@Suite struct DigitsFilesTests {
  static let names = [
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
  ]

  @Test(arguments: ["-", "."], [false, true])
  func findsAndReads(separator: String, compressed: Bool) throws {
    try withDirectory { directory in
      for name in Self.names {
        let bytes = name.contains("images") ? idx([2, 1, 3], [1, 2, 3, 4, 5, 6]) : idx([2], [7, 8])
        let onDisk = name.replacing("-idx", with: separator + "idx") + (compressed ? ".gz" : "")
        try write(compressed ? gzip(bytes) : bytes, to: directory + "/" + onDisk)
      }
      let files = try DigitsFiles(directory: directory)
      #expect(try files.train().images.shape == [2, 1, 3])
      #expect(try files.train().labels.bytes == [7, 8])
      #expect(try files.test().count == 2)
    }
  }

  /// A name says nothing about what is inside.
  @Test func compressionIsToldByContent() throws {
    try withDirectory { directory in
      try write(idx([1], [5]), to: directory + "/plain.gz")
      try write(gzip(idx([1], [6])), to: directory + "/packed")
      #expect(try IDXFile(contentsOf: directory + "/plain.gz").bytes == [5])
      #expect(try IDXFile(contentsOf: directory + "/packed").bytes == [6])
    }
  }

  @Test func missingFilesAreNamed() throws {
    try withDirectory { directory in
      try write([], to: directory + "/train-images-idx3-ubyte")
      try write([], to: directory + "/notes.txt")
      let error = dataError { () throws(DataError) in try DigitsFiles(directory: directory) }
      #expect(
        error
          == .notFound(
            directory: directory,
            lookedFor: ["train-labels-idx1-ubyte[.gz]", "t10k-images-idx3-ubyte[.gz]", "t10k-labels-idx1-ubyte[.gz]"],
            present: ["notes.txt", "train-images-idx3-ubyte"]))
      #expect(error?.description.contains("notes.txt") == true)

      let absent = directory + "/absent"
      #expect(
        dataError { () throws(DataError) in try DigitsFiles(directory: absent) }
          == .notFound(directory: absent, lookedFor: Self.names.map { $0 + "[.gz]" }, present: nil))
    }
  }

  @Test func fileErrorsKeepTheSystemsText() throws {
    try withDirectory { directory in
      #expect(
        dataError { () throws(DataError) in try IDXFile(contentsOf: directory + "/a.gz") }
          == .notFound(directory: directory, lookedFor: ["a.gz"], present: []))
      #expect(
        dataError { () throws(DataError) in try IDXFile(contentsOf: directory) }
          == .unreadable(path: directory, reason: "Is a directory"))
      try write(idx([4], [1, 2, 3, 4]), to: directory + "/file")
      #expect(
        dataError { () throws(DataError) in try DigitsFiles(directory: directory + "/file") }
          == .unreadable(path: directory + "/file", reason: "Not a directory"))
      #expect(
        dataError { () throws(DataError) in try IDXFile(contentsOf: directory + "/file", byteLimit: 11) }
          == .tooLarge(path: directory + "/file", size: "more than that", limit: 11))
    }
  }

  @Test func imagesAndLabelsMustBelongTogether() throws {
    let images = try IDXFile(idx([2, 1, 1], [1, 2]), name: "images")
    let three = try IDXFile(idx([3], [1, 2, 3]), name: "labels")
    #expect(
      dataError { () throws(DataError) in try DigitsSet(images: images, labels: three) }
        == .shapeMismatch(
          path: "labels", expected: "labels of uint8 [2], one for each image of 'images'", got: "uint8 [3]"))
    #expect(
      dataError { () throws(DataError) in try DigitsSet(images: three, labels: three) }
        == .shapeMismatch(path: "labels", expected: "images of uint8 [count, height, width]", got: "uint8 [3]"))
  }

  @Test func opticalDigitsAreBuiltIn() throws {
    let digits = try DigitsSet(images: DigitsResource.images(), labels: DigitsResource.labels())
    #expect(digits.images.shape == [1797, 8, 8])
    #expect(digits.images.bytes.max() == 16)
    #expect(digits.images.bytes.prefix(8) == [0, 0, 5, 13, 9, 1, 0, 0])
    // The class counts that scikit-learn's copy has.
    let counts = (0..<10).map { digit in digits.labels.bytes.count { $0 == digit } }
    #expect(counts == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
  }
}
