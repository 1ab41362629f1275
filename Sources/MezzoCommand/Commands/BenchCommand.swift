import ArgumentParser
import Mezzo

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure training and inference on this machine.",
    discussion: """
      Workloads: W1 a step of training of dense layers, W2 of convolutions, W3 sentences through all-MiniLM-L6-v2 (after \
      'make model'), W4 a step of training of a layer of a transformer's encoder, W5a a dense layer with GELU, W5b a chain \
      of small ones, W6a to W6c rows normalised, softmax and GELU. Data and weights are made up and always the same. Times are medians, with the least and the most beside them.

        mezzo bench
        mezzo bench W1 W4 --policy mixed_bfloat16
        mezzo bench W2:batch=16:channels=3-16-32   # sizes of one's own; a wrong name lists what there are
        mezzo bench W3 W3 --together   # two models in one process, each called from a thread of its own
        mezzo bench --calls       # what calling a backend takes beside its work
        mezzo bench --worker      # for a program that compares: requests on standard input
      """)

  @Argument(help: "Which workloads, with sizes if wanted. (default: all)")
  var workloads: [String] = []

  @Option(help: ArgumentHelp("Only under this policy. (default: all)", valueName: "name"))
  var policy: String?

  @Option(help: "For how long each is run.", transform: Arguments.rate)
  var seconds = 0.5

  @Flag(help: "Answer requests on standard input, one JSON object a line.")
  var worker = false

  @Flag(help: "Run the workloads at the same time in one process, and tell what share of its pace alone each keeps.")
  var together = false

  @Flag(help: "Measure calls of functions that do nothing, and count what they allocate.")
  var calls = false

  @OptionGroup var output: OutputOptions

  private struct Measurement: Encodable {
    var workload: String
    var title: String
    var policy: String
    var medianMilliseconds: Double
    var leastMilliseconds: Double
    var mostMilliseconds: Double
    var iterations: Int
    var operationsPerSecond: OrNull<Double>
    /// Of what this machine was measured to do at best in the dtype of the products.
    var ofCeiling: OrNull<Double>
  }

  func validate() throws {
    if calls, worker || together || policy != nil || !workloads.isEmpty {
      throw ValidationError(
        "expected --calls without workloads, --policy, --together and --worker, since it measures none of them")
    }
    if together, worker || workloads.isEmpty {
      throw ValidationError("expected the workloads that run --together, such as 'mezzo bench W3 W3 --together'")
    }
  }

  func run() throws {
    output.begin()
    if worker {
      var worker = BenchWorker()
      return try worker.run()
    }
    if calls {
      let measurements = try CallBench.measure(seconds: seconds)
      return if output.json { try printJSON(measurements) } else { print(CallBench.table(measurements)) }
    }
    let requests =
      try workloads.isEmpty
      ? BenchKind.all.filter { $0.isReady(BenchParameters()) }.map { BenchRequest($0) }
      : workloads.map { try BenchRequest($0) }
    if together { return try measureTogether(requests) }
    let ceiling = Ceiling.measured()
    var measurements: [Measurement] = []
    for request in requests {
      for variant in policy.map({ [$0] }) ?? request.kind.variants {
        if Console.Stream.error.isTerminal { Console.error("\r\u{1B}[K\(request.name) \(variant)") }
        measurements.append(try measure(request, variant, ceiling))
      }
    }
    if Console.Stream.error.isTerminal { Console.error("\r\u{1B}[K") }
    if output.json { try printJSON(measurements) } else { print(table(measurements)) }
  }

  private func measure(_ request: BenchRequest, _ variant: String, _ ceiling: Ceiling) throws -> Measurement {
    let kind = request.kind
    var workload = try kind.make(
      request.parameters, BenchSetting(kind, variant: variant, runtime: try Observation.runtime(), seed: 0))
    let run = try BenchRun(&workload, seconds: seconds, most: .max)
    let rate = try kind.operations(request.parameters).map { $0 / run.median * 1e3 }
    let dtype = variant == BenchKind.int8 ? variant : try DTypePolicy(variant).computeDType?.name ?? ""
    return Measurement(
      workload: request.name, title: kind.title, policy: variant, medianMilliseconds: run.median,
      leastMilliseconds: run.times.min() ?? .nan, mostMilliseconds: run.times.max() ?? .nan,
      iterations: run.times.count, operationsPerSecond: OrNull(rate),
      ofCeiling: OrNull(rate.map { $0 / ceiling.operations(for: dtype) }))
  }

  private func measureTogether(_ requests: [BenchRequest]) throws {
    // One runtime, as an application has it for all of its models.
    let runtime = try Observation.runtime()
    let variant = policy ?? globalPolicy().name
    let contestants = try requests.map { try ConcurrentBench.Contestant($0, variant: variant, runtime: runtime) }
    let measurements = try ConcurrentBench.measure(contestants, seconds: seconds)
    if output.json { return try printJSON(measurements) }
    print(
      TextTable(
        header: ["workload", "", "policy", "alone", "together", "share"],
        rows: measurements.map { row in
          [
            row.workload, row.title, row.policy, Self.time(row.aloneMilliseconds),
            Self.time(row.togetherMilliseconds), Self.percent(row.share),
          ]
        } + [["all", "", "", "", "", Self.percent(measurements.reduce(0) { $0 + $1.share })]]))
  }

  private func table(_ measurements: [Measurement]) -> TextTable {
    TextTable(
      header: ["workload", "", "policy", "median", "least – most", "Gop/s", "of the ceiling"],
      rows: measurements.map { row in
        [
          row.workload, row.title, row.policy, Self.time(row.medianMilliseconds),
          "\(Self.time(row.leastMilliseconds)) – \(Self.time(row.mostMilliseconds))",
          row.operationsPerSecond.value.map { "\(Int(($0 / 1e9).rounded()))" } ?? "–",
          row.ofCeiling.value.map(Self.percent) ?? "–",
        ]
      })
  }

  private static func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }

  /// With three digits.
  private static func time(_ milliseconds: Double) -> String {
    func rounded(_ value: Double) -> String {
      value < 10
        ? "\((value * 100).rounded() / 100)"
        : value < 100 ? "\((value * 10).rounded() / 10)" : "\(Int(value.rounded()))"
    }
    return milliseconds < 1 ? "\(rounded(milliseconds * 1e3)) µs" : "\(rounded(milliseconds)) ms"
  }
}
