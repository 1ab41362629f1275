import Foundation
import Testing

@testable import MezzoCheckpoint

/// The files that `Tools` made with Keras, NumPy and h5py.
enum Fixture {
  static func path(_ name: String) throws -> String {
    let file = Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Resources")
    return try #require(file, "\(name) is not among the resources").path
  }

  static func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: path(name)))) }
}

/// A directory that is there while a test runs.
final class TemporaryFolder {
  let url = FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appending(path: name).path }

  var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() }
  }
}
