public import MezzoBackend
public import MezzoGraph
public import MezzoLayers
import MezzoPolicy

/// Tensors that lie in one safetensors file or in several with an index: `model.safetensors`, or
/// `model.safetensors.index.json` beside its parts. A part is opened when one of its tensors is first asked for.
public final class SafetensorsShards: Sendable {
  /// The file or the index.
  public let path: String
  public let names: [String]
  private let parts: [ByteName: String]
  private let opened = Locked<[String: SafetensorsFile]>([:])

  /// Bytes of an index beyond which it is not believed: more than a million tensors need.
  private static let indexLimit = 1 << 28

  static let wholeName = "model.safetensors"
  static let indexName = "model.safetensors.index.json"

  /// - Parameter path: a safetensors file, an index, or a directory that has `model.safetensors` or its index.
  public init(_ path: String) throws(CheckpointError) {
    let path = Self.resolved(path)
    self.path = path
    if path.hasSuffix(".json") {
      let index = try Self.index(path)
      names = index.map(\.name)
      parts = Dictionary(index.map { (ByteName($0.name), $0.part) }) { first, _ in first }
    } else {
      let file = try SafetensorsFile(path)
      names = file.names
      parts = Dictionary(uniqueKeysWithValues: names.map { (ByteName($0), path) })
      opened.withLock { $0[path] = file }
    }
  }

  /// Whether a directory has a file or an index of this kind.
  static func isThere(_ directory: String) -> Bool {
    [wholeName, indexName].contains { AtomicFile.exists("\(directory)/\($0)") }
  }

  /// What the first file says besides.
  func metadata() throws(CheckpointError) -> [String: String] {
    guard let part = names.first.flatMap({ parts[ByteName($0)] }) ?? (path.hasSuffix(".json") ? nil : path) else {
      return [:]
    }
    return try file(part).metadata
  }

  /// All tensors, by name.
  public func variables() throws(CheckpointError) -> Variables {
    var variables = Variables()
    for name in names { variables.set(name, try tensor(name)) }
    return variables
  }

  /// The type of the tensor of that name, `nil` if there is none.
  public func type(of name: String) throws(CheckpointError) -> TensorType? {
    guard let part = parts[ByteName(name)] else { return nil }
    return try file(part).type(of: name)
  }

  /// The tensor of that name.
  ///
  /// - Throws: `CheckpointError.missingTensor` if there is none, and what opening its part throws.
  public func tensor(_ name: String) throws(CheckpointError) -> Tensor {
    guard let part = parts[ByteName(name)] else { throw .missingTensor(path: path, tensor: name) }
    return try file(part).tensor(name)
  }

  private func file(_ part: String) throws(CheckpointError) -> SafetensorsFile {
    if let file = opened.withLock({ $0[part] }) { return file }
    let file = try SafetensorsFile(part)
    for name in file.names where parts[ByteName(name)] != part {
      throw .malformedIndex(path: path, reason: "tensor \(name) is in \(part), where the index does not say so")
    }
    opened.withLock { $0[part] = file }
    return file
  }

  private static func resolved(_ path: String) -> String {
    let candidates = ["\(path)/\(wholeName)", "\(path)/\(indexName)"]
    return candidates.first(where: AtomicFile.exists) ?? (AtomicFile.isDirectory(path) ? candidates[0] : path)
  }

  /// The files that an index names, without their directory.
  static func partNames(_ index: String) throws(CheckpointError) -> Set<String> {
    Set(try Self.index(index).map { _, part in part.split(separator: "/").last.map(String.init) ?? part })
  }

  /// What an index says, in its order.
  private static func index(_ path: String) throws(CheckpointError) -> [(name: String, part: String)] {
    let bytes = try AtomicFile.read(path, limit: indexLimit)
    let text: JSONValue
    do throws(JSONError) {
      text = try JSONReader.parse(bytes)
    } catch {
      throw .malformedIndex(path: path, reason: "\(error)")
    }
    guard let map = text["weight_map"]?.object else {
      throw .malformedIndex(path: path, reason: "expected an object with an object weight_map")
    }
    let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    var parts: [(name: String, part: String)] = []
    for member in map {
      // A name with a slash could lead anywhere.
      guard let name = member.value.string, !name.isEmpty, !name.utf8.contains(UInt8(ascii: "/")),
        !name.utf8.contains(0), name != ".", name != ".."
      else {
        throw .malformedIndex(
          path: path, reason: "tensor \(member.name) is in \(member.value.kind), expected a file beside the index")
      }
      parts.append((member.name, path.utf8.contains(UInt8(ascii: "/")) ? "\(folder)/\(name)" : name))
    }
    return parts
  }
}
