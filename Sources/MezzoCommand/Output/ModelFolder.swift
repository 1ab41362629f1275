import Mezzo

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Where models are saved: a file of weights, or a directory with the whole model.
enum ModelFolder {
  /// Whether the name is that of a file.
  static func isFile(_ path: String) -> Bool { path.hasSuffix(".safetensors") || path.hasSuffix(".npz") }

  /// Makes the directory, where the name is none of a file and it is not there.
  ///
  /// - Throws: `CheckpointError.unwritable` for a name with the ending of another kind of file.
  static func prepare(_ path: String) throws {
    guard !isFile(path) else { return }
    let name = path.split(separator: "/").last ?? ""
    let ending = name.split(separator: ".").dropFirst().last ?? ""
    guard ending.isEmpty || !ending.allSatisfy(\.isLetter) || FileManager.default.fileExists(atPath: path) else {
      throw CheckpointError.unwritable(
        path: path, reason: "expected a name that ends in .safetensors or .npz, or that of a directory")
    }
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw CheckpointError.unwritable(path: path, reason: "the directory cannot be made (\(error))")
    }
  }

  static func save(_ model: Model, to path: String, dtype: DType?) throws {
    try prepare(path)
    guard isFile(path) else { return try model.save(to: path, dtype: dtype) }
    let weights = try model.variables
    try TensorFile.write(try dtype.map { try weights.stored(as: $0) } ?? weights, to: path)
  }
}
