#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
import MezzoBackend
public import MezzoGraph

/// The routes of a model, written down, so that a change of routing is seen: one line of JSON for each class of operations.
///
/// A class is what asks for the same thing in the same place: layer, phase, operation with its epilogue, dtypes. Shapes are
/// left out, so that a lock holds for every batch; where shapes lead to several routes, all of them are in the lock.
public struct RouteLock: Hashable, Sendable {
  /// Sorted, each once.
  public private(set) var routes: [Route]

  public struct Route: Hashable, Sendable, Codable {
    public var layer: String
    public var phase: Graph.Phase
    public var operation: String
    public var dtypes: String
    public var backend: String
    /// Of the backend.
    public var version: String
    /// Which build of that version it is.
    public var build: String
    public var rule: String
    public var casts: [String]
    public var isPacked: Bool

    private enum CodingKeys: String, CodingKey {
      case layer, phase, operation, dtypes, backend, version, build, rule, casts
      case isPacked = "packed"
    }

    init(_ record: RouteRecord) {
      layer = record.layer
      phase = record.phase
      operation = record.operation
      dtypes = record.dtypes
      backend = record.backend
      version = record.backendVersion
      build = record.backendBuild ?? ""
      rule = record.rule
      casts = record.casts
      isPacked = record.isPacked
    }

    /// `matmul+bias float32, float32 -> float32 of 1, forward`
    var place: String {
      "\(operation) \(dtypes)\(layer.isEmpty ? "" : " of \(layer)"), \(phase.rawValue)"
    }

    var key: [String] { [layer, phase.rawValue, operation, dtypes] }

    /// The same, whichever build it is.
    var anyBuild: Route {
      var route = self
      route.build = ""
      return route
    }

    var way: String {
      "\(backend)/\(rule) \(version)" + (casts.isEmpty ? "" : " with \(casts.joined(separator: ", "))")
        + (isPacked ? ", packed" : "")
    }
  }

  public init(_ records: [RouteRecord]) {
    routes = Self.sorted(records.map(Route.init))
  }

  private static func sorted(_ routes: [Route]) -> [Route] {
    func order(_ route: Route) -> [String] {
      route.key + [route.backend, route.rule, route.version, route.build] + route.casts
    }
    return Set(routes).sorted { order($0).lexicographicallyPrecedes(order($1)) }
  }

  private struct Header: Codable {
    var format: String
    var version: Int
  }

  private static let header = Header(format: "mezzo-routes", version: 2)

  /// The file: a header, then a line a route.
  public var text: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    func line(_ value: some Encodable) -> String {
      // Texts, numbers and truth values have no value that JSON lacks.
      (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
    return ([line(Self.header)] + routes.map { line($0) }).joined(separator: "\n") + "\n"
  }

  public init(parsing text: String) throws(RouteLockError) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let decoder = JSONDecoder()
    guard let first = lines.first, let header = try? decoder.decode(Header.self, from: Data(first.utf8)),
      header.format == Self.header.format
    else {
      throw .malformed(
        line: 1, message: "expected the header of a lock of routes; write one with 'mezzo explain --lock FILE'")
    }
    guard header.version == Self.header.version else {
      throw .malformed(
        line: 1,
        message: "expected version \(Self.header.version) of the format, found \(header.version); write it anew")
    }
    var routes: [Route] = []
    for (index, line) in lines.enumerated().dropFirst() where !line.allSatisfy(\.isWhitespace) {
      do {
        routes.append(try decoder.decode(Route.self, from: Data(line.utf8)))
      } catch let error as DecodingError {
        throw .malformed(line: index + 1, message: "expected a route as JSON: \(error.inWords)")
      } catch {
        throw .malformed(line: index + 1, message: "expected a route as JSON")
      }
    }
    self.routes = Self.sorted(routes)
  }

  /// A backend that says of itself that it is of the same version, and is another build.
  public struct Rebuilt: Hashable, Sendable, CustomStringConvertible {
    public var backend: String
    public var version: String
    public var locked, found: [String]

    public var description: String {
      "backend \(backend) \(version) is another build than in the lock: \(found.joined(separator: " and ")), locked "
        + locked.joined(separator: " and ")
    }
  }

  /// Where routes are others than the lock has. Which build a backend is does not count here; see ``rebuilt(in:)``.
  public enum Difference: Hashable, Sendable, CustomStringConvertible {
    case changed(place: String, locked: [String], found: [String])
    case added(place: String, found: [String])
    case removed(place: String, locked: [String])

