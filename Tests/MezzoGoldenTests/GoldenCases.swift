import Foundation
import MezzoGolden
import Testing

/// What TensorFlow 2.4, tf-keras, Keras 3, jmp and PyTorch did, as it lies beside the tests.
enum GoldenCases {
  static func url() throws -> URL {
    try #require(Bundle.module.url(forResource: "golden", withExtension: "json", subdirectory: "Resources"))
  }

  /// Read once for all tests.
  private static let file = Result { try GoldenFile(path: try url().path) }

  static func entries() throws -> [GoldenFile.Entry] { try file.get().entries }
}
