import MezzoBackend
import MezzoBuiltin
public import MezzoGraph
public import MezzoPlugins
import MezzoPolicy

/// Backends, the router over them, and the plans made so far.
///
/// `Runtime.shared` has every backend of the search path; a program that wants others makes a runtime of its own.
public final class Runtime: Sendable {
  public let registry: BackendRegistry
  public let router: Router
  private let plans = Locked<[Graph: Plan]>([:])

  /// When there are so many, all go: a plan is quickly made anew.
  private static let planLimit = 256

  public static let shared = Runtime(.discovered())

  /// - Parameter threads: for all backends together; by default what the host has.
  public init(_ registry: BackendRegistry, threads: Int = HostServices.threads) {
    self.registry = registry
    router = Router(backends: registry.backends, threads: threads)
  }

  /// A runtime with the built-in backend alone.
  public static func builtinOnly() -> Runtime { Runtime(.builtin()) }

  /// A plan of `graph` that belongs to the caller: its memory, and the constants bound to it, go when the plan goes.
  public func makePlan(_ graph: Graph) throws(RuntimeError) -> Plan { try Plan(graph, router: router) }

  /// The plan of `graph`, made at the first call and kept; for eager computation, whose graphs have no constants.
  public func plan(_ graph: Graph) throws(RuntimeError) -> Plan {
    if let plan = plans.withLock({ $0[graph] }) { return plan }
    let plan = try makePlan(graph)
    plans.withLock { plans in
      if plans.count >= Self.planLimit { plans.removeAll() }
      plans[graph] = plan
    }
    return plan
  }

  /// Traces `body` over the types of `inputs`, plans it and runs it: eager computation.
  ///
  /// ```swift
  /// let y = try Runtime.shared.evaluate([x]) { [try $0[0].softmax()] }
  /// ```
  public func evaluate(
    _ inputs: [Tensor], _ body: ([SymbolicTensor]) throws -> [SymbolicTensor]
  ) throws -> [Tensor] {
    let trace = Trace()
    let symbols = inputs.enumerated().map { trace.input($1.type, name: "input \($0)") }
    return try plan(trace.finish(try body(symbols))).run(inputs)
  }
}

extension BackendRegistry {
  /// The built-in backend alone.
  public static func builtin() -> BackendRegistry {
    var registry = BackendRegistry()
    registry.registerBuiltin()
    return registry
  }

  /// The built-in backend and everything on the search path.
  public static func discovered() -> BackendRegistry {
    var registry = builtin()
    registry.discover(bundled: [
      Bundled(
        id: "onednn", product: "MezzoOneDNN",
        advice:
          "build it with 'swift build', or in a package of your own add Mezzo's product MezzoOneDNN to your target")
    ])
    return registry
  }

  private mutating func registerBuiltin() {
    do throws(BackendError) {
      register(try NativeBackend(linked: Builtin.query, name: Builtin.name))
    } catch {
      // The table is part of this program and its tests; nothing that a user does can bring this about.
      preconditionFailure("the built-in backend contradicts this host: \(error)")
    }
  }
}
