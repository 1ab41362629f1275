import MezzoGraph
public import MezzoLayers

extension Safetensors {
  /// Writes all variables to `directory`, which must exist: to `model.safetensors`, or where they take more than `limit`
  /// bytes to several parts beside `model.safetensors.index.json`. ``SafetensorsShards`` reads both.
  ///
  /// The index takes the old one's place when all parts are there, and parts of an older save are never written to: a
  /// reader finds all of one save or all of the other, also where the process is killed in between. Parts that no index
  /// names any more are removed at the end.
  ///
  /// - Parameters:
  ///   - limit: bytes of tensors in a part; one that is larger by itself has a part of its own.
  ///   - metadata: what each file says besides.
  /// - Returns: the names of the files with tensors.
  @discardableResult
  public static func write(
    _ variables: Variables, toDirectory directory: String, limit: Int, metadata: [String: String] = [:]
  ) throws(CheckpointError) -> [String] {
    let whole = "\(directory)/\(SafetensorsShards.wholeName)"
    let index = "\(directory)/\(SafetensorsShards.indexName)"
    let old = AtomicFile.exists(index) ? (try? SafetensorsShards.partNames(index)) ?? [] : []
    let parts = split(variables, limit: max(limit, 1))
    if parts.count <= 1 {
      // Readers look for it first, so that it counts from here on.
      try write(variables, to: whole, metadata: metadata)
      if AtomicFile.exists(index) { AtomicFile.remove([index] + old.map { "\(directory)/\($0)" }) }
      return [SafetensorsShards.wholeName]
    }
    let names = names(count: parts.count, in: directory)
    // The order of the variables stays: readers here take it from the index.
    var map: [String] = []
    for (part, name) in zip(parts, names) {
      try write(part, to: "\(directory)/\(name)", metadata: metadata)
      map += part.paths.map { "\(quoted($0)):\(quoted(name))" }
    }
    let text = "{\"metadata\":{\"total_size\":\(variables.byteCount)},\"weight_map\":{\(map.joined(separator: ","))}}\n"
    let storage = TensorStorage(copying: Array(text.utf8))
    defer { withExtendedLifetime(storage) {} }
    try AtomicFile.write([UnsafeRawBufferPointer(storage.bytes)], to: index)
    AtomicFile.remove([whole] + old.filter { !names.contains($0) }.map { "\(directory)/\($0)" })
    return names
  }

  private static func quoted(_ text: String) -> String { String(decoding: encoded(text) ?? [], as: UTF8.self) }

  private static func split(_ variables: Variables, limit: Int) -> [Variables] {
    var parts: [Variables] = []
    for path in variables.paths {
      guard let tensor = variables[path] else { continue }
      if parts.isEmpty || parts[parts.count - 1].byteCount + tensor.byteCount > limit, parts.last?.count != 0 {
        parts.append(Variables())
      }
      parts[parts.count - 1].set(path, tensor, isTrainable: variables.isTrainable(path))
    }
    return parts
  }

  /// Names that no file has yet: the usual ones, or with a mark of this save.
  private static func names(count: Int, in directory: String) -> [String] {
    func digits(_ number: Int) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(5 - text.count, 0)) + text
    }
    func names(_ mark: String) -> [String] {
      (1...count).map { "model\(mark)-\(digits($0))-of-\(digits(count)).safetensors" }
    }
    let usual = names("")
    guard usual.contains(where: { AtomicFile.exists("\(directory)/\($0)") }) else { return usual }
    return names("-" + String(UInt32.random(in: 1...(.max)), radix: 16))
  }
}
