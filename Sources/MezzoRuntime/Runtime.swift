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
  /// Where packed weights are kept beyond the end of the program; `nil`: nowhere.
  public var packCache: PackCache? { router.packCache }
  private let plans = Locked<[Graph: Plan]>([:])

  /// When there are so many, all go: a plan is quickly made anew.
  private static let planLimit = 256

  /// Routes as `MEZZO_ROUTING` and `MEZZO_PINS` say; where those make no sense, its first plan throws the reason. Keeps packed
  /// weights where `MEZZO_PACK_CACHE` says.
  public static let shared = {
    do throws(RoutingError) {
      return Runtime(.discovered(), options: try .environment(), packCache: .environment())
    } catch {
      return Runtime(.discovered(), threads: HostServices.threads, options: RoutingOptions(), problem: error)
    }
  }()

  /// - Parameters:
  ///   - threads: for all backends together; by default what the host has.
  ///   - options: what routing may do. Where they name a backend or a rule that is not there, the first plan throws.
  ///   - recorder: looks on as its plans run, and keeps the operations that it is told to.
  ///   - profiler: notes when its operations ran, and for how long.
  ///   - packCache: where packed weights are kept beyond the end of the program.
  public convenience init(
    _ registry: BackendRegistry = .discovered(), threads: Int = HostServices.threads,
    options: RoutingOptions = RoutingOptions(), recorder: CaseRecorder? = nil, profiler: Profiler? = nil,
    packCache: PackCache? = nil
  ) {
    self.init(
      registry, threads: threads, options: options, problem: nil, recorder: recorder, profiler: profiler,
      packCache: packCache)
  }

  /// With pins, and else the usual options.
  public convenience init(_ registry: BackendRegistry = .discovered(), pins: [Pin]) {
    var options = RoutingOptions()
    options.pins = pins
    self.init(registry, options: options)
  }

  /// One whose requests are noted.
  package convenience init(_ registry: BackendRegistry, options: RoutingOptions, survey: RoutingSurvey) {
    self.init(registry, threads: HostServices.threads, options: options, problem: nil, survey: survey)
  }

  init(
    _ registry: BackendRegistry, threads: Int, options: RoutingOptions, problem: RoutingError?,
    notices: Notices = Notices(label: "mezzo.routing"), recorder: CaseRecorder? = nil, profiler: Profiler? = nil,
    survey: RoutingSurvey? = nil, packCache: PackCache? = nil
  ) {
    self.registry = registry
    var options = options
    options.tuned = options.tuned?.holding(for: registry.backends)
    router = Router(
      backends: registry.backends, threads: threads, options: options,
      problem: problem ?? registry.problem(of: options.pins), notices: notices, recorder: recorder,
      profiler: profiler, survey: survey, packCache: packCache)
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
  /// The first pin whose backend or rule is not there.
  func problem(of pins: [Pin]) -> RoutingError? {
    for pin in pins {
      guard let backend = backends.first(where: { $0.id == pin.backend }) else {
        if let refused = refused.first(where: { $0.name == pin.backend }) {
          return .pin(pin, message: "backend \(pin.backend) was refused: \(refused.reason)")
        }
        return .pin(
          pin, message: "there is no backend \(pin.backend); there are \(backends.map(\.id).joined(separator: ", "))")
      }
      let rules = backend.rules.filter { $0.code == pin.operation ?? $0.code }
      guard rules.contains(where: { pin.allows(backend.id, $0.name) }) else {
        if let dropped = backend.droppedRules.first(where: { pin.allows(backend.id, $0.rule.name) }) {
          return .pin(pin, message: "\(pin.backend)/\(dropped.rule.name): \(dropped.reason)")
        }
        let names = (rules.isEmpty ? backend.rules : rules).map(\.name).joined(separator: ", ")
        let operation = pin.operation.map { " for \($0)" } ?? ""
        return .pin(
          pin,
          message: rules.isEmpty
            ? "\(pin.backend) has no rule\(operation); its rules are \(names)"
            : "\(pin.backend) has no rule \(pin.rule ?? "")\(operation); it has \(names)")
      }
    }
    return nil
  }

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
