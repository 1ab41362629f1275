import MezzoGraph
public import MezzoPolicy

extension PolicyFile {
  /// Reads the file at `path`.
  ///
  /// - Throws: `CheckpointError` if it cannot be read, `PolicyError.file` with what is wrong if it is no policy file, or has a
  ///   rule for an operation that there is not.
  public init(contentsOf path: String) throws {
    let json = try CheckpointFile.read(path)
    do throws(PolicyError) {
      try self.init(json: json)
      try requireKnownOperations()
    } catch {
      throw PolicyError.file(path: path, error: error)
    }
  }

  /// Policies are read without knowing the operations that there are. Later, the file would not be named.
  private func requireKnownOperations() throws(PolicyError) {
    let mapped = map.map { map in [map.defaultPolicy] + map.keys.compactMap { map[$0] } } ?? []
    for policy in mapped + [policy].compactMap({ $0 }) {
      do throws(GraphError) {
        _ = try OperationPrecision(policy: policy)
      } catch {
        throw PolicyError(error, policy)
      }
    }
  }

  /// Writes the file at `path`, which is whole or as it was.
  ///
  /// - Throws: `CheckpointError` if it cannot be written.
  public func write(to path: String) throws {
    try CheckpointFile.write(json + [UInt8(ascii: "\n")], to: path)
  }
}

extension PolicyError {
  /// What is wrong with the operations of a policy.
  fileprivate init(_ error: GraphError, _ policy: DTypePolicy) {
    func found(_ name: String) -> String { policy.operationDTypes[name]?.name ?? "" }
    switch error.kind {
    case .operation(let name, let known):
      self = .refinement(
        field: "op.\(name)", expected: "one of the operations \(known.joined(separator: ", "))", found: found(name))
    case .attribute(let name, let expected, _):
      self = .refinement(field: "op.\(name)", expected: "an operation \(expected)", found: found(name))
    default: self = .grammar(policy: policy.name, expected: "operations with their dtypes", found: error.description)
    }
  }
}
