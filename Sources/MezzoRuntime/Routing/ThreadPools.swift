import MezzoBackend
import MezzoPlugins

/// Whose threads a plan computes on: how many all backends have together, and which of them bring a pool of their own.
public struct ThreadPools: Sendable, Codable, Hashable, CustomStringConvertible {
  /// For all backends together.
  public var budget: Int
  /// Backends of the plan that compute on Mezzo's threads.
  public var shared: [String]
  /// Backends of the plan whose libraries have threads of their own.
  public var own: [String]
  /// OpenMP runtimes that are in the process.
  public var runtimes: [String]

  init(_ records: [RouteRecord], _ router: Router) {
    let used = Set(records.map { "\($0.backend)/\($0.rule)" })
    func backends(_ hasOwn: Bool) -> [String] {
      router.backends.filter { backend in
        backend.rules.contains {
          used.contains("\(backend.id)/\($0.name)") && $0.traits.contains(.ownThreads) == hasOwn
        }
      }.map(\.id)
    }
    budget = router.threads
    shared = backends(false)
    own = backends(true)
    runtimes = BackendRegistry.threadRuntimes
  }

  /// `2 in one budget; onednn has threads of its own (libgomp) and runs alone while it uses them`
  public var description: String {
    guard !own.isEmpty else { return "\(budget), Mezzo's own" }
    let place = runtimes.isEmpty ? "" : " (\(runtimes.joined(separator: ", ")))"
    let names = own.joined(separator: ", ")
    return budget == 1
      ? "1: the threads of \(names)\(place) are told to be one"
      : "\(budget) in one budget: pools of \(names)\(place)\(shared.isEmpty ? "" : " and of Mezzo") take turns"
  }
}
