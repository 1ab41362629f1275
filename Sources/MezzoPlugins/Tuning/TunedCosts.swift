package import MezzoBackend
package import MezzoFiles
import MezzoPolicy

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What rules took for operations of certain shapes on this machine: what `mezzo tune` measured, kept beside the verdicts of
/// probes.
///
/// A time holds for the processor, the number of threads and the build of the backend; what was measured under others is left
/// aside.
public struct TunedCosts: Hashable, Sendable {
  private var content: Content

  private struct Content: Hashable, Codable {
    var version = 1
    var processor: String
    var threads: Int
    /// The fingerprint of each backend that was measured, by its id.
    var builds: [String: String] = [:]
    /// Nanoseconds by rule and request.
    var nanoseconds: [String: Double] = [:]
  }

  /// Nothing measured yet.
  package init(threads: Int) { content = Content(processor: Self.processor, threads: threads) }

  package var isEmpty: Bool { content.nanoseconds.isEmpty }

  package func nanoseconds(_ request: OperationRequest, backend: String, rule: String) -> Double? {
    content.nanoseconds[Self.key(request, backend, rule)]
  }

  package mutating func set(_ nanoseconds: Double, _ request: OperationRequest, _ backend: any Backend, rule: String) {
    content.builds[backend.id] = backend.fingerprint
    content.nanoseconds[Self.key(request, backend.id, rule)] = nanoseconds
  }

  /// Takes over what was measured later; of a backend that is another build now, nothing older stays.
  package mutating func merge(_ other: TunedCosts) {
    for (id, build) in other.content.builds where content.builds[id].map({ $0 != build }) ?? false { forget(id) }
    content.builds.merge(other.content.builds) { $1 }
    content.nanoseconds.merge(other.content.nanoseconds) { $1 }
  }

  /// Without what was measured of another build of a backend.
  package func holding(for backends: [any Backend]) -> TunedCosts {
    var held = self
    for (id, build) in content.builds {
      guard let backend = backends.first(where: { $0.id == id }), backend.fingerprint != build else { continue }
      held.forget(id)
    }
    return held
  }

  private mutating func forget(_ id: String) {
    content.builds[id] = nil
    content.nanoseconds = content.nanoseconds.filter { !$0.key.hasPrefix("\(id)/") }
  }

  // MARK: The file

  /// Where it is kept; `nil` where there is no place.
  package static var path: String? { CacheFolder.path.map { "\($0)/tuned.json" } }

  /// What was measured on this processor with so many threads; `nil` if nothing was.
  package static func stored(threads: Int, at path: String? = TunedCosts.path) -> TunedCosts? {
    guard let path, let data = try? Data(contentsOf: URL(filePath: path)),
      let content = try? JSONDecoder().decode(Content.self, from: data)
    else { return nil }
    var costs = TunedCosts(threads: threads)
    guard content.version == costs.content.version, content.processor == costs.content.processor,
      content.threads == threads, content.nanoseconds.values.allSatisfy({ $0.isFinite && $0 > 0 })
    else { return nil }
    costs.content = content
    return costs
  }

  /// - Returns: the path of the file.
  @discardableResult
  package func store(at path: String? = TunedCosts.path) throws(FileError) -> String {
    guard let path else {
      throw .unwritable(path: "tuned.json", reason: "there is no folder for caches; set MEZZO_CACHE_DIR")
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(content) else {
      throw .unwritable(path: path, reason: "the times cannot be encoded")
    }
    let folder = URL(filePath: path).deletingLastPathComponent().path
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try AtomicFile.write(Array(data), to: path)
    return path
  }

  private static let processor = Digest(text: ProcessorFeatures.names.sorted().joined(separator: " ")).description

  private static func key(_ request: OperationRequest, _ backend: String, _ rule: String) -> String {
    func text(_ operand: Operand) -> String {
      "\(operand.type) \(operand.strides)\(operand.isConstant ? " constant" : "")"
    }
    let parts =
      request.inputs.map(text) + ["->"] + request.results.map(text)
      + request.attributes.map { "\($0.name)=\($0.value)" } + request.epilogue.map(\.description)
    return "\(backend)/\(rule) \(request.code.name) \(parts.joined(separator: ", ")), \(request.accumulator.name)"
  }
}