    public var description: String {
      let (place, minus, plus) =
        switch self {
        case .changed(let place, let locked, let found): (place, locked, found)
        case .added(let place, let found): (place, [], found)
        case .removed(let place, let locked): (place, locked, [])
        }
      return ([place] + minus.map { "  - \($0)" } + plus.map { "  + \($0)" }).joined(separator: "\n")
    }
  }

  /// The backends that both have in the same version and in different builds. Their routes are the same, but not their code:
  /// results and times may be others.
  public func rebuilt(in other: RouteLock) -> [Rebuilt] {
    func builds(_ routes: [Route]) -> [[String]: Set<String>] {
      Dictionary(grouping: routes) { [$0.backend, $0.version] }.mapValues { Set($0.map(\.build)) }
    }
    let (locked, found) = (builds(routes), builds(other.routes))
    return locked.keys.sorted { $0.lexicographicallyPrecedes($1) }.compactMap { key in
      guard let before = locked[key], let after = found[key], !after.isSubset(of: before) else { return nil }
      return Rebuilt(backend: key[0], version: key[1], locked: before.sorted(), found: after.sorted())
    }
  }

  /// What would have to change in this lock to become `other`.
  public func differences(to other: RouteLock) -> [Difference] {
    let (locked, found) = (Self.byKey(routes), Self.byKey(other.routes))
    return Set(locked.keys).union(found.keys).sorted { $0.lexicographicallyPrecedes($1) }.compactMap { key in
      let (before, after) = (locked[key] ?? [], found[key] ?? [])
      guard before != after, let place = (before + after).first?.place else { return nil }
      let gone = before.filter { !after.contains($0) }.map(\.way)
      let new = after.filter { !before.contains($0) }.map(\.way)
      if before.isEmpty { return .added(place: place, found: new) }
      if after.isEmpty { return .removed(place: place, locked: gone) }
      return .changed(place: place, locked: gone, found: new)
    }
  }

  /// Whether a record goes another way than the lock has for its class; a class that the lock does not have may go any.
  func difference(of record: RouteRecord) -> Difference? {
    let route = Route(record)
    let locked = routes.filter { $0.key == route.key }
    guard !locked.isEmpty, !locked.contains(where: { $0.anyBuild == route.anyBuild }) else { return nil }
    return .changed(place: route.place, locked: locked.map(\.way), found: [route.way])
  }

  /// Whether a record is of another build than the lock has for its backend's version.
  func rebuilt(of record: RouteRecord) -> Rebuilt? {
    rebuilt(in: RouteLock([record])).first
  }

  private static func byKey(_ routes: [Route]) -> [[String]: [Route]] {
    Dictionary(grouping: sorted(routes.map(\.anyBuild)), by: \.key)
  }

  static func text(_ differences: [Difference]) -> String {
    differences.map(\.description).joined(separator: "\n")
  }
}

/// A lock of routes that cannot be used, or that routes do not keep to.
public enum RouteLockError: Error, Equatable, Sendable, CustomStringConvertible {
  case malformed(line: Int, message: String)
  case differs([RouteLock.Difference])
  /// Under strict routing.
  case rebuilt([RouteLock.Rebuilt])

  public var description: String {
    switch self {
    case .malformed(let line, let message): "line \(line) of the lock: \(message)"
    case .differs(let differences):
      "\(differences.count) \(differences.count == 1 ? "class of operations takes" : "classes of operations take") "
        + "another route than the lock has (- locked, + now):\n\(RouteLock.text(differences))"
    case .rebuilt(let backends):
      "\(backends.map(\.description).joined(separator: "; ")); write the lock anew if that is right"
    }
  }
}

extension Explanation {
  /// The routes, to be written down.
  public var lock: RouteLock { RouteLock(records) }

  /// - Parameter strict: whether another build of a backend of the same version is an error.
  /// - Returns: the backends that are other builds of the same version.
  /// - Throws: `RouteLockError.differs` where the routes are not exactly those of `lock`.
  @discardableResult
  public func check(_ lock: RouteLock, strict: Bool = false) throws(RouteLockError) -> [RouteLock.Rebuilt] {
    let differences = lock.differences(to: self.lock)
    if !differences.isEmpty { throw .differs(differences) }
    let rebuilt = lock.rebuilt(in: self.lock)
    if strict, !rebuilt.isEmpty { throw .rebuilt(rebuilt) }
    return rebuilt
  }
}
