import Foundation

/// A directory with four small IDX files of MNIST's names.
struct ImageFiles {
  private let url: URL
  var path: String { url.path }

  /// Runs `body` with images of 4×4 of `classes` kinds, each with a bright row of its own, and removes them.
  static func with<R>(
    train: Int = 60, test: Int = 20, classes: Int = 3, _ body: (ImageFiles) throws -> R
  ) throws -> R {
    let files = ImageFiles(
      url: FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID().uuidString)"))
    try FileManager.default.createDirectory(at: files.url, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: files.url) }
    try files.write(train: train, test: test, classes: classes)
    return try body(files)
  }

  private func write(train: Int, test: Int, classes: Int) throws {
    for (name, count) in [("train", train), ("t10k", test)] {
      let labels = (0..<count).map { UInt8($0 % classes) }
      let pixels = labels.enumerated().flatMap { index, label in
        (0..<16).map { pixel in UInt8(pixel / 4 == Int(label) ? 200 + index % 50 : (index * 7 + pixel * 13) % 60) }
      }
      try write("\(name)-images-idx3-ubyte", [0, 0, 8, 3] + Self.bigEndian([count, 4, 4]) + pixels)
      try write("\(name)-labels-idx1-ubyte", [0, 0, 8, 1] + Self.bigEndian([count]) + labels)
    }
  }

  func write(_ name: String, _ bytes: [UInt8]) throws { try Data(bytes).write(to: url.appending(path: name)) }

  func remove(_ name: String) throws { try FileManager.default.removeItem(at: url.appending(path: name)) }

  func truncate(_ name: String, to count: Int) throws {
    let file = url.appending(path: name)
    try Data(contentsOf: file).prefix(count).write(to: file)
  }

  private static func bigEndian(_ values: [Int]) -> [UInt8] {
    values.flatMap { value in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }
  }
}
