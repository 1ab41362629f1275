import MezzoFiles
public import MezzoBackend
import MezzoGraph
public import MezzoLayers
import MezzoPolicy

/// Tensors by name in any kind of file that is read here: safetensors, whole or in parts, `.npy`, `.npz`, HDF5 and the
/// weights of a `.keras` file. What a file is, is told by its beginning.
public enum TensorFile {
  public struct Entry: Sendable, Hashable {
    public var name: String
    public var type: TensorType
  }

  /// What tensors there are, in the order of the file; of HDF5, by name.
  public static func entries(_ path: String) throws(CheckpointError) -> [Entry] {
    switch try Kind(path) {
    case .shards:
      let file = try SafetensorsShards(path)
      var entries: [Entry] = []
      for name in file.names {
        guard let type = try file.type(of: name) else { throw .missingTensor(path: path, tensor: name) }
        entries.append(Entry(name: name, type: type))
      }
      return entries
    case .hdf5(let file):
      return file.datasets.sorted { $0.key < $1.key }.map { Entry(name: $0.key, type: $0.value.type) }
    case .array, .arrays:
      let tensors = try read(path)
      return tensors.paths.compactMap { name in tensors[name].map { Entry(name: name, type: $0.type) } }
    }
  }

  /// All tensors of a file; the one of an `.npy` file is called `array`.
  public static func read(_ path: String) throws(CheckpointError) -> Variables {
    switch try Kind(path) {
    case .shards: return try SafetensorsShards(path).variables()
    case .arrays(let file): return try NumPyFile.archive(file, limit: NumPyFile.sizeLimit)
    case .array(let file):
      var tensors = Variables()
      tensors.set("array", try NumPyFile.tensor(file))
      return tensors
    case .hdf5(let file):
      var tensors = Variables()
      for (name, dataset) in file.datasets.sorted(by: { $0.key < $1.key }) {
        tensors.set(name, try file.tensor(dataset))
      }
      return tensors
    }
  }

  /// Writes tensors by name to what the ending of `path` says: `.safetensors`, `.npz`, or, without an ending, a
  /// directory that is there, as safetensors with parts of at most `shardSize` bytes.
  ///
  /// - Throws: `CheckpointError.unwritable` for another ending, and where the file cannot be written.
  public static func write(
    _ tensors: Variables, to path: String, shardSize: Int = 5 << 30
  ) throws(CheckpointError) {
    if path.hasSuffix(".safetensors") {
      try Safetensors.write(tensors, to: path)
    } else if path.hasSuffix(".npz") {
      try NumPyFile.writeArchive(tensors, to: path)
    } else if AtomicFile.isDirectory(path) {
      try Safetensors.write(tensors, toDirectory: path, limit: shardSize)
    } else {
      throw .unwritable(path: path, reason: "expected a name that ends in .safetensors or .npz, or a directory")
    }
  }

  private enum Kind {
    case shards
    case array(FileBytes)
    case arrays(FileBytes)
    case hdf5(HDF5File)

    init(_ path: String) throws(CheckpointError) {
      if AtomicFile.isDirectory(path) || path.hasSuffix(".json") {
        self = .shards
        return
      }
      let file = try FileBytes(file: path)
      if NumPyHeader.recognizes(file.bytes) {
        self = .array(file)
      } else if file.bytes.starts(with: HDF5File.signature) {
        self = .hdf5(try HDF5File(file))
      } else if ZipArchive.recognizes(file.bytes) {
        let archive = try ZipArchive(file)
        guard let weights = archive.member(KerasFile.weightsName) else {
          self = .arrays(file)
          return
        }
        self = .hdf5(try HDF5File(try archive.content(weights, limit: KerasFile.weightsLimit)))
      } else {
        self = .shards
      }
    }
  }
}
