import ArgumentParser
import Mezzo

/// What routing may do, on top of `MEZZO_ROUTING` and `MEZZO_PINS`.
struct RoutingArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Send operations to one backend: 'encoder.*=onednn', 'op:matmul=openblas/sgemm'. May be repeated; the last one that \
      concerns an operation counts.
      """, valueName: "pin"),
    transform: { try Pin(parsing: $0) })
  var pin: [Pin] = []

  @Option(
    help: ArgumentHelp(
      """
      What may be substituted: exact, widen (the default) or any, for one operation matmul=any; extended keeps float32 \
      between operations that compute in it; fallback=silent, note or error. With commas between.
      """, valueName: "words"))
  var routing: String?

  @Option(
    help: ArgumentHelp(
      "Choose among the backends, as MEZZO_BACKENDS does: 'only:onednn,openblas', '-openblas'.", valueName: "choice"))
  var backends: String?

  @Flag(
    help: """
      Fail where an operation is computed in other dtypes, or a backend does not keep a rule that takes it. \
      With --routing fallback=error also where the built-in backend does what another one offers in other dtypes or shapes.
      """)
  var strict = false

  /// The shared runtime, or one of its backends that routes as is asked for here.
  func runtime() throws -> Runtime {
    if pin.isEmpty, routing == nil, !strict, backends == nil { return try Observation.runtime() }
    return Runtime(
      registry, options: try options(), recorder: Observation.recorder, profiler: Observation.profiler,
      packCache: Runtime.shared.packCache)
  }

  /// What routing may do, with what was measured on this machine.
  func options() throws -> RoutingOptions {
    var options = try RoutingOptions.environment()
    if let routing { try options.read(routing) }
    options.pins += pin
    if strict { options.isStrict = true }
    return options
  }

  var registry: BackendRegistry {
    var registry = Runtime.shared.registry
    if let backends { registry.choose(backends) }
    return registry
  }
}

extension Explanation {
  /// A pin that meets no operation is a slip of its writer: nothing would be as it asks.
  func checkPins() throws(RoutingError) {
    if let error = unmetPins.first { throw error }
  }
}
