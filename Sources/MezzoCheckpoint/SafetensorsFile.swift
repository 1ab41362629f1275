public import MezzoBackend
import MezzoFiles
public import MezzoGraph
public import MezzoLayers

/// A safetensors file that is open: its tensors are read one by one, when they are asked for.
///
/// ```swift
/// let file = try SafetensorsFile("model.safetensors")
/// let kernel = try file.tensor("encoder.kernel")
/// ```
public final class SafetensorsFile: Sendable {
  public let path: String
  private let file: MappedFile
  private let header: SafetensorsHeader
  private let places: [ByteName: Int]

  /// Opens a file and checks all that its front says about its bytes, which are not read yet.
  public init(_ path: String) throws(CheckpointError) {
    self.path = path
    file = try CheckpointFile.map(path)
    header = try SafetensorsHeader(file.bytes, path: path)
    places = Dictionary(uniqueKeysWithValues: header.entries.enumerated().map { (ByteName($1.name), $0) })
  }

  /// The names of all tensors, in the order of their bytes.
  public var names: [String] { header.entries.map(\.name) }

  /// What whoever wrote the file said besides.
  public var metadata: [String: String] { header.metadata }

  /// The type of the tensor of that name, `nil` if there is none.
  public func type(of name: String) -> TensorType? { places[ByteName(name)].map { header.entries[$0].type } }

  /// The tensor of that name, which lies in the file as long as nobody writes to it: only what is read takes memory, and the
  /// system can take that back.
  ///
  /// The file may be removed, or replaced by another of its name, as Mezzo's own writers do. A program that overwrites its bytes
  /// instead changes the tensor, and one that makes it shorter ends this process when it reads what is gone.
  ///
  /// - Throws: `CheckpointError.missingTensor` if there is none, `.truncated` if the file has become shorter meanwhile.
  public func tensor(_ name: String) throws(CheckpointError) -> Tensor {
    guard let place = places[ByteName(name)] else { throw .missingTensor(path: path, tensor: name) }
    return try tensor(header.entries[place])
  }

  /// All tensors, as ``tensor(_:)`` gives them.
  public func variables() throws(CheckpointError) -> Variables {
    var variables = Variables()
    for entry in header.entries { variables.set(entry.name, try tensor(entry)) }
    return variables
  }

  private func tensor(_ entry: SafetensorsHeader.Entry) throws(CheckpointError) -> Tensor {
    try CheckpointFile.requireWhole(file)
    let part = UnsafeRawBufferPointer(rebasing: file.bytes[entry.bytes])
    return try Self.tensor(entry, file.storage(part, of: entry.type), path: path)
  }

  static func tensor(
    _ entry: SafetensorsHeader.Entry, _ storage: TensorStorage?, path: String
  ) throws(CheckpointError) -> Tensor {
    guard let storage, let tensor = try? Tensor(entry.type, storage: storage) else {
      throw .malformed(path: path, reason: "there is no memory for tensor \(entry.name) of \(entry.type)")
    }
    return tensor
  }
}
